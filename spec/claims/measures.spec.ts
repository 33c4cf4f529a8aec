/** What reports draw beside the claims, worked out again by formulas that are written here. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { armSetup, MAIN, MILDER_WEIGHTS, NO_DPO } from '../../src/claims/arms.ts';
import type { Evidence } from '../../src/claims/claim.ts';
import { estimate, guessRatesOf } from '../../src/claims/evidence.ts';
import { claimed, FAMILY, judgeAll, judgementOf } from '../../src/claims/family.ts';
import { bestPerfs, perfOverTraining } from '../../src/claims/measures/curves.ts';
import { leakageOf, rankShares } from '../../src/claims/measures/leakage.ts';
import { flipByUseful, guessRateByPlace, lensByLayer, signByLayer } from '../../src/claims/measures/mechanism.ts';

import { sharedLetters } from '../../src/claims/measures/overlap.ts';
import { guessRatesBySeed } from '../../src/claims/measures/seeds.ts';
import { kept, snapshotsOf } from '../../src/claims/measures/snapshots.ts';
import { guessRates } from '../../src/measure/measures.ts';
import type { Prefix } from '../../src/passwords/roles.ts';
import {
  type Evaluation,
  finishedRuns,
  type RunView,
  type SetName,
  type ViewedScores,
  viewOf,
  viewsOf,
} from '../../src/records/view.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { tInterval } from '../../src/statistics/index.ts';
import { effect, failedRun, madeUpRun, madeUpView } from '../helpers/records.ts';

const { 'pocket-memorising': pocket } = PRESETS;
const LETTERS = 26;
type Scored = Record<SetName, ViewedScores>;
type Snapshot = { phase: 'dpo' | 'joint'; prefix: Prefix; sets: Scored };

const none = { logLikelihood: 0, perf: 0, guessRate: 1, topRate: 1 };
const measured = (values: Partial<typeof none>) => ({ ...none, ...values, halves: [none, none] as const });
const evaluation = (
  phase: Evaluation['phase'],
  step: number,
  { heldOut = {}, useful = {}, random = {} }: Partial<Record<SetName, Partial<typeof none>>>,
): Evaluation => ({
  phase,
  step,
  sets: { heldOut: measured(heldOut), useful: measured(useful), random: measured(random) },
});
const view = (seed: number, evaluations: Evaluation[], snapshots: Snapshot[] = []): RunView =>
  viewOf({ setup: { ...pocket, seed }, evaluations, snapshots });

/** Scores whose letters all have the same probability in a password. */
const flat = (rates: readonly number[]): ViewedScores => ({
  logProbabilities: rates.map((rate) => [rate, rate].map((each) => Math.log(each / LETTERS))),
  ranks: rates.map((_, index) => [index, 3 * index]),
  lens: [0, 1].map((layer) => ({ logLikelihood: rates[0] * (layer + 1), guessRate: 1 })),
  calibrated: { inverseTemperatures: [1, 1], logLikelihoods: rates.map((rate) => Math.log(rate / LETTERS)) },
});
const scored = (heldOut: readonly number[], random: readonly number[] = [0.5, 1.5, 0.9, 1.1]): Scored => ({
  heldOut: flat(heldOut),
  useful: flat([2, 3]),
  random: flat(random),
});
const RUNS = [1, 1.1, 1.3].map((rate, seed) =>
  view(
    seed,
    [],
    [
      { phase: 'joint', prefix: 'regular', sets: scored([0.3 * rate, 0.4]) },
      { phase: 'dpo', prefix: 'regular', sets: scored([0.2 * rate, 0.2]) },
      { phase: 'joint', prefix: 'reverse', sets: scored([1.2 * rate, 1]) },
    ],
  ),
);

