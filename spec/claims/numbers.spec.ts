/**
 * Every number of a judgement worked out again from the letters of made-up runs, by formulas that are written here: means
 * over all runs and all passwords of the set and the phase that the claim names, and p-values of both parts of a rule.
 */
import { describe, expect, it } from 'vitest';
import { ABLATION, ARMS, type Arm, HELD_OUT_SHARES, MODEL_SIZES, SWEEPS } from '../../src/claims/arms.ts';
import { CLAIMS, type Evidence, type FindingKey, findingOf, type Judgement } from '../../src/claims/index.ts';
import type { WholeRun } from '../../src/records/record.ts';
import { viewsOf } from '../../src/records/view.ts';
import { tTestAbove } from '../../src/statistics/index.ts';
import { effect, type Knowledge, madeUpRun } from '../helpers/records.ts';

type SetName = 'heldOut' | 'useful' | 'random';

// Nine runs, in no order of seeds: enough that leaving one out is tempting.
const SEEDS = [9, 2, 5, 1, 7, 3, 8, 4, 6];

/** What the runs of the arm at `index` know: every set of every arm and phase something else. */
const knowledge = (index: number): Knowledge => ({
  dpo: { heldOut: 0.3 + index / 100, useful: 0.4 + index / 100, random: 0.9 + index / 100 },
  joint: { heldOut: 1.1 + index / 100, useful: 2.5 + index / 50, random: 0.97 + index / 1000 },
});

const evidence: Evidence = Object.fromEntries(
  ARMS.map(({ id }, index) => [
    id,
    // Another order of seeds in every other arm: what is paired is paired by seed.
    (index % 2 === 0 ? SEEDS : [...SEEDS].reverse()).map((seed) => ({
      ...madeUpRun(1000 * index + seed, id === 'main' ? effect : knowledge(index), id === 'no-dpo' ? 'no-dpo' : 'main'),
      setup: madeUpRun(seed, effect).setup,
    })),
  ]),
);

const runsOf = (arm: string): WholeRun[] => evidence[arm] as WholeRun[];
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A mean over the letters of a set at the end of a phase, for each run. */
const byRun = (arm: string, phase: 'dpo' | 'joint', set: SetName, of: (logP: number) => number): number[] =>
  runsOf(arm).map(({ snapshots }) => {
    const rows = snapshots.filter((snapshot) => snapshot.phase === phase).map(({ sets }) => sets[set].logProbabilities);
    return mean(rows[0].flat().map(of));
  });
const guessRates = (arm: string, phase: 'dpo' | 'joint', set: SetName): number[] =>
  byRun(arm, phase, set, (logP) => 26 * Math.exp(logP));
const logLikelihoods = (arm: string, phase: 'dpo' | 'joint', set: SetName): number[] =>
  byRun(arm, phase, set, (logP) => logP);
const minus = (values: readonly number[], others: readonly number[]): number[] =>
  values.map((value, run) => value - others[run]);
const negated = (values: readonly number[]): number[] => values.map((value) => -value);

const judge = (id: string, given: Evidence = evidence): Judgement =>
  CLAIMS.find((claim) => claim.id === id)!.weigh(viewsOf(given));
const finding = (judgement: Judgement, key: FindingKey): number => findingOf(judgement, key).value;

/** Sums in another order. */
const near = (value: number | null | undefined, expected: number, what: string): void =>
  expect(
    Math.abs((value as number) - expected) / Math.abs(expected),
    `${what}: ${value}, not ${expected}`,
  ).toBeLessThan(1e-9);

describe('the estimate', () => {
  it.each([
    ['main', 'main', 'joint', 'heldOut'],
    ['control', 'main', 'joint', 'random'],
    ['avoidance', 'main', 'dpo', 'heldOut'],
    ['manipulation', 'main', 'joint', 'useful'],
    ['no-dpo', 'no-dpo', 'joint', 'heldOut'],
  ] as const)('of %s is the mean guess rate, over all runs of the arm %s, after phase %s, of %s', (id, arm, phase, set) => {
    const { estimate, interval, seeds } = judge(id);
    near(estimate, mean(guessRates(arm, phase, set)), `estimate of ${id}`);
    expect(seeds).toEqual(runsOf(arm).map(({ setup }) => setup.seed));
    const [low, high] = interval as readonly [number, number];
    expect(low).toBeLessThan(estimate as number);
    expect(high).toBeGreaterThan(estimate as number);
  });
});

