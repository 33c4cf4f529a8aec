/** Numbers for claims, read off the views of runs. */
import { guessRates, letterProbabilities, logLikelihoods } from '../measure/measures.ts';
import { stream } from '../random/streams.ts';
import { isScheduled, scoredUnder } from '../recipe/recipe.ts';
import type { Evaluation, PhaseEnd, RunView, SetName, ViewedScores } from '../records/view.ts';
import {
  type Bootstrap,
  expandedInterval,
  hierarchicalBootstrap,
  type Interval,
  type RunValues,
  tTestAbove,
  tTestTwoSided,
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
  /** The number of each run, whose mean is the value. */
  readonly byRun: number[];
  readonly bootstrap: Bootstrap;
}

const same = (some: RunValues = [], others: RunValues = []): boolean =>
  some.length === others.length &&
  some.every((values, run) => {
    const other = others[run];
    return values.length === other.length && values.every((value, index) => value === other[index]);
  });

/** The last bootstrap under each name: claims share cells, so that a report asks for some of them several times. */
const drawn = new Map<string, { values: RunValues; minus?: RunValues; bootstrap: Bootstrap }>();

function bootstrapOf(source: string, values: RunValues, minus?: RunValues): Bootstrap {
  const before = drawn.get(source);
  if (before !== undefined && same(before.values, values) && same(before.minus, minus)) return before.bootstrap;
  const { uniform } = stream(0, `bootstrap/${source}`);
  const bootstrap = hierarchicalBootstrap(values, { random: uniform }, minus);
  drawn.set(source, { values, minus, bootstrap });
  return bootstrap;
}

/**
 * The mean over runs with its 95% interval (hierarchical bootstrap, widened for few runs).
 * @param source names the stream that the resampling draws from, so that equal records give equal intervals. Some names
 *   are labels of long ago: another name would give another interval.
 * @param minus what is subtracted, run by run
 */
export function estimate(source: string, values: RunValues, minus?: RunValues): Estimate {
  const bootstrap = bootstrapOf(source, values, minus);
  const byRun = runMeans(values, minus);
  return { value: bootstrap.estimate, interval: expandedInterval(bootstrap), byRun, bootstrap };
}

const meanOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The number of each run. */
export const runMeans = (values: RunValues, minus?: RunValues): number[] =>
  values.map((own, run) => meanOf(own) - (minus === undefined ? 0 : meanOf(minus[run])));

/** The value of an {@link estimate} whose interval no one asks for. */
export const meanOverRuns = (values: RunValues, minus?: RunValues): number => meanOf(runMeans(values, minus));

/** Log-likelihood of held-out minus that of control passwords of the same run; nats a letter. */
export const heldOutMinusControl = (source: string, runs: readonly RunView[], phase: PhaseEnd): Estimate =>
  estimate(source, logLikelihoodsOf(runs, phase, 'heldOut'), logLikelihoodsOf(runs, phase, 'random'));

/** Whether there are different values: fewer than two, or equal ones, leave a test nothing to weigh. */
export const vary = (values: readonly number[]): boolean => new Set(values).size > 1;

/** p of the one-sided t-test over runs that values are above `expected`; 1 where they do not vary. */
export const testAbove = (values: readonly number[], expected: number): number =>
  vary(values) ? tTestAbove(values, expected).p : 1;

/** p of the two-sided t-test over runs that values differ from `expected`, as the paper tests; 1 where they do not vary. */
export const testTwoSided = (values: readonly number[], expected: number): number =>
  vary(values) ? tTestTwoSided(values, expected).p : 1;

/** An estimate as a finding, without the bootstrap behind it. */
export function estimated(key: FindingKey, label: string, { value, interval }: Estimate, meaning?: string): Finding {
  return { key, label, value, interval, meaning };
}

/**
 * How far a run's guess rate of a set would scatter from 1, were its passwords ones that the model knows nothing of: a deviation. It comes from
 * the model's own confidence, which the control's letters show: a letter that is guessed with probability q, were it any of n letters,
 * adds n q - 1.
 */
export function expectedScatter(run: RunView, phase: PhaseEnd, set: SetName): number {
  const letters = run.setup.passwords.alphabet.length;
  const control = letterProbabilities(scoresAt(run, phase, 'random')).flat();
  const variance = meanOf(control.map((probability) => (letters * probability - 1) ** 2));
  return Math.sqrt(variance / scoresAt(run, phase, set).logProbabilities.flat().length);
}

/** The same as a finding, a mean over runs. @param what names the guess rate */
export const scatter = (runs: readonly RunView[], phase: PhaseEnd, set: SetName, what: string): Finding => ({
  key: 'expected-scatter',
  label: `expected scatter of one run: deviation of ${what}, did the model know nothing of these passwords`,
  value: meanOf(runs.map((run) => expectedScatter(run, phase, set))),
  meaning: 'From how sure the model is of letters that it cannot know. A surer model scatters more, and says no more.',
});

/** Evaluations of phase 3, in order. */
export const evaluationsOfPhase3 = (run: Pick<RunView, 'evaluations'>): Evaluation[] =>
  run.evaluations.filter(({ phase }) => phase === 'joint');

/**
 * Those of them that the schedule asks for. The end of a phase is evaluated besides, which the paper's loop does not do; it
 * stands in where the phase is too short for any other.
 */
export function scheduledEvaluations(run: Pick<RunView, 'setup' | 'evaluations'>): Evaluation[] {
  const all = evaluationsOfPhase3(run);
  const scheduled = all.filter(({ step }) => isScheduled(run.setup.evaluation, step));
  return scheduled.length > 0 ? scheduled : all;
}
