/** Holm's step-down correction for many tests (Holm 1979, https://www.jstor.org/stable/4615733). */
import { checkFinite, SampleError } from './sample-error.ts';

/**
 * Adjusted p-values, in the order given: rejecting those below alpha keeps the chance of any false rejection at most
 * alpha, however the tests depend on one another. A test that could not be carried out still counts: its p is 1.
 * @throws SampleError for a p outside [0, 1].
 * @example holm([0.01, 0.04, 0.03]) // [0.03, 0.06, 0.06]
 */
export function holm(pValues: readonly number[]): number[] {
  checkFinite(pValues, 'the list of p-values');
  const odd = pValues.find((p) => p < 0 || p > 1);
  if (odd !== undefined) throw new SampleError(`a p-value lies between 0 and 1, unlike ${odd}`);
  const ascending = pValues.map((_, index) => index).sort((a, b) => pValues[a] - pValues[b]);
  const adjusted = new Array<number>(pValues.length);
  let largest = 0;
  ascending.forEach((index, place) => {
    largest = Math.max(largest, Math.min(1, (pValues.length - place) * pValues[index]));
    adjusted[index] = largest;
  });
  return adjusted;
}