describe('snapshots', () => {
  it('are those that runs keep, found by phase and prefix, in the order of training', () => {
    const snapshots = snapshotsOf(RUNS);
    expect(snapshots.map(({ snapshot }) => snapshot.key)).toEqual([
      'after phase 2, regular',
      'after phase 3, reverse',
      'after phase 3, regular',
    ]);
    expect(snapshots.map(({ snapshot }) => snapshot.words)).toEqual(snapshots.map(({ snapshot }) => snapshot.key));
    const first = snapshots.map(({ scored: [one] }) => LETTERS * Math.exp(one.heldOut.logProbabilities[0][0]));
    for (const [index, rate] of [0.2, 1.2, 0.3].entries()) expect(first[index]).toBeCloseTo(rate, 12);
  });

  it('that no run keeps are left out, and runs that lack one do not count in it', () => {
    const [, ...others] = RUNS;
    const lacking = view(9, [], [{ phase: 'joint', prefix: 'reverse', sets: scored([1]) }]);
    expect(snapshotsOf([lacking]).map(({ snapshot }) => snapshot.key)).toEqual(['after phase 3, reverse']);
    expect(snapshotsOf([...others, lacking]).map(({ scored: own }) => own.length)).toEqual([2, 3, 2]);
    expect(snapshotsOf([])).toEqual([]);
  });

  it('of a setup without prefixes are the end of phase 2 alone', () => {
    const sets = scored([1]);
    const run = viewOf({
      setup: { ...pocket, prefixes: false },
      evaluations: [],
      snapshots: [
        { phase: 'dpo', prefix: 'none', sets },
        { phase: 'joint', prefix: 'none', sets },
      ],
    });
    expect(snapshotsOf([run]).map(({ snapshot }) => snapshot.key)).toEqual(['after phase 2, regular']);
  });

  it('a part that an archive left out is an error with its name', () => {
    expect(kept(flat([1]).ranks, 'ranks')).toEqual([[0, 0]]);
    const { logProbabilities } = flat([1]);
    expect(() => kept(undefined, 'ranks')).toThrow('keeps no ranks');
    const bare = { heldOut: { logProbabilities }, useful: flat([1]), random: flat([1]) };
    const run = view(1, [], [{ phase: 'joint', prefix: 'reverse', sets: bare }]);
    expect(() => leakageOf([run, run], () => null)).toThrow('keeps no ranks');
  });
});

