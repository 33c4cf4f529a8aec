/**
 * Error rates of every procedure that a verdict or an interval rests on, by simulating experiments whose truth is known.
 * The deviations are those measured at the preset `pocket`.
 */
import { mean } from 'simple-statistics';
import { ABLATION, type Arm, HELD_OUT_SHARES, MAIN, MODEL_SIZES, NO_DPO, SWEEPS } from '../claims/arms.ts';
import { CLAIMS, type Verdict } from '../claims/index.ts';
import { type Stream, stream } from '../random/streams.ts';
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
} from '../statistics/index.ts';
import { type ProcedureRow, WELL_CALIBRATED } from './file.ts';
import { NOTHING, type RunTruth, simulatedRun, UNSURE, withEffect } from './simulated.ts';

/** How many experiments a row simulates: of single intervals and tests, and of whole decision rules. */
export interface Effort {
  readonly tests: number;
  readonly rules: number;
}

const RUNS = [5, 7, 16] as const;

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

function row(fields: Omit<ProcedureRow, 'error' | 'what'>, what: string): ProcedureRow {
  const { rate, experiments } = fields;
  const percent = `${(100 * rate).toFixed(1)}%`;
  return {
    ...fields,
    rate: Number(rate.toFixed(4)),
    error: Number(Math.sqrt((rate * (1 - rate)) / experiments).toFixed(4)),
    what: `Of ${experiments} simulated experiments of ${fields.runs} runs, ${percent} ${what}`,
  };
}

const share = (outcomes: readonly boolean[]): number => mean(outcomes.map(Number));

/** As the rules use an interval of 95%: a twentieth of the truths lies outside of it, half of them below. */
const ONE_SIDED = 'expanded interval above chance';

/** Coverage of the truth by each interval, and false positives of each test, from the same experiments. */
export function intervalsAndTests({ tests }: Effort): ProcedureRow[] {
  return WORLDS.flatMap(({ scenario, run }) =>
    RUNS.flatMap((runs) => {
      const source = stream(0, `procedures/intervals/${scenario}/${runs}`);
      const covered: Record<string, boolean[]> = {};
      const rejected: Record<string, boolean[]> = {};
      const note = (kept: Record<string, boolean[]>, name: string, outcome: boolean) => {
        kept[name] ??= [];
        kept[name].push(outcome);
      };
      for (let experiment = 0; experiment < tests; experiment++) {
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
            {
              procedure,
              scenario: `coverage, ${scenario}`,
              runs,
              nominal: 0.95,
              rate: share(outcomes),
              experiments: tests,
            },
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
              rate: share(outcomes),
              experiments: tests,
            },
            'found an effect where there was none.',
          ),
        ),
      ];
    }),
  );
}

/** False positives of a family of t-tests after Holm's correction, its cells sharing half of their seeds' deviation. */
function families({ tests }: Effort): ProcedureRow[] {
  return [4, 9, 24, 28].map((cells) => {
    const source = stream(0, `procedures/holm/${cells}`);
    const runs = 5;
    const outcomes = Array.from({ length: tests }, () => {
      const shared = Array.from({ length: runs }, () => source.normal(BETWEEN * Math.SQRT1_2));
      const pValues = Array.from(
        { length: cells },
        () =>
          tTestAbove(
            shared.map((value) => value + source.normal(BETWEEN * Math.SQRT1_2)),
            0,
          ).p,
      );
      return holm(pValues).some((p) => p < 0.05);
    });
    return row(
      {
        procedure: 'Holm over a grid',
        scenario: `any false positive in ${cells} cells`,
        runs,
        nominal: 0.05,
        rate: share(outcomes),
        experiments: tests,
      },
      'found an effect in some cell of a grid without any.',
    );
  });
}

/** How often the Bayes factor passes what is called moderate and strong. */
function bayes({ tests }: Effort): ProcedureRow[] {
  return [
    { scenario: 'no effect', effect: 0 },
    { scenario: 'effect of 0.1', effect: 0.1 },
  ].flatMap(({ scenario, effect }) =>
    [7, 16].flatMap((runs) => {
      const source = stream(0, `procedures/bayes/${effect}/${runs}`);
      const factors = Array.from({ length: tests }, () =>
        bayesFactor(
          Array.from({ length: runs }, () => effect + source.normal(BETWEEN)),
          0,
        ),
      );
      return [3, 10].map((limit) =>
        row(
          {
            procedure: `Bayes factor above ${limit}`,
            scenario,
            runs,
            // Where there is nothing, a factor exceeds k in at most 1 / k of experiments.
            nominal: effect === 0 ? Number((1 / limit).toFixed(4)) : null,
            rate: share(factors.map((factor) => factor > limit)),
            experiments: tests,
          },
          `had a Bayes factor above ${limit}.`,
        ),
      );
    }),
  );
}

interface Rule {
  readonly claim: string;
  readonly scenario: string;
  readonly runs: number;
  /** Null where the rate is a power, which promises nothing. */
  readonly nominal: number | null;
  readonly verdict?: Verdict;
  /** What is true of each arm; the main arm's is the first. */
  readonly arms: readonly (readonly [Arm, RunTruth])[];
}

const everyArm = (arms: readonly Arm[], truth: (index: number) => RunTruth) =>
  arms.map((arm, index) => [arm, truth(index)] as const);

