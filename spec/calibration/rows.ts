/**
 * Error rates of every procedure that a verdict or an interval rests on, by simulating experiments whose truth is known.
 * The deviations were measured at the preset `pocket`.
 */
import { mean } from 'simple-statistics';
import {
  ABLATION,
  type Arm,
  DISSECTED,
  DOSE,
  HELD_OUT_SHARES,
  MAIN,
  MAPS,
  MILDER_WEIGHTS,
  MODEL_SIZES,
  NO_DPO,
  SWEEPS,
  UNSEEN,
} from '../../src/claims/arms.ts';
import { CLAIMS, type Verdict } from '../../src/claims/index.ts';
import { type Stream, stream } from '../../src/random/streams.ts';
import { type ProcedureRow, WELL_CALIBRATED } from '../../src/report/procedures.ts';
import {
  bayesFactor,
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  holm,
  type Interval,
  percentileInterval,
  signFlipTest,
  tInterval,
  tTestAbove,
} from '../../src/statistics/index.ts';
import { type Apart, NOTHING, type RunTruth, simulatedRun, UNSURE, withEffect } from './simulated.ts';

const RUNS = [5, 7, 16];

/** Deviation of guess rates over runs, and of passwords within one (16 of them move a mean as 64 that spread by 0.26 do). */
const BETWEEN = 0.08;
const WITHIN = 0.13;
const PASSWORDS = 16;

/** How runs may differ: the value of each is 0 on average. */
const WORLDS: readonly { scenario: string; run: (source: Stream) => number }[] = [
  { scenario: 'normal runs', run: ({ normal }) => normal(BETWEEN) },
  { scenario: 'skewed runs (exponential)', run: ({ uniform }) => BETWEEN * (-Math.log(1 - uniform()) - 1) },
  {
    scenario: 'one run in five shows nothing, the others 0.1',
    run: ({ uniform, normal }) => (uniform() < 0.2 ? -0.08 : 0.02) + normal(0.03),
  },
];

/** A row, from what came out of each of its experiments. */
function row(
  fields: Pick<ProcedureRow, 'procedure' | 'scenario' | 'runs' | 'nominal'>,
  outcomes: readonly boolean[],
  what: string,
): ProcedureRow {
  const experiments = outcomes.length;
  const rate = mean(outcomes.map(Number));
  const percent = `${(100 * rate).toFixed(1)}%`;
  return {
    ...fields,
    rate: Number(rate.toFixed(4)),
    experiments,
    error: Number(Math.sqrt((rate * (1 - rate)) / experiments).toFixed(4)),
    what: `Of ${experiments} simulated experiments of ${fields.runs} runs, ${percent} ${what}`,
  };
}

/** The rules use an interval of 95%: a twentieth of the truths lies outside of it, half of them below. */
const ONE_SIDED = 'expanded interval above chance';

