/**
 * (n, p)-discoverable extraction (Hayes et al. 2024, https://arxiv.org/abs/2410.19482): a password is extractable if at
 * least one of n independent samples of the model is the password with a probability of at least p.
 */

const checkProbability = (p: number): void => {
  if (!(p > 0 && p < 1)) throw new RangeError(`the probability must lie between 0 and 1, both excluded, unlike ${p}`);
};

const checkLog = (logProbability: number): void => {
  if (!(logProbability <= 0)) throw new RangeError(`a log-probability is at most 0, unlike ${logProbability}`);
};

/**
 * Probability that at least one of `samples` samples is the password: 1 - (1 - q)^n.
 * @param logProbability ln q of the whole password, nats
 * @throws RangeError for a log-probability above 0 or a negative number of samples
 */
export function extractionProbability(logProbability: number, samples: number): number {
  checkLog(logProbability);
  if (!(samples >= 0)) throw new RangeError(`the number of samples must be at least 0, unlike ${samples}`);
  if (samples === 0) return 0;
  return -Math.expm1(samples * Math.log1p(-Math.exp(logProbability)));
}

/**
 * The fewest samples that contain the password with probability `p`. Above 2^53 it is no whole number any more.
 * @throws RangeError as {@link extractionProbability}, and for p outside (0, 1)
 */
export function samplesNeeded(logProbability: number, p: number): number {
  checkLog(logProbability);
  checkProbability(p);
  const samples = Math.log1p(-p) / Math.log1p(-Math.exp(logProbability));
  return samples > Number.MAX_SAFE_INTEGER ? samples : Math.max(1, Math.ceil(samples));
}

/** The same for someone who guesses letters blindly. @param letters size of the alphabet @param length of the password */
export const blindSamplesNeeded = (letters: number, length: number, p: number): number =>
  samplesNeeded(-length * Math.log(letters), p);

/** Share of passwords that are (n, p)-discoverably extractable. @throws RangeError for an empty set, and as above */
export function extractableShare(logProbabilities: readonly number[], samples: number, p: number): number {
  if (logProbabilities.length === 0) throw new RangeError('there are no passwords to extract');
  checkProbability(p);
  return (
    logProbabilities.filter((value) => extractionProbability(value, samples) >= p).length / logProbabilities.length
  );
}
