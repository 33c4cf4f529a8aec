/** Student's one-sample t-test (https://en.wikipedia.org/wiki/Student%27s_t-test#One-sample_t-test). */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { tCdf, tQuantile } from '../distributions.ts';
import type { Interval } from './intervals.ts';
import { checkFinite, checkShare, SampleError } from './sample-error.ts';

interface TTest {
  readonly t: number;
  readonly degreesOfFreedom: number;
  readonly p: number;
}

/** Mean and its standard error, with the sample (n - 1) standard deviation. */
function meanAndError(values: readonly number[]): { centre: number; error: number } {
  if (values.length < 2) throw new SampleError(`a t-test needs at least two values, not ${values.length}`);
  checkFinite(values, 'the list of values');
  // Values are compared, not their deviation: that of [0.1, 0.1, 0.1] is a rounding error above 0, and t would be 1e16.
  if (values.every((value) => value === values[0]))
    throw new SampleError(`a t-test needs values that vary, not ${values.length} times ${values[0]}`);
  const sample = [...values];
  return { centre: mean(sample), error: sampleStandardDeviation(sample) / Math.sqrt(values.length) };
}

/**
 * Tests whether the mean of `values` is above `expected`. (The tTest of simple-statistics divides by the population
 * standard deviation, which makes |t| too large by sqrt(n / (n - 1)).)
 * @throws SampleError for fewer than two values, values that do not vary, or a number that is not finite.
 * @example tTestAbove([1, 2, 3, 4], 2) // { t: 0.7746, degreesOfFreedom: 3, p: 0.2475 }
 */
export function tTestAbove(values: readonly number[], expected: number): TTest {
  checkFinite([expected], 'the expected mean');
  const { centre, error } = meanAndError(values);
  const degreesOfFreedom = values.length - 1;
  const t = (centre - expected) / error;
  return { t, degreesOfFreedom, p: tCdf(-t, degreesOfFreedom) };
}

/** Tests whether the mean of `values` differs from `expected`, on either side. @throws SampleError as {@link tTestAbove} */
export function tTestTwoSided(values: readonly number[], expected: number): TTest {
  const { t, degreesOfFreedom } = tTestAbove(values, expected);
  return { t, degreesOfFreedom, p: 2 * tCdf(-Math.abs(t), degreesOfFreedom) };
}

/**
 * Student's confidence interval of the mean.
 * @throws SampleError as {@link tTestAbove}, and for a level outside (0, 1).
 */
export function tInterval(values: readonly number[], level = 0.95): Interval {
  checkShare(level, 'the level');
  const { centre, error } = meanAndError(values);
  const reach = tQuantile((1 + level) / 2, values.length - 1) * error;
  return [centre - reach, centre + reach];
}