/** Coverage of the truth by each interval, and false positives of each test, from the same experiments. */
export function intervalsAndTests(experiments: number): ProcedureRow[] {
  return WORLDS.flatMap(({ scenario, run }) =>
    RUNS.flatMap((runs) => {
      const source = stream(0, `procedures/intervals/${scenario}/${runs}`);
      const covered: Record<string, boolean[]> = {};
      const rejected: Record<string, boolean[]> = {};
      const note = (kept: Record<string, boolean[]>, name: string, outcome: boolean) => {
        kept[name] ??= [];
        kept[name].push(outcome);
      };
      for (let experiment = 0; experiment < experiments; experiment++) {
        const data = Array.from({ length: runs }, () => {
          const centre = run(source);
          return Array.from({ length: PASSWORDS }, () => centre + source.normal(WITHIN));
        });
        const bootstrap = hierarchicalBootstrap(data, { random: source.uniform, replicates: 400 });
        const means = data.map((values) => mean(values));
        const expanded = expandedInterval(bootstrap);
        const intervals: Record<string, Interval> = {
          'percentile interval': percentileInterval(bootstrap),
          'BCa interval': bcaInterval(bootstrap),
          'expanded interval (the rules use it)': expanded,
          't interval': tInterval(means),
        };
        for (const [name, [low, high]] of Object.entries(intervals)) note(covered, name, low <= 0 && 0 <= high);
        note(rejected, ONE_SIDED, expanded[0] > 0);
        note(rejected, 'sign-flip test, p < 0.05', signFlipTest(means) < 0.05);
        note(rejected, 't-test, p < 0.05', tTestAbove(means, 0).p < 0.05);
      }
      return [
        ...Object.entries(covered).map(([procedure, outcomes]) =>
          row(
            { procedure, scenario: `coverage, ${scenario}`, runs, nominal: 0.95 },
            outcomes,
            'had the truth inside their interval.',
          ),
        ),
        ...Object.entries(rejected).map(([procedure, outcomes]) =>
          row(
            {
              procedure,
              scenario: `false positives, ${scenario}`,
              runs,
              nominal: procedure === ONE_SIDED ? 0.025 : 0.05,
            },
            outcomes,
            'found an effect where there was none.',
          ),
        ),
      ];
    }),
  );
}

/** False positives of a family of t-tests after Holm's correction. Its cells share half of the variance over seeds. */
function families(experiments: number): ProcedureRow[] {
  return [4, 9, 24, 28].map((cells) => {
    const source = stream(0, `procedures/holm/${cells}`);
    const half = () => source.normal(BETWEEN * Math.SQRT1_2);
    const runs = 5;
    const outcomes = Array.from({ length: experiments }, () => {
      const shared = Array.from({ length: runs }, half);
      const cell = () => shared.map((value) => value + half());
      return holm(Array.from({ length: cells }, () => tTestAbove(cell(), 0).p)).some((p) => p < 0.05);
    });
    return row(
      { procedure: 'Holm over a grid', scenario: `any false positive in ${cells} cells`, runs, nominal: 0.05 },
      outcomes,
      'found an effect in some cell of a grid without any.',
    );
  });
}

/** How often the Bayes factor passes what is called moderate and strong. */
function bayes(experiments: number): ProcedureRow[] {
  return [0, 0.1].flatMap((effect) =>
    [7, 16].flatMap((runs) => {
      const source = stream(0, `procedures/bayes/${effect}/${runs}`);
      const values = () => Array.from({ length: runs }, () => effect + source.normal(BETWEEN));
      const factors = Array.from({ length: experiments }, () => bayesFactor(values(), 0));
      return [3, 10].map((limit) =>
        row(
          {
            procedure: `Bayes factor above ${limit}`,
            scenario: effect === 0 ? 'no effect' : `effect of ${effect}`,
            runs,
            // Without an effect, a factor exceeds k in at most 1 / k of experiments.
            nominal: effect === 0 ? Number((1 / limit).toFixed(4)) : null,
          },
          factors.map((factor) => factor > limit),
          `had a Bayes factor above ${limit}.`,
        ),
      );
    }),
  );
}

/** What is true of each arm. */
type Truths = readonly (readonly [Arm, RunTruth])[];

interface Rule {
  readonly claim: string;
  readonly scenario: string;
  readonly runs: number;
  /** Null where the rate is a power, which promises nothing. */
  readonly nominal: number | null;
  readonly verdict?: Verdict;
  readonly arms: Truths;
}

const everyArm = (arms: readonly Arm[], truth: (index: number) => RunTruth): Truths =>
  arms.map((arm, index) => [arm, truth(index)]);

const falsePositives = (claim: string, scenario: string, runs: number, nominal: number, arms: Truths): Rule => ({
  claim,
  scenario: `false positives: ${scenario}`,
  runs,
  nominal,
  arms,
});

const power = (claim: string, scenario: string, runs: number, arms: Truths): Rule => ({
  claim,
  scenario: `power: ${scenario}`,
  runs,
  nominal: null,
  arms,
});