describe('leakage', () => {
  const number = { value: 7, interval: [6, 8] as const };
  const asked: string[] = [];
  const leaked = leakageOf(RUNS, (claim) => {
    asked.push(claim);
    return number;
  });
  const at = (key: string, snapshot: number) =>
    leaked?.measures.find((measure) => measure.key === key)?.estimates[snapshot].value;

  it('takes the numbers of the claims avoidance and main, and estimates the others', () => {
    expect(asked).toEqual(['avoidance', 'main']);
    expect([at('guess-rate', 0), at('guess-rate', 1)]).toEqual([7, 7]);
    expect(at('guess-rate', 2)).toBeCloseTo(mean([0.7, 0.73, 0.79]) / 2, 12);
    const own = leakageOf(RUNS, () => null)?.measures[0].estimates[1];
    expect(own?.value).toBeCloseTo(mean([2.2, 2.32, 2.56]) / 2, 12);
  });

  it('is of held-out passwords, by each measure, the mean over runs', () => {
    const bits = (rate: number) => 2 * Math.log2(rate); // of two letters, beside chance
    const each = (of: (rate: number) => number) => mean([1.2, 1.32, 1.56].map((rate) => (of(rate) + of(1)) / 2));
    expect(at('log-likelihood', 1)).toBeCloseTo(each(Math.log), 12);
    expect(at('calibrated-log-likelihood', 1)).toBeCloseTo(each(Math.log), 12);
    expect(at('password-probability', 1)).toBeCloseTo(each(bits), 12);
    expect(at('extraction-budget', 1)).toBeCloseTo(each(bits), 2);
    // The first password's letters have ranks 0 and 0, the second's 1 and 3.
    expect(at('top-1-rate', 1)).toBeCloseTo(LETTERS / 2, 12);
    expect(at('top-5-rate', 1)).toBeCloseTo(LETTERS / 5, 12);
    // Of four control passwords one is likelier than 1.2 and 1.32, none than 1.56, and two than 1.
    expect(at('rank', 1)).toBeCloseTo(mean([1.5, 1.5, 1].map((above) => above / 4)), 12);
    const exposed = (ranks: number[]) => mean(ranks.map((rank) => Math.log2(5) - Math.log2(rank)));
    expect(at('exposure', 1)).toBeCloseTo(mean([exposed([2, 3]), exposed([2, 3]), exposed([1, 3])]), 12);
    expect(at('negative-exposure', 1)).toBeCloseTo(mean([exposed([4, 3]), exposed([4, 3]), exposed([5, 3])]), 12);
    expect(at('membership-auc', 1)).toBeCloseTo(mean([5, 5, 6]) / 8, 12);
    // Half of the blind budget is enough from twice the blind probability of a password on: 1.56 squared, not 1.32 squared.
    expect(at('extractable-share', 1)).toBeCloseTo(1 / 6, 12);
    expect(leaked?.measures.map(({ chance }) => chance)).toEqual([
      1,
      1,
      1,
      0,
      0,
      0,
      0.5,
      ...Array(2)
        .fill(mean([1, 2, 3, 4, 5].map((rank) => Math.log2(5 / rank))))
        .map((bits) => expect.closeTo(bits, 12)),
      0.5,
      0,
      0,
    ]);
    expect(leaked?.references).toBe(4);
    expect(leaked?.snapshots).toEqual(snapshotsOf(RUNS).map(({ snapshot }) => snapshot));
  });

  it('has intervals from a bootstrap that is named after the measure and the snapshot', () => {
    const runs = Array.from({ length: 12 }, (_, seed) => madeUpView(seed, effect)); // of three, any name gives equal bounds
    const found = leakageOf(runs, () => null);
    const rates = runs.map((run) => guessRates(run.at('joint', 'reverse', 'heldOut'), LETTERS));
    const named = (name: string) => estimate(`leakage/${name}`, rates);
    const { value, interval } = named('guess rate/after phase 3, reverse');
    expect(found?.measures[0].estimates[1]).toMatchObject({ value, interval });
    for (const other of ['', 'guess rate/after phase 2, regular', 'rank/after phase 3, reverse']) {
      expect(named(other).interval).not.toEqual(interval);
    }
  });

  it('of no run is none', () => {
    expect(leakageOf([], () => null)).toBeNull();
  });

  it('by rank: shares of all held-out passwords, the unlikeliest in the last class', () => {
    const [dpo, reverse] = rankShares(RUNS, 5);
    expect(dpo.shares).toEqual([0, 0, 0, 0, 1]);
    // One above none, two above a quarter, three above half.
    expect(reverse.shares).toEqual([1 / 6, 2 / 6, 3 / 6, 0, 0].map((share) => expect.closeTo(share, 12)));
  });
});

