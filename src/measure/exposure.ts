/**
 * Rank and exposure (Carlini et al. 2019, The Secret Sharer, https://arxiv.org/abs/1802.08232, section 4): where a
 * password stands among fresh random ones that the model never saw.
 */
import type { Scores } from './measures.ts';

/** Log-probability of each whole password given its prefix: the exact-password probability, as a logarithm; nats. */
export const logProbabilityOf = ({ logProbabilities }: Pick<Scores, 'logProbabilities'>): number[] =>
  logProbabilities.map((row) => row.reduce((sum, value) => sum + value, 0));

/**
 * Rank of each value among the references and itself, 1 being the largest; a tie counts half.
 * @throws RangeError without references
 */
export function ranksAmong(values: readonly number[], references: readonly number[]): number[] {
  if (references.length === 0)
    throw new RangeError('a rank needs fresh random passwords to compare with; none was given');
  return values.map(
    (value) =>
      1 + references.reduce((count, reference) => count + (reference > value ? 1 : reference === value ? 0.5 : 0), 0),
  );
}

/**
 * Exposure of a password of a given rank: log2 of the number of candidates minus log2 of the rank; bits. The candidates
 * are the password itself and the sampled references, so that it is at most log2(references + 1).
 * @param direction `unlikely` ranks from the least likely password: the exposure of what a model suppresses, which low
 *   logits give away as well as high ones do
 * @throws RangeError for a rank outside 1 to references + 1
 */
export function exposure(rank: number, references: number, direction: 'likely' | 'unlikely' = 'likely'): number {
  if (!(rank >= 1 && rank <= references + 1))
    throw new RangeError(
      `a rank among ${references} passwords and itself lies in 1 to ${references + 1}, unlike ${rank}`,
    );
  return Math.log2(references + 1) - Math.log2(direction === 'likely' ? rank : references + 2 - rank);
}

/**
 * Expected exposure under a model that knows nothing, for which every rank is equally likely; bits. It tends to
 * log2(e), 1.44 bits, as the references grow.
 */
export function chanceExposure(references: number): number {
  let sum = 0;
  for (let rank = 1; rank <= references + 1; rank++) sum += exposure(rank, references);
  return sum / (references + 1);
}
