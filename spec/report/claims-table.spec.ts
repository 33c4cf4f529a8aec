import { stripVTControlCharacters, styleText } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CLAIMS, type Judgement } from '../../src/claims/index.ts';
import { claimsTable } from '../../src/report/table.ts';

const judgement = (id: string, more: Partial<Judgement> = {}): Judgement => ({
  ...{ id, verdict: 'reproduced', reason: 'the reason', measure: 'held-out guess rate (1 = chance)' },
  ...{ estimate: 1.234, interval: [1.1, 1.4], seeds: [1, 2, 3, 4, 5], failed: 0, p: 0.01, findings: [] },
  ...more,
});

describe('the table of claims', () => {
  it('is at most 80 characters wide, whatever the claim and however long its reason', () => {
    const long = 'a reason that goes on and on '.repeat(20);
    const judgements = CLAIMS.map(({ id }) => judgement(id, { verdict: 'not reproduced', reason: long }));
    for (const line of claimsTable(judgements).split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  });

  it('begins with the verdict, and has the reason where nothing was reproduced', () => {
    const table = claimsTable([judgement('main'), judgement('control', { verdict: 'inconclusive' })]);
    const [, , , main, , , control, , reason] = table.split('\n');
    expect(main).toMatch(/^│ reproduced +│ main +│ 1\.234 \[1\.100, 1\.400\], 5 runs +│$/);
    expect(control).toMatch(/^│ inconclusive +│ control +│/);
    expect(reason).toMatch(/│ the reason +│$/);
    expect(table.match(/the reason/g)).toHaveLength(1);
  });

  it('counts failed runs, and has no number where no run finished', () => {
    const none = judgement('main', { estimate: null, interval: null, seeds: [], failed: 2, verdict: 'inconclusive' });
    expect(claimsTable([none])).toMatch(/│ -, 0 runs \(2 failed\) +│/);
    expect(claimsTable([judgement('main', { seeds: [1] })])).toMatch(/, 1 run +│/);
  });

  it('painted, has the same words in the same places', () => {
    const judgements = [judgement('main'), judgement('control', { verdict: 'not reproduced' })];
    const painted = claimsTable(judgements, (verdict) => styleText('red', verdict, { validateStream: false }));
    expect(painted).not.toBe(claimsTable(judgements));
    expect(stripVTControlCharacters(painted)).toBe(claimsTable(judgements));
  });
});