const RULES: readonly Rule[] = [
  ...[5, 7, 16].map((runs) => ({
    claim: 'main',
    scenario: 'false positives: nothing is flipped',
    runs,
    nominal: 0.025,
    arms: [[MAIN, NOTHING]] as const,
  })),
  ...[0.05, 0.1, 0.13].flatMap((effect) =>
    [5, 7, 16].map((runs) => ({
      claim: 'main',
      scenario: `power: effect of ${effect}`,
      runs,
      nominal: null,
      arms: [[MAIN, withEffect(effect)]] as const,
    })),
  ),
  {
    claim: 'control',
    scenario: 'false positives: random passwords are at 1.1 too',
    runs: 7,
    nominal: 0.025,
    arms: [[MAIN, { ...withEffect(0.1), joint: { heldOut: 1.1, useful: 2, random: 1.1 } }]],
  },
  { claim: 'control', scenario: 'power: effect of 0.13', runs: 7, nominal: null, arms: [[MAIN, withEffect(0.13)]] },
  {
    claim: 'avoidance',
    scenario: 'false positives: phase 2 does nothing',
    runs: 7,
    nominal: 0.025,
    arms: [[MAIN, { ...NOTHING, dpo: { heldOut: 1, useful: 1, random: 1 } }]],
  },
  {
    claim: 'no-dpo',
    scenario: 'false positives: the effect of 0.13 is there without DPO',
    runs: 7,
    nominal: 0.025,
    arms: [
      [MAIN, withEffect(0.13)],
      [NO_DPO, withEffect(0.13)],
    ],
  },
  {
    claim: 'no-dpo',
    scenario: 'power: effect of 0.13 with DPO, none without',
    runs: 7,
    nominal: null,
    arms: [
      [MAIN, withEffect(0.13)],
      [NO_DPO, NOTHING],
    ],
  },
  {
    claim: 'paper-statistic',
    scenario: WELL_CALIBRATED,
    runs: 7,
    nominal: 0.05,
    arms: [[MAIN, { ...NOTHING, confidence: UNSURE, evaluations: 20, turnover: 0.1 }]],
  },
  {
    claim: 'paper-statistic',
    scenario: 'false positives: the same of an over-confident model',
    runs: 7,
    nominal: 0.05,
    arms: [[MAIN, { ...NOTHING, evaluations: 20, turnover: 0.1 }]],
  },
  {
    claim: 'paper-statistic',
    scenario: 'power: effect of 0.13, over-confident',
    runs: 7,
    nominal: null,
    arms: [[MAIN, { ...withEffect(0.13), evaluations: 20, turnover: 0.1 }]],
  },
  ...[5, 16].flatMap((runs) => [
    {
      claim: 'held-out-share',
      scenario: 'false positives: the effect of 0.13 is there in all cells but one',
      runs,
      nominal: 0.05,
      arms: everyArm(HELD_OUT_SHARES, (index) => (index === 3 ? NOTHING : withEffect(0.13))),
    },
    {
      claim: 'held-out-share',
      scenario: 'power: effect of 0.13 in every cell',
      runs,
      nominal: null,
      arms: everyArm(HELD_OUT_SHARES, () => withEffect(0.13)),
    },
    {
      claim: 'model-size',
      scenario: 'power: effect of 0.13 in every cell',
      runs,
      nominal: null,
      arms: everyArm(MODEL_SIZES, () => withEffect(0.13)),
    },
    {
      claim: 'freeze',
      scenario: 'false positives: nothing is flipped without freezing',
      runs,
      nominal: 0.05,
      arms: everyArm(Object.values(ABLATION), () => NOTHING),
    },
    {
      claim: 'freeze',
      scenario: 'power: effect of 0.13 without freezing',
      runs,
      nominal: null,
      arms: everyArm(Object.values(ABLATION), (index) => (index === 2 ? withEffect(0.13) : NOTHING)),
    },
  ]),
  {
    claim: 'held-out-share',
    scenario: 'false “not reproduced”: effect of 0.13 in every cell',
    runs: 5,
    nominal: null,
    verdict: 'not reproduced',
    arms: everyArm(HELD_OUT_SHARES, () => withEffect(0.13)),
  },
  {
    claim: 'lrbeta',
    scenario: 'false positives: nothing is flipped in any cell',
    runs: 5,
    nominal: 0.025,
    arms: everyArm(SWEEPS.lrbeta, () => NOTHING),
  },
  {
    claim: 'lrbeta',
    scenario: 'power: effect of 0.13 in every fourth cell',
    runs: 5,
    nominal: null,
    arms: everyArm(SWEEPS.lrbeta, (index) => (index % 4 === 0 ? withEffect(0.13) : NOTHING)),
  },
];

/** Whole rules on whole runs. */
function rules({ rules: experiments }: Effort): ProcedureRow[] {
  return RULES.map(({ claim: id, scenario, runs, nominal, verdict = 'reproduced', arms }) => {
    const claim = CLAIMS.find((known) => known.id === id);
    if (claim === undefined) throw new Error(`there is no claim ${id}`);
    const outcomes = Array.from({ length: experiments }, (_, experiment) => {
      const views = Object.fromEntries(
        arms.map(([arm, truth]) => [
          arm.id,
          Array.from({ length: runs }, (__, seed) =>
            simulatedRun(seed, truth, `${id}/${scenario}/${experiment}`, arm.id),
          ),
        ]),
      );
      return claim.weigh(views).verdict === verdict;
    });
    return row(
      { procedure: `the rule of ${id}`, scenario, runs, nominal, rate: share(outcomes), experiments },
      `were called ${verdict} by the rule of ${id} (${scenario}).`,
    );
  });
}

/** Every row, in the order of the report. The same effort gives the same rows. */
export const procedureRows = (effort: Effort): ProcedureRow[] => [
  ...intervalsAndTests(effort),
  ...families(effort),
  ...bayes(effort),
  ...rules(effort),
];