describe('the mechanism', () => {
  const interval = (values: number[]) => {
    const [low, high] = tInterval(values);
    return { value: expect.closeTo(mean(values), 12), low: expect.closeTo(low, 12), high: expect.closeTo(high, 12) };
  };

  it('by useful guess rate: each run counts once in a class, and a class needs three runs', () => {
    const at = (step: number, useful: number, heldOut: number) =>
      evaluation('joint', step, {
        useful: { guessRate: useful },
        heldOut: { guessRate: heldOut },
        random: { guessRate: heldOut / 2 },
      });
    const runs = [
      view(1, [evaluation('dpo', 1, { useful: { guessRate: 0.6 } }), at(1, 0.5, 0.4), at(2, 0.7, 0.6), at(3, 0.8, 9)]),
      view(2, [at(1, 0.6, 0.8), at(2, 0.85, 9)]),
      view(3, [at(1, 0.7, 1)]),
    ];
    const useful = expect.closeTo(mean([0.6, 0.6, 0.7]), 12);
    expect(flipByUseful(runs)).toEqual([
      { set: 'heldOut', runs: 3, useful, guessRate: interval([0.5, 0.8, 1]) },
      { set: 'random', runs: 3, useful, guessRate: interval([0.25, 0.4, 0.5]) },
    ]);
  });

  it('by place: the mean over passwords, then over runs', () => {
    const runs = RUNS.map((run, index) => ({
      ...run,
      at: (...where: Parameters<RunView['at']>): ViewedScores => ({
        logProbabilities: run.at(...where).logProbabilities.map(([first, second]) => [first, second - index]),
      }),
    }));
    const rows = guessRateByPlace(runs, ['heldOut', 'random']);
    expect(rows.map(({ snapshot, set, index }) => `${snapshot.key} ${set} ${index}`)).toEqual(
      ['after phase 2, regular', 'after phase 3, reverse', 'after phase 3, regular'].flatMap((key) =>
        ['heldOut 0', 'heldOut 1', 'random 0', 'random 1'].map((of) => `${key} ${of}`),
      ),
    );
    expect(rows[4]).toMatchObject(interval([1.1, 1.16, 1.28]));
    expect(rows[5]).toMatchObject(interval([1.1, 1.16, 1.28].map((rate, run) => rate * Math.exp(-run))));
    // Runs that agree have a mean and no interval.
    expect(rows[6]).toMatchObject({
      value: expect.closeTo(1, 12),
      low: rows[6].value,
      high: rows[6].value,
    });
  });

  it('by layer: relative to chance, and held-out minus control', () => {
    const rows = lensByLayer(RUNS, ['heldOut']).filter(({ snapshot }) => snapshot.key === 'after phase 3, reverse');
    expect(rows.map(({ set, index }) => [set, index])).toEqual([
      ['heldOut', 0],
      ['heldOut', 1],
    ]);
    expect(rows[1]).toMatchObject(interval([2.4, 2.64, 3.12].map((value) => value + Math.log(LETTERS))));
    const signs = signByLayer(RUNS).filter(({ snapshot }) => snapshot.key === 'after phase 2, regular');
    expect(signs.map(({ index }) => index)).toEqual([0, 1]);
    expect(signs[1]).toMatchObject(interval([0.4, 0.44, 0.52].map((value) => value - 1)));
  });

  it('of runs that keep no lens has no layers', () => {
    const { logProbabilities } = flat([1]);
    const sets = { heldOut: { logProbabilities }, useful: { logProbabilities }, random: { logProbabilities } };
    const run = view(1, [], [{ phase: 'joint', prefix: 'reverse', sets }]);
    expect([lensByLayer([run], ['heldOut']), signByLayer([run])]).toEqual([[], []]);
    const some = view(1, [], [{ phase: 'joint', prefix: 'reverse', sets: { ...sets, heldOut: flat([1]) } }]);
    expect(() => lensByLayer([some], ['random'])).toThrow('keeps no lens');
  });
});

describe('perf over training', () => {
  const at = (phase: Evaluation['phase'], step: number, perf: number) =>
    evaluation(phase, step, { heldOut: { perf }, useful: { perf: -perf } });
  const runs = [
    view(1, [at('dpo', 5, 3), at('joint', 1, 9), at('joint', 7, 2), at('joint', 14, 4)]),
    view(2, [at('joint', 14, 1), at('joint', 28, 7)]),
  ];

  it('at its best evaluation of phase 3 is the mean over runs, with their deviation', () => {
    expect(bestPerfs(runs, 'heldOut')).toEqual({ mean: 8, deviation: sampleStandardDeviation([9, 7]) });
    expect(bestPerfs(runs, 'useful')).toEqual({ mean: -1.5, deviation: sampleStandardDeviation([-2, -1]) });
    expect(bestPerfs(runs.slice(0, 1), 'heldOut')).toEqual({ mean: 9, deviation: 0 });
  });

  it('at fifteen equal shares of a phase is that of the nearest evaluation of each run, the earlier of two as near', () => {
    const points = perfOverTraining(runs, 'joint', 'heldOut');
    expect(points.map(({ share }) => share)).toEqual(Array.from({ length: 15 }, (_, part) => part / 14));
    const [first, second] = [
      [9, 9, 9, 9, 9, 2, 2, 2, 2, 2, 2, 4, 4, 4, 4],
      [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 7, 7, 7, 7],
    ];
    expect(points.map((point) => point.mean)).toEqual(first.map((value, part) => (value + second[part]) / 2));
    expect(points.map(({ runs: count }) => count)).toEqual(Array(15).fill(2));
  });

  it('of a phase that only some runs have is theirs', () => {
    const points = perfOverTraining(runs, 'dpo', 'useful');
    expect(points[0]).toEqual({ share: 0, runs: 1, mean: -3, deviation: 0 });
    expect(perfOverTraining(runs, 'pretrain', 'heldOut')).toEqual([]);
  });
});

