/** What no verdict may do, however tempting: the specs that catch the sabotages of spec/sabotage/ in the claims. */
import { describe, expect, it } from 'vitest';
import { findingOf } from '../../src/claims/claim.ts';
import { main } from '../../src/claims/main.ts';
import { type RunView, viewOf } from '../../src/records/view.ts';
import { claimSeeds, FIRST_CLAIM_SEED } from '../../src/setup/presets.ts';
import { effect, type Knowledge, madeUpRun, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];

/** Runs whose held-out guess rates are as given, the same for every letter of a run. */
const runsAt = (rates: readonly number[]): RunView[] =>
  rates.map((rate, index) => {
    // Random passwords lie below chance, so that the paired difference is beyond doubt.
    const run = madeUpView(index + 1, { ...effect, joint: { ...effect.joint, random: 0.9 } });
    return {
      ...run,
      at(phase, prefix, set) {
        const { logProbabilities } = run.at(phase, prefix, set);
        return phase === 'joint' && set === 'heldOut'
          ? { logProbabilities: logProbabilities.map((row) => row.map(() => Math.log(rate / 26))) }
          : { logProbabilities };
      },
    };
  });

describe('the main claim', () => {
  it('is not reproduced by an interval that reaches chance by a hair, however it would be rounded', () => {
    const around = (centre: number) => runsAt([-2, -1, 0, 0, 1, 2].map((offset) => centre + 0.0002 * offset));
    const above = main.weigh({ main: around(1.0004) });
    const below = main.weigh({ main: around(1.0002) });
    for (const { interval, estimate } of [above, below]) {
      expect(estimate?.toFixed(3)).toBe('1.000'); // printed alike
      expect(interval?.[0].toFixed(3)).toBe('1.000');
    }
    expect(below.interval?.[0]).toBeLessThan(1);
    expect(below.verdict, `[${below.interval}] is above 1 by rounding alone`).toBe('not reproduced');
    expect(above.interval?.[0]).toBeGreaterThan(1);
    expect(above.verdict).toBe('reproduced');
  });

  it('reads the end of phase 3 under `reverse`, not what the same model says under `regular`', () => {
    const judged = (order: 'none' | 'before' | 'after') => {
      const runs = SEEDS.map((seed) => {
        const run = madeUpRun(seed, effect);
        const elsewhere = madeUpRun(seed, { ...effect, joint: { heldOut: 0.2, useful: 0.2, random: 1 } });
        const regular = [{ ...elsewhere.snapshots[1], prefix: 'regular' as const }];
        const [before, after] = [order === 'before' ? regular : [], order === 'after' ? regular : []];
        return viewOf({ ...run, snapshots: [...before, ...run.snapshots, ...after] });
      });
      return main.weigh({ main: runs });
    };
    expect(judged('after'), 'with scores under `regular` after them').toEqual(judged('none'));
    expect(judged('before'), 'with scores under `regular` before them').toEqual(judged('none'));
  });

  it('rests on the last step alone: a better evaluation before it changes neither verdict nor estimate', () => {
    const nothing: Knowledge = { ...effect, joint: { heldOut: 1, useful: 2.5, random: 1 } };
    const runs = SEEDS.map((seed) => {
      const run = madeUpView(seed, nothing);
      const lucky = madeUpView(seed, effect).evaluations[1];
      return { ...run, evaluations: [run.evaluations[0], { ...lucky, step: 5 }, run.evaluations[1]] };
    });
    const plain = main.weigh({ main: SEEDS.map((seed) => madeUpView(seed, nothing)) });
    const { verdict, estimate, interval } = main.weigh({ main: runs });
    expect({ verdict, estimate, interval }).toEqual({
      verdict: 'not reproduced',
      estimate: plain.estimate,
      interval: plain.interval,
    });
  });

  it('scores a checkpoint that it chooses on the other half of the passwords, never on those that chose it', () => {
    // At the first checkpoint the even half is likely and guessed well, at the second the odd half: each half picks the
    // checkpoint at which the other does badly.
    const runs = SEEDS.map((seed) => {
      const run = madeUpView(seed, effect);
      const [before, last] = run.evaluations;
      const good = { ...last.sets.heldOut.halves[0], logLikelihood: -2, guessRate: 3 };
      const bad = { ...good, logLikelihood: -4, guessRate: 0.5 };
      const at = (step: number, halves: readonly [typeof good, typeof good]) => ({
        ...last,
        step,
        sets: { ...last.sets, heldOut: { ...last.sets.heldOut, halves } },
      });
      return { ...run, evaluations: [before, at(5, [good, bad]), at(10, [bad, good])] };
    });
    const chosen = findingOf(main.weigh({ main: runs }), 'checkpoint/chosen-on-the-other-half/held-out');
    expect(chosen.value, 'chosen on the other half').toBeCloseTo(0.5, 12);
  });
});

it('claims are judged on distinct seeds, none of which the presets were chosen on', () => {
  const seeds = claimSeeds(1000);
  expect(new Set(seeds).size, 'distinct seeds of 1000').toBe(1000);
  expect(Math.min(...seeds)).toBe(FIRST_CLAIM_SEED);
  expect(FIRST_CLAIM_SEED, 'first seed that is judged').toBeGreaterThan(6);
});