describe('the p of a claim of two parts is that of the weaker part', () => {
  it.each<[string, () => [values: number[], expected: number][]]>([
    [
      'main',
      () => [
        [guessRates('main', 'joint', 'heldOut'), 1],
        [minus(logLikelihoods('main', 'joint', 'heldOut'), logLikelihoods('main', 'joint', 'random')), 0],
      ],
    ],
    [
      'avoidance',
      () => [
        [negated(guessRates('main', 'dpo', 'heldOut')), -1],
        [minus(logLikelihoods('main', 'dpo', 'random'), logLikelihoods('main', 'dpo', 'heldOut')), 0],
      ],
    ],
    [
      'manipulation',
      () => [
        [guessRates('main', 'joint', 'useful'), 1],
        [minus(logLikelihoods('main', 'joint', 'useful'), logLikelihoods('main', 'dpo', 'useful')), 1],
      ],
    ],
  ])('of %s it is', (id, parts) => {
    const ps = parts().map(([values, expected]) => tTestAbove(values, expected).p);
    expect(new Set(ps).size, 'parts that differ').toBe(2);
    near(judge(id).p, Math.max(...ps), `p of ${id}`);
  });
});

it('differences are those of the sets and phases that their labels name', () => {
  const [heldOut, random] = (['heldOut', 'random'] as const).map((set) => logLikelihoods('main', 'joint', set));
  near(finding(judge('main'), 'held-out-minus-control'), mean(minus(heldOut, random)), 'main, paired');
  near(
    finding(judge('manipulation'), 'rise'),
    mean(minus(logLikelihoods('main', 'joint', 'useful'), logLikelihoods('main', 'dpo', 'useful'))),
    'rise',
  );
  near(
    finding(judge('avoidance'), 'held-out-minus-control'),
    mean(minus(logLikelihoods('main', 'dpo', 'heldOut'), logLikelihoods('main', 'dpo', 'random'))),
    'avoidance, paired',
  );
});

describe.each<[string, readonly Arm[]]>([
  ['held-out-share', HELD_OUT_SHARES],
  ['model-size', MODEL_SIZES],
  ['freeze', Object.values(ABLATION)],
  ['lrbeta', SWEEPS.lrbeta],
])('the grid %s', (id, arms) => {
  it('has cells that are the means of their own runs, each with the p of its own runs', () => {
    const { cells } = judge(id);
    expect(cells?.map(({ arm }) => arm)).toEqual(arms.map((arm) => arm.id));
    for (const { arm, estimate, useful, random, p } of cells ?? []) {
      near(estimate, mean(guessRates(arm, 'joint', 'heldOut')), `held-out in ${arm}`);
      near(useful, mean(guessRates(arm, 'joint', 'useful')), `useful in ${arm}`);
      near(random, mean(guessRates(arm, 'joint', 'random')), `random in ${arm}`);
      near(p, tTestAbove(guessRates(arm, 'joint', 'heldOut'), 1).p, `p of ${arm}`);
    }
  });
});

it('a claim about every cell is as sure as its least sure cell', () => {
  for (const [id, arms] of [['held-out-share', HELD_OUT_SHARES] as const, ['model-size', MODEL_SIZES] as const]) {
    const ps = arms.map(({ id: arm }) => tTestAbove(guessRates(arm, 'joint', 'heldOut'), 1).p);
    near(judge(id).p, Math.max(...ps), `p of ${id}`);
  }
});

it('a claim about the average over cells averages each seed over the cells first', () => {
  const bySeed = SEEDS.map((seed) =>
    mean(
      SWEEPS.lrbeta.map(
        ({ id }) => guessRates(id, 'joint', 'heldOut')[runsOf(id).findIndex(({ setup }) => setup.seed === seed)],
      ),
    ),
  );
  const { estimate, p } = judge('lrbeta');
  near(estimate, mean(bySeed), 'average over cells');
  near(p, tTestAbove(bySeed, 1).p, 'p of lrbeta');
});

it('two cells are compared seed by seed: what the runs of a seed share cancels', () => {
  const { both, noFreeze } = ABLATION;
  // Runs that differ greatly from seed to seed, and not at all from cell to cell, in another order of seeds.
  const runs = SEEDS.map((seed) => ({
    ...madeUpRun(seed, { ...effect, joint: { ...effect.joint, heldOut: 1 + seed / 5 } }),
    setup: madeUpRun(seed, effect).setup,
  }));
  const alike = { ...evidence, [both.id]: runs, [noFreeze.id]: [...runs].reverse() };
  const same = findingOf(judge('freeze', alike), 'minus-baseline');
  expect([same.value, same.interval], 'cells that are alike').toEqual([0, [0, 0]]);

  const [own, other] = [noFreeze.id, both.id].map(
    (arm) => new Map(runsOf(arm).map(({ setup }, run) => [setup.seed, guessRates(arm, 'joint', 'heldOut')[run]])),
  );
  const differences = SEEDS.map((seed) => (own.get(seed) as number) - (other.get(seed) as number));
  near(finding(judge('freeze'), 'minus-baseline'), mean(differences), 'difference of two cells');
});
