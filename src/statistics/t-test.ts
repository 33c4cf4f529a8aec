/** Student's one-sample t-test (https://en.wikipedia.org/wiki/Student%27s_t-test#One-sample_t-test). */
import tCdf from '@stdlib/stats-base-dists-t-cdf';
import { mean, sampleStandardDeviation } from 'simple-statistics';

export interface TTest {
  readonly t: number;
  readonly degreesOfFreedom: number;
  /** One-sided p-value: the mean is above `expected`. */
  readonly p: number;
}

/**
 * Tests whether the mean of `values` is above `expected`. (simple-statistics' tTest divides by the population standard
 * deviation, which makes |t| too large by sqrt(n / (n - 1)).)
 * @throws RangeError for fewer than two values, or values that do not vary.
 * @example tTestAbove([1, 2, 3, 4], 2) // { t: 0.7746, degreesOfFreedom: 3, p: 0.2475 }
 */
export function tTestAbove(values: readonly number[], expected: number): TTest {
  if (values.length < 2) throw new RangeError(`a t-test needs at least two values, not ${values.length}`);
  const deviation = sampleStandardDeviation([...values]);
  if (!(deviation > 0)) throw new RangeError('a t-test needs values that vary');
  const degreesOfFreedom = values.length - 1;
  const t = (mean([...values]) - expected) / (deviation / Math.sqrt(values.length));
  return { t, degreesOfFreedom, p: tCdf(-t, degreesOfFreedom) };
}
