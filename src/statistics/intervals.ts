/** Confidence intervals from a bootstrap. */
import { quantileSorted } from 'simple-statistics';
import { normalCdf, normalQuantile, tQuantile } from '../distributions.ts';
import type { Bootstrap } from './bootstrap.ts';
import { checkCount, checkFinite, checkShare } from './sample-error.ts';

export type Interval = readonly [low: number, high: number];

const quantiles = ({ replicates }: Bootstrap, low: number, high: number): Interval => [
  quantileSorted(replicates as unknown as number[], low),
  quantileSorted(replicates as unknown as number[], high),
];

/**
 * The percentile interval: the middle `level` of the replicates (Efron & Tibshirani 1993, 13.3). It is too narrow for few
 * runs that differ (spec/statistics/coverage.spec.ts), and shows only the spread of passwords for a single run. Decide with
 * {@link expandedInterval}.
 * @throws SampleError for a level outside (0, 1).
 */
export function percentileInterval(bootstrap: Bootstrap, level = 0.95): Interval {
  checkShare(level, 'the level');
  return quantiles(bootstrap, (1 - level) / 2, (1 + level) / 2);
}

/**
 * The percentile interval widened for few runs (Hesterberg 2015, https://doi.org/10.1080/00031305.2015.1089789, 5.2,
 * "expanded percentile"). Resampling n runs understates the variance by (n - 1) / n, and has normal tails in place of
 * Student's. So the quantiles taken are those at which a normal interval becomes the t interval.
 * The interval of a single run, which shows no run-to-run variation, is infinite. With 4 runs at 95% the tail is 0.00012,
 * so 10,000 replicates put the bounds at the second smallest and largest. With 2 or 3 runs they are the extremes.
 * @throws SampleError for a level outside (0, 1).
 */
export function expandedInterval(bootstrap: Bootstrap, level = 0.95): Interval {
  checkShare(level, 'the level');
  const runs = bootstrap.leaveOneOut.length;
  if (runs < 2) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const reach = Math.sqrt(runs / (runs - 1)) * tQuantile((1 + level) / 2, runs - 1);
  const tail = normalCdf(-reach, 0, 1);
  return quantiles(bootstrap, tail, 1 - tail);
}

/**
 * The bias-corrected and accelerated interval (Efron 1987; Efron & Tibshirani 1993, 14.3). The acceleration comes from
 * leaving out one run at a time, because runs are the level that is sampled independently. The interval of a single run
 * is infinite.
 * @throws SampleError for a level outside (0, 1).
 */
export function bcaInterval(bootstrap: Bootstrap, level = 0.95): Interval {
  checkShare(level, 'the level');
  const { replicates, estimate, leaveOneOut } = bootstrap;
  if (leaveOneOut.length < 2) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const [least, most] = [replicates[0], replicates[replicates.length - 1]];
  // Sums of the same runs in another order differ by rounding. They count as ties, or the bias would depend on that order.
  const slack = 1e-12 * Math.max(Math.abs(least), Math.abs(most));
  let below = 0;
  for (const value of replicates) below += Math.abs(value - estimate) <= slack ? 0.5 : value < estimate ? 1 : 0;
  if (below === 0 || below === replicates.length) return [least, most];
  const bias = normalQuantile(below / replicates.length, 0, 1);
  const centre = leaveOneOut.reduce((sum, value) => sum + value, 0) / leaveOneOut.length;
  const deviations = leaveOneOut.map((value) => centre - value);
  const squares = deviations.reduce((sum, value) => sum + value ** 2, 0);
  const acceleration =
    squares === 0 ? 0 : deviations.reduce((sum, value) => sum + value ** 3, 0) / (6 * squares ** 1.5);
  const adjusted = (tail: number): number => {
    const z = bias + normalQuantile(tail, 0, 1);
    const stretch = 1 - acceleration * z;
    // Past its pole the correction would come back from the other side.
    if (stretch <= 0) return z > 0 ? 1 : 0;
    return normalCdf(bias + z / stretch, 0, 1);
  };
  return quantiles(bootstrap, adjusted((1 - level) / 2), adjusted((1 + level) / 2));
}

/** Run means in short. */
export interface Sample {
  readonly mean: number;
  /** Standard deviation over runs. */
  readonly deviation: number;
  readonly runs: number;
}

/**
 * Where the mean of other runs of the same kind will lie (https://en.wikipedia.org/wiki/Prediction_interval): mean +- t(runs - 1) x
 * deviation x sqrt(1/runs + 1/others).
 * @throws SampleError for fewer than two runs, no others, numbers that are not finite, or a level outside (0, 1)
 * @example predictionInterval({ mean: 3.2, deviation: 0.6, runs: 64 }, 8) // [2.75, 3.65]
 */
export function predictionInterval({ mean, deviation, runs }: Sample, others: number, level = 0.95): Interval {
  checkFinite([mean, deviation], 'mean and deviation');
  checkCount(runs, 2, 'the number of runs');
  checkCount(others, 1, 'the number of other runs');
  checkShare(level, 'the level');
  const reach = tQuantile((1 + level) / 2, runs - 1) * deviation * Math.sqrt(1 / runs + 1 / others);
  return [mean - reach, mean + reach];
}
