/** Numbers for claims, read off the views of runs. */
import { guessRates, logLikelihoods } from '../measure/measures.ts';
import { stream } from '../random/streams.ts';
import { scoredUnder } from '../recipe/recipe.ts';
import type { Evaluation, PhaseEnd, RunView, SetName, ViewedScores } from '../records/view.ts';
import {
  type Bootstrap,
  expandedInterval,
  hierarchicalBootstrap,
  type Interval,
  type RunValues,
  tTestAbove,
} from '../statistics/index.ts';
import type { Finding, FindingKey } from './claim.ts';

/** The scores of one set at the end of a phase, after the prefix that the phase is evaluated under. */
const scoresAt = (run: RunView, phase: PhaseEnd, set: SetName): ViewedScores =>
  run.at(phase, scoredUnder(run.setup, phase), set);

/** Guess rate of every password at the end of a phase, by run (1 = chance). */
export const guessRatesOf = (runs: readonly RunView[], phase: PhaseEnd, set: SetName): RunValues =>
  runs.map((run) => guessRates(scoresAt(run, phase, set), run.setup.passwords.alphabet.length));

/** Log-likelihood of every password at the end of a phase, by run; nats a letter. */
export const logLikelihoodsOf = (runs: readonly RunView[], phase: PhaseEnd, set: SetName): RunValues =>
  runs.map((run) => logLikelihoods(scoresAt(run, phase, set)));

export interface Estimate {
  readonly value: number;
  readonly interval: Interval;
  readonly bootstrap: Bootstrap;
}

/**
 * The mean over runs with its 95% interval (hierarchical bootstrap, widened for few runs).
 * @param source names the stream that the resampling draws from, so that equal records give equal intervals. Some names
 *   are labels of long ago: another name would be another interval.
 */
export function estimate(source: string, values: RunValues, minus?: RunValues): Estimate {
  const { uniform } = stream(0, `bootstrap/${source}`);
  const bootstrap = hierarchicalBootstrap(values, { random: uniform }, minus);
  return { value: bootstrap.estimate, interval: expandedInterval(bootstrap), bootstrap };
}

export const runMeans = (values: RunValues): number[] =>
  values.map((run) => run.reduce((sum, value) => sum + value, 0) / run.length);

/** Log-likelihood of held-out minus that of random passwords, by run; nats a letter. */
export function pairedDifferences(runs: readonly RunView[], phase: PhaseEnd): number[] {
  const random = runMeans(logLikelihoodsOf(runs, phase, 'random'));
  return runMeans(logLikelihoodsOf(runs, phase, 'heldOut')).map((value, run) => value - random[run]);
}

/** p of the one-sided t-test over runs of values being above `expected`; 1 where too few, or equal, leave nothing to test. */
export const testAbove = (values: readonly number[], expected: number): number =>
  new Set(values).size < 2 ? 1 : tTestAbove(values, expected).p;

/** An estimate as a finding, without the bootstrap behind it. */
export const estimated = (
  key: FindingKey,
  label: string,
  { value, interval }: Estimate,
  meaning?: string,
): Finding => ({ key, label, value, interval, ...(meaning === undefined ? {} : { meaning }) });

/** Evaluations of phase 3, in order. */
export const evaluationsOfPhase3 = (run: Pick<RunView, 'evaluations'>): Evaluation[] =>
  run.evaluations.filter(({ phase }) => phase === 'joint');
