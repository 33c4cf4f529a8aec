/** The paper's own measure, perf, over training and at its best evaluation: mean and deviation over runs, as the paper draws them. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { Evaluation, RunView, SetName } from '../../records/view.ts';
import { bestPerf } from '../paper-statistic.ts';

/** Mean and deviation over runs; the deviation of a single one is 0. */
const spread = (values: number[]) => ({
  mean: mean(values),
  deviation: values.length > 1 ? sampleStandardDeviation(values) : 0,
});

/** Perf at each run's best evaluation of phase 3; nats a letter. */
export const bestPerfs = (runs: readonly RunView[], set: SetName) => spread(runs.map((run) => bestPerf(run, set)));

/** The parts that a phase is cut into. */
const PARTS = 14;

/**
 * A number of an evaluation at equal shares of a phase, as runs leave phase 3 at different steps.
 * @param of the number, or undefined where the record does not have it
 */
export function overTraining(
  runs: readonly RunView[],
  phase: Evaluation['phase'],
  of: (evaluation: Evaluation) => number | undefined,
) {
  return Array.from({ length: PARTS + 1 }, (_, part) => {
    const values = runs.flatMap((run) => {
      const own = run.evaluations.filter((evaluation) => evaluation.phase === phase);
      if (own.length === 0) return [];
      const wanted = (part / PARTS) * own[own.length - 1].step;
      const nearest = own.reduce((a, b) => (Math.abs(b.step - wanted) < Math.abs(a.step - wanted) ? b : a));
      return of(nearest) ?? [];
    });
    return values.length === 0 ? [] : [{ share: part / PARTS, runs: values.length, ...spread(values) }];
  }).flat();
}

/** Perf over training; nats a letter. */
export const perfOverTraining = (runs: readonly RunView[], phase: Evaluation['phase'], set: SetName) =>
  overTraining(runs, phase, ({ sets }) => sets[set].perf);

/** What an archive rounds a guess rate to: a lower one has no logarithm that says anything. */
const LEAST_RATE = 1e-4;

/** Guess rate over training: the geometric mean over runs, and the ends of one deviation of its logarithm. */
export const guessRateOverTraining = (runs: readonly RunView[], phase: Evaluation['phase'], set: SetName) =>
  overTraining(runs, phase, ({ sets }) => Math.log(Math.max(sets[set].guessRate, LEAST_RATE))).map(
    ({ share, runs: seeds, mean, deviation }) => ({
      share,
      runs: seeds,
      mean: Math.exp(mean),
      low: Math.exp(mean - deviation),
      high: Math.exp(mean + deviation),
    }),
  );
