/** The sign-flip test (Fisher 1935, The Design of Experiments, 21): exact for effects symmetric about 0 under the null. */

/** Above this many runs 2^n sign patterns are too many to visit. */
export const MOST_EXACT = 20;

/**
 * One-sided p-value of the mean of `effects` (one for each run) being above 0: the share of all 2^n sign patterns whose
 * mean is at least the observed one. The observed pattern is one of them, so p is never 0.
 * @throws RangeError for no effects, more than 20, or values that are not finite.
 * @example signFlipTest([1, 2, 3]) // 1 / 8
 */
export function signFlipTest(effects: readonly number[]): number {
  const size = effects.length;
  if (size === 0 || size > MOST_EXACT)
    throw new RangeError(`the exact test takes 1 to ${MOST_EXACT} runs, not ${size}`);
  if (!effects.every(Number.isFinite)) throw new RangeError('every effect must be a finite number');
  const observed = effects.reduce((sum, effect) => sum + effect, 0);
  // Sums that differ by rounding alone count as equal.
  const slack = 1e-12 * effects.reduce((sum, effect) => sum + Math.abs(effect), 0);
  let atLeast = 0;
  for (let pattern = 0; pattern < 2 ** size; pattern++) {
    let sum = 0;
    for (let run = 0; run < size; run++) sum += (pattern >> run) & 1 ? -effects[run] : effects[run];
    if (sum >= observed - slack) atLeast += 1;
  }
  return atLeast / 2 ** size;
}
