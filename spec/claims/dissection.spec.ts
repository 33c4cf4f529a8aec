/** Whether the claims on where the flip sits read what a run was taken apart into. */
import { mean } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { ARMS, DISSECTED } from '../../src/claims/arms.ts';
import { direction, patching } from '../../src/claims/dissection.ts';
import { findingOf } from '../../src/claims/index.ts';
import type { RunView } from '../../src/records/view.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { effect, madeUpView, takenApart } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const apart = (...rates: Parameters<typeof takenApart>[1][]): RunView[] =>
  SEEDS.map((seed) => takenApart(madeUpView(seed, effect, undefined, 4), ...rates));
const rates = { none: 0.5, first: 0.9, second: 0.5, whole: 1.5 };

/** Runs whose areas are changed, at the end of the run after one prefix, or before phase 3. */
const withArea = (moment: string, prefix: string, area: (seed: number) => number): RunView[] =>
  apart().map((run) => ({
    ...run,
    dissection: {
      ...run.dissection!,
      separations: run.dissection!.separations.map((one) =>
        one.moment === moment && one.prefix === prefix
          ? { ...one, auc: one.auc.map((_, layer) => (layer === one.auc.length - 1 ? area(run.setup.seed) : 0.99)) }
          : one,
      ),
    },
  }));

it('the arm is one that every claim may ask for', () => {
  expect(ARMS).toContain(DISSECTED);
  expect([patching.arms, direction.arms]).toEqual([[DISSECTED], [DISSECTED]]);
});

describe('patching', () => {
  const judge = (runs: RunView[]) => patching.weigh({ [DISSECTED.id]: runs });

  it('is reproduced where the first half ends the avoidance, and only the whole prefers', () => {
    const judgement = judge(apart(rates));
    expect(judgement.verdict, judgement.reason).toBe('reproduced');
    const values = ['before', 'first-half', 'second-half', 'whole'] as const;
    const found = values.map((key) => findingOf(judgement, `patched/${key}`).value);
    for (const [index, expected] of [0.5, 0.9, 0.5, 1.5].entries()) expect(found[index]).toBeCloseTo(expected, 1);
    expect(judgement.estimate).toBe(found[1]);
  });

  it.each([
    ['the second half alone raises them', { ...rates, second: 0.8 }],
    ['the first half lowers them', { ...rates, first: 0.3 }],
    ['the whole says less than the first half', { ...rates, whole: 0.7 }],
  ])('is not reproduced where %s', (_, other) => {
    const { verdict, reason } = judge(apart(other));
    expect(verdict, reason).toBe('not reproduced');
  });

  it('is inconclusive where the whole adds nothing to the first half', () => {
    const runs = apart({ ...rates, whole: 0.9 });
    expect(judge(runs).verdict, judge(runs).reason).toBe('inconclusive');
  });

  it('refuses runs that were not taken apart, or not as asked', () => {
    const whole = SEEDS.map((seed) => madeUpView(seed, effect, undefined, 4));
    expect(() => judge(whole)).toThrow(/seed 1, was not taken apart/);
    const fewer = apart().map((run) => ({ ...run, dissection: { ...run.dissection!, patched: [] } }));
    expect(() => judge(fewer)).toThrow(/no model was patched with the parts 0 to 0/);
  });
});

describe('direction', () => {
  const judge = (runs: RunView[]) => direction.weigh({ [DISSECTED.id]: runs });

  it('is reproduced where it tells negatives apart, and `reverse` turns it down', () => {
    const runs = apart();
    const judgement = judge(runs);
    expect(judgement.verdict, judgement.reason).toBe('reproduced');
    const last = (index: number) => mean(runs.map(({ dissection }) => dissection!.separations[index].auc.at(-1)!));
    const found = ['after-phase-2', 'regular', 'reverse'] as const;
    // Before under both prefixes, then at the end under both.
    expect(found.map((key) => findingOf(judgement, `direction/${key}`).value)).toEqual(
      [0, 2, 3].map((index) => expect.closeTo(last(index), 10)),
    );
    expect(findingOf(judgement, 'direction/reverse-minus-regular').value).toBeCloseTo(last(3) - last(2), 10);
    expect(judgement.estimate).toBeCloseTo(last(0), 10);
  });

  it('reads the last block, and no layer before it', () => {
    expect(judge(withArea('before', 'regular', (seed) => 0.4 + seed / 1000)).verdict).toBe('not reproduced');
  });

  it('is not reproduced where nothing is told apart before phase 3', () => {
    expect(judge(withArea('before', 'regular', (seed) => 0.5 + (seed % 2 === 0 ? 0.02 : -0.02))).verdict).toBe(
      'not reproduced',
    );
  });

  it('is inconclusive where `reverse` does nothing to it, or where there are no prefixes', () => {
    expect(judge(withArea('after', 'reverse', (seed) => 0.85 + seed / 1000)).verdict).toBe('inconclusive');
    const without = SEEDS.map((seed) => {
      const run = madeUpView(seed, effect, undefined, 4);
      return takenApart({ ...run, setup: { ...run.setup, prefixes: false } });
    });
    expect(judge(without).verdict).toBe('inconclusive');
  });
});

it('a model without a whole number of halves has the middle block in the second one, as in phase 2', () => {
  const view = madeUpView(1, effect, undefined, 4);
  const three = { ...view, setup: { ...PRESETS['pocket-memorising'], model: { ...view.setup.model, layers: 3 } } };
  const { dissection } = takenApart(three);
  expect(dissection?.patched.map(({ from, to }) => `${from}-${to}`)).toEqual([
    ...['0-0', '0-5', '0-1', '1-2', '2-3', '3-4', '4-5'],
    ...['0-2', '0-3', '0-4', '1-5', '2-5', '3-5'],
  ]);
});
