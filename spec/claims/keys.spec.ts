/** Findings and cells are found by keys: labels are for readers, and may be reworded. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DISSECTED } from '../../src/claims/arms.ts';
import { ARMS, CLAIMS, cellOf, findingOf, type Judgement, optionalFinding } from '../../src/claims/index.ts';
import type { Views } from '../../src/records/view.ts';
import { effect, madeUpView, takenApart } from '../helpers/records.ts';

const judge = (views: Views): Judgement[] => CLAIMS.map((claim) => claim.weigh(views));
let known: Judgement[][] | undefined;
/** What is judged of one run, of two and of five. */
const worlds = (): Judgement[][] =>
  (known ??= [1, 2, 5].map((count) =>
    judge(
      Object.fromEntries(
        ARMS.map(({ id }, arm) => [
          id,
          Array.from({ length: count }, (_, seed) => {
            const run = madeUpView(100 * arm + seed, effect, id === 'no-dpo' ? 'no-dpo' : 'main', 8);
            const own = { ...run, setup: { ...run.setup, seed } };
            return id === DISSECTED.id ? takenApart(own) : own;
          }),
        ]),
      ),
    ),
  ));
const committed: Judgement[] = JSON.parse(
  readFileSync(new URL('../../reports/claims.json', import.meta.url), 'utf8'),
).studies.flatMap(({ claims }: { claims: Judgement[] }) => claims);

describe.each([
  ['made-up runs', () => worlds().flat()],
  ['the reference report', () => committed],
])('in every judgement of %s', (_, judgements) => {
  it('no two findings share a key, and no two cells an arm', () => {
    for (const { id, findings, cells = [] } of judgements()) {
      for (const names of [findings.map(({ key }) => key), cells.map(({ arm }) => arm)])
        expect(new Set(names).size, `${id}: ${names.join(' ')}`).toBe(names.length);
    }
  });

  it('keys are short names and paths of them, not prose', () => {
    const keys = judgements().flatMap(({ findings }) => findings.map(({ key }) => key));
    expect(keys.length).toBeGreaterThan(20);
    for (const key of keys) expect(key).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*(\/[a-z0-9]+(-[a-z0-9]+)*)*$/);
  });

  it('what is asked for by its key is what has it', () => {
    for (const judgement of judgements()) {
      for (const finding of judgement.findings) {
        expect(findingOf(judgement, finding.key)).toBe(finding);
        expect(optionalFinding(judgement, finding.key)).toBe(finding);
      }
      for (const cell of judgement.cells ?? []) expect(cellOf(judgement, cell.arm)).toBe(cell);
    }
  });
});

describe('what a judgement lacks', () => {
  it('is an error that names it, for a finding and for a cell', () => {
    const [main] = worlds()[2];
    expect(() => findingOf(main, 'minus-baseline')).toThrow('the judgement on main has no finding minus-baseline');
    const grid = worlds()[2].find(({ id }) => id === 'model-size')!;
    expect(() => cellOf(grid, 'size-9')).toThrow('the judgement on model-size has no cell size-9');
    expect(() => cellOf(main, 'size-1')).toThrow('the judgement on main has no cell size-1');
  });

  it('is undefined where it may be lacking, and is asked for as such', () => {
    const [[alone], , [main]] = worlds(); // a single run has no Bayes factor
    expect(optionalFinding(alone, 'bayes-factor')).toBeUndefined();
    expect(optionalFinding(main, 'bayes-factor')?.value).toBeGreaterThan(1);
  });
});
