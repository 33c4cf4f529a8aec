/** Whether two samples have means that differ by less than a margin: two one-sided tests (Schuirmann 1987, https://doi.org/10.1007/BF01068419). */
import { mean, sampleVariance } from 'simple-statistics';
import { tCdf, tQuantile } from '../distributions.ts';
import type { Interval } from './intervals.ts';
import { checkFinite, SampleError } from './sample-error.ts';

export interface Equivalence {
  /** The mean of the first sample minus that of the second. */
  readonly difference: number;
  /** 95% interval of the difference. */
  readonly interval: Interval;
  readonly degreesOfFreedom: number;
  /** Of the hypothesis that the means differ by the margin or more: the larger p of the two one-sided tests. */
  readonly p: number;
}

/**
 * Welch's test against both ends of the margin: the samples may scatter differently.
 * @throws SampleError for fewer than two values in a sample, samples of which none varies, a margin that is not above 0, or a
 * number that is not finite
 */
export function equivalence(some: readonly number[], others: readonly number[], margin: number): Equivalence {
  checkFinite([margin], 'the margin');
  if (!(margin > 0)) throw new SampleError(`the margin must be above 0, not ${margin}`);
  for (const sample of [some, others]) {
    checkFinite(sample, 'the list of values');
    if (sample.length < 2)
      throw new SampleError(`a test of equivalence needs at least two values a sample, not ${sample.length}`);
  }
  const [a, b] = [some, others].map((sample) => sampleVariance([...sample]) / sample.length);
  const constant = [some, others].every((sample) => sample.every((value) => value === sample[0]));
  if (constant) throw new SampleError('a test of equivalence needs values that vary in one sample at least');
  const error = Math.sqrt(a + b);
  const degreesOfFreedom = (a + b) ** 2 / (a ** 2 / (some.length - 1) + b ** 2 / (others.length - 1));
  const difference = mean([...some]) - mean([...others]);
  const p = Math.max(
    tCdf(-(difference + margin) / error, degreesOfFreedom),
    tCdf((difference - margin) / error, degreesOfFreedom),
  );
  const reach = tQuantile(0.975, degreesOfFreedom) * error;
  return { difference, interval: [difference - reach, difference + reach], degreesOfFreedom, p };
}