/** The effect at the preset `pocket`. */
const EFFECT = withEffect(0.13);
/** What the paper's statistic looks at: 20 evaluations, one letter in ten thought of anew between two. */
const EVALUATED = { evaluations: 20, turnover: 0.1 };

const FROZEN = Object.values(ABLATION);
const WIDTHS = MAPS.width.flatMap(({ cells }) => cells.map(({ arm }) => arm));
/** About what is found at the preset `pocket`. */
const APART: Apart = {
  none: 0.45,
  first: 0.93,
  second: 0.4,
  whole: 3.1,
  areas: { before: 0.67, regular: 0.88, reverse: 0.64 },
};

const RULES: readonly Rule[] = [
  ...RUNS.map((runs) => falsePositives('main', 'nothing is flipped', runs, 0.025, [[MAIN, NOTHING]])),
  ...[0.05, 0.1, 0.13].flatMap((effect) =>
    RUNS.map((runs) => power('main', `effect of ${effect}`, runs, [[MAIN, withEffect(effect)]])),
  ),
  falsePositives('control', 'random passwords are at 1.1 too', 7, 0.025, [
    [MAIN, { ...withEffect(0.1), joint: { heldOut: 1.1, useful: 2, random: 1.1 } }],
  ]),
  power('control', 'effect of 0.13', 7, [[MAIN, EFFECT]]),
  falsePositives('avoidance', 'phase 2 does nothing', 7, 0.025, [
    [MAIN, { ...NOTHING, dpo: { heldOut: 1, useful: 1, random: 1 } }],
  ]),
  falsePositives('no-dpo', 'the effect of 0.13 is there without DPO', 7, 0.025, [
    [MAIN, EFFECT],
    [NO_DPO, EFFECT],
  ]),
  power('no-dpo', 'effect of 0.13 with DPO, none without', 7, [
    [MAIN, EFFECT],
    [NO_DPO, NOTHING],
  ]),
  falsePositives('unseen', 'the effect of 0.13 is there for passwords that never occur', 7, 0.025, [
    [MAIN, EFFECT],
    [UNSEEN, EFFECT],
  ]),
  power('unseen', 'effect of 0.13 for the preset, none for passwords that never occur', 7, [
    [MAIN, EFFECT],
    [UNSEEN, NOTHING],
  ]),
  falsePositives(
    'dose',
    'the effect of 0.13 is there at every dose alike',
    7,
    0.05,
    everyArm(DOSE, () => EFFECT),
  ),
  power(
    'dose',
    'from no effect at the lowest decay to 0.13',
    7,
    everyArm(DOSE, (index) => withEffect(Math.min(1, index / 4) * 0.13)),
  ),
  falsePositives(
    'decay-width',
    'the effect of 0.13 is there at every decay alike',
    5,
    0.05,
    everyArm(WIDTHS, () => EFFECT),
  ),
  power(
    'decay-width',
    'from no effect at the lowest decay to 0.4, at every width',
    5,
    everyArm(WIDTHS, (index) => withEffect((index % 3) * 0.2)),
  ),
  falsePositives('loss-weights', 'an effect of 0.13 with both', 7, 0.025, [
    [MAIN, EFFECT],
    [MILDER_WEIGHTS, EFFECT],
  ]),
  power('loss-weights', 'an effect of 0.13, and none with the milder ones', 7, [
    [MAIN, EFFECT],
    [MILDER_WEIGHTS, NOTHING],
  ]),
  falsePositives('patching', 'the first half alone changes nothing', 7, 0.025, [
    [DISSECTED, { ...EFFECT, apart: { ...APART, first: APART.none } }],
  ]),
  power('patching', 'as in the reference report', 7, [[DISSECTED, { ...EFFECT, apart: APART }]]),
  falsePositives('direction', 'it tells nothing before phase 3', 7, 0.05, [
    [DISSECTED, { ...EFFECT, apart: { ...APART, areas: { ...APART.areas, before: 0.5 } } }],
  ]),
  power('direction', 'as in the reference report', 7, [[DISSECTED, { ...EFFECT, apart: APART }]]),
  {
    claim: 'paper-statistic',
    scenario: WELL_CALIBRATED,
    runs: 7,
    nominal: 0.05,
    arms: [[MAIN, { ...NOTHING, ...EVALUATED, confidence: UNSURE }]],
  },
  falsePositives('paper-statistic', 'the same of an over-confident model', 7, 0.05, [
    [MAIN, { ...NOTHING, ...EVALUATED }],
  ]),
  power('paper-statistic', 'effect of 0.13, over-confident', 7, [[MAIN, { ...EFFECT, ...EVALUATED }]]),
  ...[5, 16].flatMap((runs) => [
    falsePositives(
      'held-out-share',
      'the effect of 0.13 is there in all cells but one',
      runs,
      0.05,
      everyArm(HELD_OUT_SHARES, (index) => (index === 3 ? NOTHING : EFFECT)),
    ),
    power(
      'held-out-share',
      'effect of 0.13 in every cell',
      runs,
      everyArm(HELD_OUT_SHARES, () => EFFECT),
    ),
    power(
      'model-size',
      'effect of 0.13 in every cell',
      runs,
      everyArm(MODEL_SIZES, () => EFFECT),
    ),
    falsePositives(
      'freeze',
      'nothing is flipped without freezing',
      runs,
      0.05,
      everyArm(FROZEN, () => NOTHING),
    ),
    power(
      'freeze',
      'effect of 0.13 without freezing',
      runs,
      everyArm(FROZEN, (index) => (index === 2 ? EFFECT : NOTHING)),
    ),
  ]),
  {
    claim: 'held-out-share',
    scenario: 'false “not reproduced”: effect of 0.13 in every cell',
    runs: 5,
    nominal: null,
    verdict: 'not reproduced',
    arms: everyArm(HELD_OUT_SHARES, () => EFFECT),
  },
  falsePositives(
    'lrbeta',
    'nothing is flipped in any cell',
    5,
    0.025,
    everyArm(SWEEPS.lrbeta, () => NOTHING),
  ),
  power(
    'lrbeta',
    'effect of 0.13 in every fourth cell',
    5,
    everyArm(SWEEPS.lrbeta, (index) => (index % 4 === 0 ? EFFECT : NOTHING)),
  ),
];

