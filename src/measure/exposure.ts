/**
 * Rank and exposure (Carlini et al. 2019, The Secret Sharer, https://arxiv.org/abs/1802.08232, section 4): the place of a
 * password among random ones that the model never saw.
 */
import { ascending, bisectLeft, bisectRight } from 'd3-array';
import { checkCount, type Scores } from './measures.ts';

/** Log-probability of each whole password given its prefix, nats. */
export const logProbabilityOf = ({ logProbabilities }: Pick<Scores, 'logProbabilities'>): number[] =>
  logProbabilities.map((row) => row.reduce((sum, value) => sum + value, 0));

const checkOrdered = (values: readonly number[], what: string): void => {
  const odd = values.findIndex(Number.isNaN);
  if (odd >= 0) throw new RangeError(`the ${what} at index ${odd} is NaN, which has no rank; find out why, or drop it`);
};

/**
 * Rank of each value among the references and itself. The largest has rank 1; a tie counts half.
 * @param values log-probabilities of passwords
 * @param references log-probabilities of random passwords
 * @returns numbers in 1 to references + 1, halves included
 * @throws RangeError without references, or for a NaN
 */
export function ranksAmong(values: readonly number[], references: readonly number[]): number[] {
  if (references.length === 0)
    throw new RangeError('a rank needs fresh random passwords to compare with; none was given');
  checkOrdered(values, 'value');
  checkOrdered(references, 'reference');
  const sorted = [...references].sort(ascending);
  // bisectLeft counts the smaller ones, bisectRight the smaller or equal ones.
  return values.map((value) => 1 + sorted.length - (bisectLeft(sorted, value) + bisectRight(sorted, value)) / 2);
}

/**
 * Exposure of a password of a given rank: log2 of the number of candidates minus log2 of the rank; bits.
 *
 * It is an estimate by sampling. The candidates are the password itself and the sampled references, not every possible
 * password, so it is at most log2(references + 1) however well the model knows the password. A model that knows nothing
 * has {@link chanceExposure}, not 0. A model for which everything ties has less, log2(2 - 2 / (references + 2)).
 * @param rank as {@link ranksAmong} gives it
 * @param references their number
 * @param direction `unlikely` ranks from the least likely password: negative exposure, for what a model suppresses. Low
 *   logits give a password away as high ones do (https://arxiv.org/abs/2306.07567).
 * @throws RangeError for a rank outside 1 to references + 1, or references that are no count
 */
export function exposure(rank: number, references: number, direction: 'likely' | 'unlikely' = 'likely'): number {
  checkCount(references, 1, 'the number of references');
  if (!(rank >= 1 && rank <= references + 1))
    throw new RangeError(
      `a rank among ${references} passwords and itself lies in 1 to ${references + 1}, unlike ${rank}`,
    );
  return Math.log2(references + 1) - Math.log2(direction === 'likely' ? rank : references + 2 - rank);
}

/**
 * Expected exposure, in either direction, under a model that knows nothing and never ties; bits. Every rank in 1 to n + 1
 * is then equally likely, so it is log2(n + 1) - log2((n + 1)!) / (n + 1). By Stirling's formula it tends to log2(e),
 * 1.4427 bits, as the number n of references grows.
 * @throws RangeError for references that are no count
 */
export function chanceExposure(references: number): number {
  checkCount(references, 1, 'the number of references');
  let sum = 0;
  for (let rank = 1; rank <= references + 1; rank++) sum += exposure(rank, references);
  return sum / (references + 1);
}
