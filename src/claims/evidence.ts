/** Numbers for claims, read off run records. */
import { guessRates, logLikelihoods, type Scores } from '../measure/measures.ts';
import { stream } from '../random/streams.ts';
import type { FinishedRun } from '../runs/record.ts';
import {
  type Bootstrap,
  expandedInterval,
  hierarchicalBootstrap,
  type Interval,
  type RunValues,
  tTestAbove,
} from '../statistics/index.ts';
import type { Finding } from './claim.ts';

export type SetName = 'heldOut' | 'useful' | 'random';
export type PhaseEnd = 'dpo' | 'joint';

/** The scores of one set at the end of a phase. @throws Error when the run has no such snapshot. */
function scoresAt(run: FinishedRun, phase: PhaseEnd, set: SetName): Scores {
  const snapshot = run.snapshots.find((candidate) => candidate.phase === phase);
  if (snapshot === undefined)
    throw new Error(`run ${run.setup.name}, seed ${run.setup.seed}, has no end of phase ${phase}`);
  return snapshot.sets[set];
}

/** Guess rate of every password at the end of a phase, by run (1 = chance). */
export const guessRatesOf = (runs: readonly FinishedRun[], phase: PhaseEnd, set: SetName): RunValues =>
  runs.map((run) => guessRates(scoresAt(run, phase, set), run.setup.passwords.alphabet.length));

/** Log-likelihood of every password at the end of a phase, by run; nats a letter. */
export const logLikelihoodsOf = (runs: readonly FinishedRun[], phase: PhaseEnd, set: SetName): RunValues =>
  runs.map((run) => logLikelihoods(scoresAt(run, phase, set)));

export interface Estimate extends Finding {
  readonly interval: Interval;
  readonly bootstrap: Bootstrap;
}

/**
 * The mean over runs with its 95% interval (hierarchical bootstrap, widened for few runs). The resampling is seeded by
 * the label, so the same records always give the same interval.
 */
export function estimate(label: string, values: RunValues, minus?: RunValues): Estimate {
  const { uniform } = stream(0, `bootstrap/${label}`);
  const bootstrap = hierarchicalBootstrap(values, { random: uniform }, minus);
  return { label, value: bootstrap.estimate, interval: expandedInterval(bootstrap), bootstrap };
}

export const runMeans = (values: RunValues): number[] =>
  values.map((run) => run.reduce((sum, value) => sum + value, 0) / run.length);

/** Log-likelihood of held-out minus that of random passwords, by run; nats a letter. */
export function pairedDifferences(runs: readonly FinishedRun[], phase: PhaseEnd): number[] {
  const random = runMeans(logLikelihoodsOf(runs, phase, 'random'));
  return runMeans(logLikelihoodsOf(runs, phase, 'heldOut')).map((value, run) => value - random[run]);
}

/** p of the one-sided t-test over runs of values being above `expected`; 1 where too few, or equal, leave nothing to test. */
export const testAbove = (values: readonly number[], expected: number): number =>
  new Set(values).size < 2 ? 1 : tTestAbove(values, expected).p;

/** A finding without the bootstrap behind it, as records keep it. */
export const plain = ({ label, value, interval, meaning }: Finding): Finding => ({
  label,
  value,
  ...(interval === undefined ? {} : { interval }),
  ...(meaning === undefined ? {} : { meaning }),
});

/** Evaluations of phase 3, in order. */
export const evaluationsOfPhase3 = (run: FinishedRun): FinishedRun['evaluations'] =>
  run.evaluations.filter(({ phase }) => phase === 'joint');