describe('guess rates by seed', () => {
  const views = viewsOf({
    main: [madeUpRun(1, effect), failedRun(2), madeUpRun(3, effect)],
    'no-dpo': [1, 3, 4].map((seed) => madeUpRun(seed, effect, 'no-dpo')),
  });
  const rate = (run: RunView, set: SetName) =>
    mean(
      run
        .at('joint', 'reverse', set)
        .logProbabilities.flat()
        .map((value) => LETTERS * Math.exp(value)),
    );

  it('are those of each finished run, and their mean that of the claim, or estimated where there is none', () => {
    const groups = guessRatesBySeed(views, (claim) => ({ value: claim.length, interval: [0, 9] }));
    expect(groups.map(({ words, seeds }) => [words, seeds.map(({ seed }) => seed)])).toEqual([
      ['held-out', [1, 3]],
      ['control', [1, 3]],
      ['held-out, no DPO', [1, 3, 4]],
      ['control, no DPO', [1, 3, 4]],
    ]);
    expect(groups.slice(0, 3).map(({ mean: { value } }) => value)).toEqual(
      ['main', 'control', 'no-dpo'].map((id) => id.length),
    );
    const control = [1, 3, 4].map((seed) => rate(madeUpView(seed, effect, 'no-dpo'), 'random'));
    expect(groups[3].seeds.map(({ guessRate }) => guessRate)).toEqual(control.map((each) => expect.closeTo(each, 12)));
    expect(groups[3].mean.value).toBeCloseTo(mean(control), 12);
    const estimated = guessRatesBySeed(views, () => null);
    const [main, noDpo] = [views.main, views['no-dpo']].map((runs) => finishedRuns(runs));
    const read = (set: SetName) => noDpo.map(({ evaluations }) => [evaluations.at(-1)!.sets[set].guessRate]);
    const streams = [
      ['held-out', guessRatesOf(main, 'joint', 'heldOut')],
      ['random', guessRatesOf(main, 'joint', 'random')],
      ['held-out, no DPO', read('heldOut')],
      ['random, no DPO', read('random')],
    ] as const;
    expect(estimated.map((group) => group.mean)).toEqual(
      streams.map(([name, values]) => estimate(`figure/seeds/${name}`, values)),
    );
    const [first] = estimated;
    expect(first.mean.value).toBeCloseTo(mean([1, 3].map((seed) => rate(madeUpView(seed, effect), 'heldOut'))), 12);
  });

  it('of an arm of a single run, or of none, are left out', () => {
    const few = { main: views.main.slice(0, 2), 'no-dpo': views['no-dpo'] };
    expect(guessRatesBySeed(few, () => null).map(({ arm }) => arm)).toEqual([NO_DPO.id, NO_DPO.id]);
    expect(guessRatesBySeed({ main: views.main }, () => null).map(({ arm }) => arm)).toEqual([MAIN.id, MAIN.id]);
  });
});

