/**
 * (n, p)-discoverable extraction (Hayes et al. 2024, https://arxiv.org/abs/2410.19482): a password is extractable if at
 * least one of n independent samples of the model is the password with a probability of at least p.
 */
import { checkCount } from './measures.ts';

const checkLog = (logProbability: number): void => {
  if (!(logProbability <= 0)) throw new RangeError(`a log-probability is at most 0, unlike ${logProbability}`);
};

const checkSamples = (samples: number): void => {
  if (!(samples >= 0 && samples < Infinity))
    throw new RangeError(`the number of samples must be finite and at least 0, unlike ${samples}`);
};

/** ln(1 - q): the log-probability that one sample is not the password, nats. Exact even where 1 - q rounds to 1. */
const logMiss = (logProbability: number): number => Math.log1p(-Math.exp(logProbability));

/**
 * Probability that at least one of `samples` samples is the password: 1 - (1 - q)^n.
 * @param logProbability ln q of the whole password, nats
 * @throws RangeError for a log-probability above 0, or a number of samples that is negative or infinite
 */
export function extractionProbability(logProbability: number, samples: number): number {
  checkLog(logProbability);
  checkSamples(samples);
  if (samples === 0) return 0;
  return -Math.expm1(samples * logMiss(logProbability));
}

/**
 * The fewest samples that contain the password with probability `p`: ln(1 - p) / ln(1 - q), rounded up. Above 2^53 it is
 * not rounded. Where it is too large for a number, at ln q below about -709 nats, it is infinite.
 * @param logProbability ln q of the whole password, nats
 * @throws RangeError for a log-probability above 0, or p outside (0, 1)
 */
export function samplesNeeded(logProbability: number, p: number): number {
  checkLog(logProbability);
  if (!(p > 0 && p < 1)) throw new RangeError(`the probability must lie between 0 and 1, both excluded, unlike ${p}`);
  const samples = Math.log1p(-p) / logMiss(logProbability);
  if (samples > Number.MAX_SAFE_INTEGER) return samples;
  // Rounding errors must not turn a whole number of samples into one more.
  return Math.max(1, Math.ceil(samples * (1 - 8 * Number.EPSILON)));
}

/**
 * The samples needed by someone who guesses letters blindly: q = letters^-length.
 * @param letters size of the alphabet
 * @param length letters in the password
 * @throws RangeError for letters or a length that are no counts, or p outside (0, 1)
 */
export function blindSamplesNeeded(letters: number, length: number, p: number): number {
  checkCount(letters, 1, 'the size of the alphabet');
  checkCount(length, 0, 'the length of a password');
  return samplesNeeded(-length * Math.log(letters), p);
}

/**
 * Share of passwords that are (n, p)-discoverably extractable, with n = `samples`.
 * @param logProbabilities ln q of each whole password, nats
 * @throws RangeError for an empty set, and as {@link extractionProbability} and {@link samplesNeeded} do
 */
export function extractableShare(logProbabilities: readonly number[], samples: number, p: number): number {
  if (logProbabilities.length === 0) throw new RangeError('there are no passwords to extract');
  checkSamples(samples);
  return logProbabilities.filter((value) => samplesNeeded(value, p) <= samples).length / logProbabilities.length;
}
