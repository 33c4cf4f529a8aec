/** The sign-flip test (Fisher 1935, The Design of Experiments, 21): exact for effects symmetric about 0 under the null. */
import { checkCount, checkFinite, SampleError } from './sample-error.ts';

/** Above this many runs 2^n sign patterns are too many to visit. */
export const MOST_EXACT = 20;

interface SignFlipOptions {
  /** Which means are at least as extreme: those as high (`above`, the default), or as far from 0 (`two-sided`). */
  readonly alternative?: 'above' | 'two-sided';
  /** Uniform numbers in [0, 1), for more than 20 effects; give a seeded source. */
  readonly random?: () => number;
  /** Sign patterns to draw when there are too many to visit; 100,000 unless told. */
  readonly patterns?: number;
}

/**
 * p-value of the mean of `effects` (one for each run): the share of all 2^n sign patterns whose mean is at least as
 * extreme as the observed one. The observed pattern is one of them, so p is never 0. For more than 20 effects, patterns
 * are drawn at random and the observed one is added to them, (b + 1) / (m + 1): Phipson & Smyth 2010,
 * https://doi.org/10.2202/1544-6115.1585.
 * @throws SampleError for no effects, values that are not finite, or more than 20 effects and no `random`.
 * @example signFlipTest([1, 2, 3]) // 1 / 8
 */
export function signFlipTest(effects: readonly number[], options: SignFlipOptions = {}): number {
  const { alternative = 'above', random, patterns = 100_000 } = options;
  const size = effects.length;
  if (size === 0 || (size > MOST_EXACT && random === undefined))
    throw new SampleError(
      `the exact test takes 1 to ${MOST_EXACT} runs, not ${size}; for more, pass a seeded \`random\``,
    );
  checkFinite(effects, 'the list of effects');
  checkCount(patterns, 1, 'the number of sign patterns');
  // In units of the largest no sum overflows; p does not depend on the unit.
  const largest = effects.reduce((most, effect) => Math.max(most, Math.abs(effect)), 0);
  const scaled = effects.map((effect) => (largest === 0 ? 0 : effect / largest));
  const extremity = (sum: number) => (alternative === 'above' ? sum : Math.abs(sum));
  const observed = extremity(scaled.reduce((sum, effect) => sum + effect, 0));
  // Sums that differ by rounding alone count as equal.
  const threshold = observed - 1e-12 * scaled.reduce((sum, effect) => sum + Math.abs(effect), 0);
  const countAtLeast = (count: number, flips: (pattern: number, run: number) => boolean): number => {
    let atLeast = 0;
    for (let pattern = 0; pattern < count; pattern++) {
      let sum = 0;
      for (let run = 0; run < size; run++) sum += flips(pattern, run) ? -scaled[run] : scaled[run];
      if (extremity(sum) >= threshold) atLeast += 1;
    }
    return atLeast;
  };
  if (size <= MOST_EXACT) return countAtLeast(2 ** size, (pattern, run) => ((pattern >> run) & 1) === 1) / 2 ** size;
  return (countAtLeast(patterns, () => (random as () => number)() < 0.5) + 1) / (patterns + 1);
}
