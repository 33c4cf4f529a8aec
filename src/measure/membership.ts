/**
 * Membership inference: how well scores tell passwords of a training set from fresh ones, as the area under the ROC
 * curve (Hanley & McNeil 1982, https://doi.org/10.1148/radiology.143.1.7063747). It averages over all thresholds, so it does
 * not show whether a few members can be named with certainty (Carlini et al. 2022, https://arxiv.org/abs/2112.03570).
 */
import { ranksAmong } from './exposure.ts';

/**
 * The probability that a member's score is above a non-member's, ties counting half (Mann-Whitney U over the number of
 * pairs). It is 0.5 for a model that knows nothing, lower where members are avoided, and 0 or 1 where the sets lie apart.
 * @param members scores, such as log-probabilities, of passwords that the model was trained on
 * @param others scores of passwords that it never saw
 * @throws RangeError for an empty set, or for a NaN
 */
export function auc(members: readonly number[], others: readonly number[]): number {
  if (members.length === 0 || others.length === 0)
    throw new RangeError(`membership needs scores of both kinds, not ${members.length} and ${others.length}`);
  const wins = ranksAmong(members, others).reduce((sum, rank) => sum + others.length + 1 - rank, 0);
  return wins / (members.length * others.length);
}