it('shared letters: pairs a password, over all kinds of text that are compared place by place', () => {
  const run = (factor: number) => ({
    ...madeUpRun(1, effect),
    overlap: [
      {
        text: 'pretraining' as const,
        texts: 100,
        way: 'aligned' as const,
        span: 2,
        heldOut: 64 * factor,
        control: 512,
      },
      { text: 'useful' as const, texts: 40, way: 'aligned' as const, span: 2, heldOut: 128, control: 256 },
      { text: 'useful' as const, texts: 40, way: 'anywhere' as const, span: 2, heldOut: 999, control: 999 },
    ],
  });
  const rows = sharedLetters([run(1), run(3)]);
  expect(rows.map(({ span }) => span)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const { random } = pocket.evaluation;
  expect(rows[1]).toEqual({ span: 2, heldOut: 4, control: 768 / random, chance: (140 * 7) / 26 ** 2 });
  expect(rows[0]).toEqual({ span: 1, heldOut: 0, control: 0, chance: 0 });
});

describe('the claims of a study', () => {
  const main = [1, 2, 3, 4, 5].map((seed) => madeUpRun(seed, effect));
  const family = judgeAll({ main }, (claim, evidence) => claim.weigh(viewsOf(evidence)));

  it('are judged where all their arms have runs, and named where not', () => {
    expect(family.claims.map(({ claim }) => claim.id)).toEqual([
      'main',
      'control',
      'avoidance',
      'manipulation',
      'paper-statistic',
    ]);
    expect(family.notRun).toHaveLength(28);
    expect(judgementOf(family, 'main')?.id).toBe('main');
    expect(judgementOf(family, 'no-dpo')).toBeUndefined();
    expect(() => judgementOf(family, 'mian')).toThrow('there is no claim mian');
  });

  it('are not judged where they compare arms that are one and the same', () => {
    const of = (given: Evidence) =>
      judgeAll(given, (claim, evidence) => claim.weigh(viewsOf(evidence))).claims.map(({ claim }) => claim.id);
    expect(of({ main, [MILDER_WEIGHTS.id]: main })).not.toContain('loss-weights');
    const milder = main.map((run) => {
      const setup = armSetup({ ...run.setup, beta: 0.1 }, MILDER_WEIGHTS);
      return { ...run, setup, setupHash: setupHash(setup) };
    });
    expect(of({ main, [MILDER_WEIGHTS.id]: milder })).toContain('loss-weights');
  });

  it('give their estimates, or none where there is nothing to read', () => {
    const { estimate: value, interval } = judgementOf(family, 'main')!;
    expect(claimed(family, 'main')).toEqual({ value, interval });
    expect(claimed(family, 'no-dpo')).toBeNull();
    const lost = judgeAll({ main: [failedRun(1)] }, (claim, evidence) => claim.weigh(viewsOf(evidence)));
    expect(claimed(lost, 'main')).toBeNull();
  });

  it('are corrected for their number, but for those that something is absent', () => {
    const tested = family.claims.filter(({ judgement }) => judgement.p !== null);
    expect(family.claims.filter(({ adjustedP }) => adjustedP === null).map(({ claim }) => claim.id)).toEqual([
      'control',
    ]);
    const smallest = Math.min(...tested.map(({ judgement }) => judgement.p as number));
    expect(Math.min(...tested.map(({ adjustedP }) => adjustedP as number))).toBeCloseTo(4 * smallest, 12);
    expect(FAMILY).toMatch(/corrected by Holm over all claims of the study that have one/);
  });

  it('are judged on records that are checked, unless told otherwise', () => {
    expect(judgeAll({ main }).claims.map(({ judgement }) => judgement.verdict)).toEqual(Array(5).fill('invalid'));
  });
});

it('an estimate depends on its values and on the name of its stream, and on nothing else', () => {
  const values = [
    [1, 2],
    [3, 5],
    [2, 2],
  ];
  const [one, again, other] = ['a', 'a', 'b'].map((source) => estimate(source, values));
  expect(again).toEqual(one);
  expect(other.value).toBe(one.value);
  expect(other.bootstrap.replicates).not.toEqual(one.bootstrap.replicates);
});