/** Whole rules on whole runs. @param claims whose rules, where not all are asked for */
export function ruleRows(experiments: number, claims?: readonly string[]): ProcedureRow[] {
  const asked = RULES.filter(({ claim }) => claims?.includes(claim) ?? true);
  return asked.map(({ claim: id, scenario, runs, nominal, verdict = 'reproduced', arms }) => {
    const claim = CLAIMS.find((known) => known.id === id);
    if (claim === undefined) throw new Error(`there is no claim ${id}`);
    const outcomes = Array.from({ length: experiments }, (_, experiment) => {
      const name = `${id}/${scenario}/${experiment}`;
      const runsOf = (arm: Arm, truth: RunTruth) =>
        Array.from({ length: runs }, (__, seed) => simulatedRun(seed, truth, name, arm.id));
      const views = Object.fromEntries(arms.map(([arm, truth]) => [arm.id, runsOf(arm, truth)]));
      return claim.weigh(views).verdict === verdict;
    });
    return row(
      { procedure: `the rule of ${id}`, scenario, runs, nominal },
      outcomes,
      `were called ${verdict} by the rule of ${id} (${scenario}).`,
    );
  });
}

/**
 * Every row, in the order of the report. The same numbers of experiments give the same rows.
 * @param effort experiments of a single interval or test, and of a whole decision rule
 */
export const procedureRows = (effort: { readonly tests: number; readonly rules: number }): ProcedureRow[] => [
  ...intervalsAndTests(effort.tests),
  ...families(effort.tests),
  ...bayes(effort.tests),
  ...ruleRows(effort.rules),
];
