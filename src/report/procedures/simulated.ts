/** Run records of simulated experiments whose truth is known: what claims read of a run, and nothing else. */
import { type Measures, measure, type Scores } from '../../measure/measures.ts';
import { type Stream, stream } from '../../random/streams.ts';
import type { FinishedRun } from '../../runs/record.ts';
import { PRESETS } from '../../setup/presets.ts';

const LETTERS = 26;

/**
 * As many letters as a run of `pocket` has, in fewer and longer passwords: the means over a run's letters spread as
 * much, and resampling passwords costs an eighth.
 */
const SIZES = {
  heldOut: { passwords: 8, length: 64 },
  useful: { passwords: 8, length: 64 },
  random: { passwords: 8, length: 256 },
};
type SetName = keyof typeof SIZES;

/** Log-probabilities that a model gives to letters it knows nothing of: softmax of normal logits, the truth drawn blindly. */
function blindLetters(confidence: number, source: Stream): Float64Array {
  return Float64Array.from({ length: 20_000 }, () => {
    const logits = Array.from({ length: LETTERS }, () => source.normal(confidence));
    return logits[0] - Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
  });
}

/** Deviation of logits of `pocket` under `reverse`, whose random passwords lie 0.3 nats below chance. */
export const CONFIDENT = 0.75;
/** That of a model which is as unsure as it should be of what it does not know. */
export const UNSURE = 0.05;

const pools = new Map<number, Float64Array>();
const poolOf = (confidence: number): Float64Array => {
  const pool = pools.get(confidence) ?? blindLetters(confidence, stream(0, `procedures/pool/${confidence}`));
  pools.set(confidence, pool);
  return pool;
};

/** Guess rates of the sets: 1 is blind, 1.1 a tenth above chance. */
export interface Truth {
  readonly heldOut: number;
  readonly useful: number;
  readonly random: number;
}

export interface RunTruth {
  readonly dpo: Truth;
  readonly joint: Truth;
  /** Deviation over runs of the held-out guess rate. */
  readonly betweenRuns: number;
  readonly confidence: number;
  /** Evaluations of phase 3 before the last; they matter to the paper's statistic alone. */
  readonly evaluations?: number;
  /** Share of the letters that the model thinks anew of from one evaluation to the next. */
  readonly turnover?: number;
}

/** A run with DPO as `pocket` has it, in which nothing is flipped. */
export const NOTHING: RunTruth = {
  dpo: { heldOut: 0.3, useful: 0.3, random: 0.95 },
  joint: { heldOut: 1, useful: 2, random: 1 },
  betweenRuns: 0,
  confidence: CONFIDENT,
};

/** The same with a held-out guess rate of 1 + `effect`, which varies over runs as measured. */
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

const scoresOf = (set: SetName, rate: number, confidence: number, source: Stream): Scores => ({
  logProbabilities: Array.from({ length: SIZES[set].passwords }, () =>
    Array.from({ length: SIZES[set].length }, () => letter(rate, confidence, source)),
  ),
  ranks: [],
});

const measured = (scores: Scores) => {
  const own: Measures = measure({ ...scores, ranks: [[0]] }, LETTERS);
  return { ...own, halves: [own, own] };
};

/** A run of an experiment. Held-out passwords of the arms of a seed share that seed's deviation. */
export function simulatedRun(seed: number, truth: RunTruth, experiment: string, arm = 'main'): FinishedRun {
  const source = stream(seed, `procedures/${experiment}/${arm}`);
  const shift = stream(seed, `procedures/${experiment}`).normal(truth.betweenRuns);
  const flipped = Math.max(0.01, truth.joint.heldOut + shift);
  const setsAt = (rates: Truth) => ({
    heldOut: scoresOf('heldOut', rates.heldOut, truth.confidence, source),
    useful: scoresOf('useful', rates.useful, truth.confidence, source),
    random: scoresOf('random', rates.random, truth.confidence, source),
  });
  const last = setsAt({ ...truth.joint, heldOut: flipped });
  const evaluationOf = (heldOut: Scores) => ({
    phase: 'joint' as const,
    step: 1,
    sets: { heldOut: measured(heldOut), useful: measured(last.useful), random: measured(last.random) },
  });
  const history = [last.heldOut];
  for (let earlier = 0; earlier < (truth.evaluations ?? 0); earlier++) {
    const anew = (value: number) =>
      source.uniform() < (truth.turnover ?? 1) ? letter(flipped, truth.confidence, source) : value;
    history.unshift({ ranks: [], logProbabilities: history[0].logProbabilities.map((row) => row.map(anew)) });
  }
  const record = {
    status: 'finished' as const,
    setup: { ...PRESETS.pocket, seed, name: arm },
    evaluations: history.map(evaluationOf),
    snapshots: [
      { phase: 'dpo' as const, step: 1, prefix: 'regular' as const, sets: setsAt(truth.dpo) },
      { phase: 'joint' as const, step: 1, prefix: 'reverse' as const, sets: last },
    ],
  };
  return record as unknown as FinishedRun;
}
