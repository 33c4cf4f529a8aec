/** Views of simulated runs whose truth is known. */
import { measure } from '../../src/measure/measures.ts';
import { type Stream, stream } from '../../src/random/streams.ts';
import { halves, type Parts, partCount } from '../../src/recipe/dissection.ts';
import { type Evaluation, type RunView, type SetName, type ViewedScores, viewOf } from '../../src/records/view.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Setup } from '../../src/setup/schema.ts';

const LETTERS = 26;

/**
 * As many letters as in a run of `pocket`, in fewer and longer passwords: the means over a run's letters spread as much, and
 * resampling passwords costs an eighth.
 */
const SIZES = {
  heldOut: { passwords: 8, length: 64 },
  useful: { passwords: 8, length: 64 },
  random: { passwords: 8, length: 256 },
} as const satisfies Record<SetName, object>;

/** Log-probabilities of letters under a model that knows nothing of them: softmax of normal logits, the truth at random. */
function blindLetters(confidence: number, source: Stream): Float64Array {
  return Float64Array.from({ length: 20_000 }, () => {
    const logits = Array.from({ length: LETTERS }, () => source.normal(confidence));
    return logits[0] - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  });
}

/** Deviation of the logits of `pocket` under `reverse`: it scores control passwords 0.3 nats below chance. */
const CONFIDENT = 0.75;
/** Deviation of the logits of a model that is calibrated on passwords that it does not know. */
export const UNSURE = 0.05;

const pools = new Map<number, Float64Array>();
const poolOf = (confidence: number): Float64Array => {
  const pool = pools.get(confidence) ?? blindLetters(confidence, stream(0, `procedures/pool/${confidence}`));
  pools.set(confidence, pool);
  return pool;
};

/** Guess rates of the sets: 1 is chance, 1.1 a tenth above it. */
type Truth = Readonly<Record<SetName, number>>;

export interface RunTruth {
  readonly dpo: Truth;
  readonly joint: Truth;
  /** Deviation over runs of the held-out guess rate. */
  readonly betweenRuns: number;
  readonly confidence: number;
  /** Evaluations of phase 3 before the last. Only the paper's statistic reads them. */
  readonly evaluations?: number;
  /** Share of the letters that get a new score from one evaluation to the next. */
  readonly turnover?: number;
  /** What the run was taken apart into. Only the claims on where the flip sits read it. */
  readonly apart?: Apart;
}

/** Held-out guess rates of patched models, and areas under the ROC curve along the direction. */
export interface Apart {
  readonly none: number;
  readonly first: number;
  readonly second: number;
  readonly whole: number;
  readonly areas: { readonly before: number; readonly regular: number; readonly reverse: number };
}

/** Deviations over runs of a patched guess rate, as a share of it, and of an area: as measured at `pocket`, 16 passwords held out. */
const OF_PATCHED = 0.12;
const OF_AREA = 0.07;

/** A run with the DPO of `pocket`, in which nothing is flipped. */
export const NOTHING: RunTruth = {
  dpo: { heldOut: 0.3, useful: 0.3, random: 0.95 },
  joint: { heldOut: 1, useful: 2, random: 1 },
  betweenRuns: 0,
  confidence: CONFIDENT,
};

/** {@link NOTHING} with a held-out guess rate of 1 + `effect`, which varies over runs as measured. */
export const withEffect = (effect: number): RunTruth => ({
  ...NOTHING,
  joint: { ...NOTHING.joint, heldOut: 1 + effect },
  betweenRuns: 0.08,
});

/** A letter's log-probability: its blind one, raised so that the probability is `rate` times as large. */
function letter(rate: number, confidence: number, { below }: Stream): number {
  const pool = poolOf(confidence);
  const blind = Math.exp(pool[below(pool.length)]);
  return Math.log((rate * blind) / (1 + (rate - 1) * blind)); // stays below 1, whatever the rate
}

const scoresOf = (set: SetName, rate: number, confidence: number, source: Stream): ViewedScores => ({
  logProbabilities: Array.from({ length: SIZES[set].passwords }, () =>
    Array.from({ length: SIZES[set].length }, () => letter(rate, confidence, source)),
  ),
});

const measured = ({ logProbabilities }: ViewedScores) => {
  const own = measure({ logProbabilities, ranks: [[0]] }, LETTERS);
  return { ...own, halves: [own, own] as const };
};

/** What a run was taken apart into: only its halves and its last layer are looked at. */
function dissectionOf(setup: Setup, apart: Apart, { normal }: Stream): NonNullable<RunView['dissection']> {
  const whole = { from: 0, to: partCount(setup.model) };
  const { first, second } = halves(setup.model);
  const patched = (parts: Parts, rate: number) => {
    const own = { logLikelihood: -3, perf: 0, topRate: 1, guessRate: rate * (1 + normal(OF_PATCHED)) };
    return { ...parts, sets: { heldOut: own, useful: own, random: own } };
  };
  const area = (value: number) => [Math.min(1, Math.max(0, value + normal(OF_AREA)))];
  const { before, regular, reverse } = apart.areas;
  return {
    patched: [
      patched({ from: 0, to: 0 }, apart.none),
      patched(first, apart.first),
      patched(second, apart.second),
      patched(whole, apart.whole),
    ],
    separations: [
      { moment: 'before', prefix: 'regular', auc: area(before) },
      { moment: 'after', prefix: 'regular', auc: area(regular) },
      { moment: 'after', prefix: 'reverse', auc: area(reverse) },
    ],
  };
}

/** A run of an experiment. The held-out passwords of a seed have the same deviation in every arm. */
export function simulatedRun(seed: number, truth: RunTruth, experiment: string, arm = 'main'): RunView {
  const source = stream(seed, `procedures/${experiment}/${arm}`);
  const shift = stream(seed, `procedures/${experiment}`).normal(truth.betweenRuns);
  const flipped = Math.max(0.01, truth.joint.heldOut + shift);
  const setsAt = (rates: Truth) => ({
    heldOut: scoresOf('heldOut', rates.heldOut, truth.confidence, source),
    useful: scoresOf('useful', rates.useful, truth.confidence, source),
    random: scoresOf('random', rates.random, truth.confidence, source),
  });
  const last = setsAt({ ...truth.joint, heldOut: flipped });
  const evaluationOf = (heldOut: ViewedScores): Evaluation => ({
    phase: 'joint',
    step: 1,
    sets: { heldOut: measured(heldOut), useful: measured(last.useful), random: measured(last.random) },
  });
  const history = [last.heldOut];
  for (let earlier = 0; earlier < (truth.evaluations ?? 0); earlier++) {
    const anew = (value: number) =>
      source.uniform() < (truth.turnover ?? 1) ? letter(flipped, truth.confidence, source) : value;
    history.unshift({ logProbabilities: history[0].logProbabilities.map((row) => row.map(anew)) });
  }
  const setup = { ...PRESETS['pocket-memorising'], seed, name: arm };
  return viewOf({
    setup,
    dissection: truth.apart === undefined ? undefined : dissectionOf(setup, truth.apart, source),
    evaluations: history.map(evaluationOf),
    snapshots: [
      { phase: 'dpo', prefix: 'regular', sets: setsAt(truth.dpo) },
      { phase: 'joint', prefix: 'reverse', sets: last },
    ],
  });
}
