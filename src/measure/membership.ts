/**
 * Membership inference: how well scores tell passwords of a training set from fresh ones (area under the ROC curve;
 * Hanley & McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747; of language models, Carlini et al. 2022,
 * https://arxiv.org/abs/2112.03570).
 */

/**
 * The probability that a member's score is above a non-member's, ties counting half: 0.5 for a model that knows nothing,
 * below it where members are avoided.
 * @throws RangeError for an empty set
 */
export function auc(members: readonly number[], others: readonly number[]): number {
  if (members.length === 0 || others.length === 0)
    throw new RangeError(`membership needs scores of both kinds, not ${members.length} and ${others.length}`);
  const sorted = [...others].sort((a, b) => a - b);
  /** How many of the others lie below a value, or at it. */
  const count = (value: number, below: (other: number, value: number) => boolean): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (below(sorted[middle], value)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const wins = members.reduce(
    (sum, value) => sum + (count(value, (a, b) => a < b) + count(value, (a, b) => a <= b)) / 2,
    0,
  );
  return wins / (members.length * others.length);
}
