import { describe, expect, it } from 'vitest';
import type { Judgement } from '../../src/claims/index.ts';
import '../../src/vitest/matchers.ts';

const judgement = (verdict: Judgement['verdict'], interval: readonly [number, number] | null): Judgement => ({
  ...{ id: 'main', verdict, reason: 'two runs, and the rule needs five', measure: 'held-out guess rate (1 = chance)' },
  ...{ estimate: interval === null ? null : (interval[0] + interval[1]) / 2, interval },
  ...{ seeds: [1, 2], failed: 0, p: null, findings: [] },
});

describe('expect(judgement)', () => {
  it('.toBeReproduced() passes for that verdict alone, and says the reason of any other', () => {
    expect(judgement('reproduced', [1.2, 1.4])).toBeReproduced();
    for (const verdict of ['not reproduced', 'inconclusive', 'invalid'] as const) {
      expect(judgement(verdict, [1.2, 1.4])).not.toBeReproduced();
      expect(() => expect(judgement(verdict, [1.2, 1.4])).toBeReproduced()).toThrow(
        `the claim main is ${verdict}: two runs, and the rule needs five`,
      );
    }
  });

  it('.toBeAboveChance() asks for the whole interval, and shows it', () => {
    expect(judgement('reproduced', [1.01, 1.4])).toBeAboveChance();
    expect(judgement('reproduced', [1, 1.4])).not.toBeAboveChance();
    expect(judgement('reproduced', [0.1, 0.4])).toBeAboveChance(0.05);
    expect(() => expect(judgement('reproduced', [0.9, 1.4])).toBeAboveChance()).toThrow(
      /1\.150 \[0\.900, 1\.400\], and its interval does not lie above 1/,
    );
  });

  it('.toBeAboveChance() does not pass where no run finished', () => {
    expect(judgement('inconclusive', null)).not.toBeAboveChance();
    expect(() => expect(judgement('inconclusive', null)).toBeAboveChance()).toThrow(/no run finished/);
  });
});
