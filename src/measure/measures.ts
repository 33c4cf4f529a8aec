/** What a model knows of a set of passwords, from the log-probabilities of their letters. */

/** Scores of one set of passwords by one model. */
export interface Scores {
  /** `[passwords][letters]`: log-probability of each true letter given the prefix and the letters before it, nats. */
  logProbabilities: number[][];
  /**
   * `[passwords][letters]`: log of the probability that the model gives to the alphabet's letters together, nats. Absent in records of
   * long ago, whose guess rates took the letters for all tokens that there are.
   */
  letterShares?: number[][];
  /** `[passwords][letters]`: how many tokens the model finds likelier than the true letter; 0 for its first guess. */
  ranks: number[][];
}

export interface Measures {
  /** Mean log-probability of a true letter, nats. */
  readonly logLikelihood: number;
  /** `logLikelihood` minus the chance line ln(1 / letters), nats: the paper's perf. */
  readonly perf: number;
  /**
   * The probability that a letter sampled from the model is the right one, averaged over letters, as a multiple of chance.
   * It is sampled from the alphabet's letters alone, whatever other tokens the softmax holds. Under a model that is independent
   * of the passwords its expectation is 1, however over-confident the model is.
   */
  readonly guessRate: number;
  /** How often the likeliest token is the right one, as a multiple of chance. */
  readonly topRate: number;
}

/** ln(1 / letters): the log-probability of a letter under a model that knows nothing of the password, nats. */
export const chanceLine = (letters: number): number => -Math.log(letters);

/** @throws RangeError unless `count` is a whole number of at least `least` */
export function checkCount(count: number, least: number, what: string): void {
  if (!Number.isSafeInteger(count) || count < least)
    throw new RangeError(`${what} must be a whole number of at least ${least}, not ${count}`);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean log-probability of a letter, for each password; nats. */
export const logLikelihoods = ({ logProbabilities }: Pick<Scores, 'logProbabilities'>): number[] =>
  logProbabilities.map(mean);

/** Probability of each true letter among the alphabet's letters: `[passwords][letters]`. */
export const letterProbabilities = ({
  logProbabilities,
  letterShares,
}: Pick<Scores, 'logProbabilities' | 'letterShares'>): number[][] =>
  logProbabilities.map((row, password) =>
    row.map((value, place) => Math.exp(value - (letterShares?.[password][place] ?? 0))),
  );

/** Guess rate of each password. @param letters size of the alphabet */
export const guessRates = (scores: Pick<Scores, 'logProbabilities' | 'letterShares'>, letters: number): number[] =>
  letterProbabilities(scores).map((row) => letters * mean(row));

/**
 * How often a true letter is among the model's `k` likeliest tokens, as a multiple of chance (k / letters): top-k accuracy.
 * @param letters size of the alphabet
 */
export const topRate = ({ ranks }: Pick<Scores, 'ranks'>, letters: number, k: number): number =>
  (letters * mean(ranks.flat().map((rank) => (rank < k ? 1 : 0)))) / k;

/**
 * Measures of a set of passwords of one length.
 * @param letters size of the alphabet
 * @throws RangeError for an empty set
 */
export function measure(scores: Scores, letters: number): Measures {
  const { logProbabilities } = scores;
  if (logProbabilities.length === 0) throw new RangeError('there are no passwords to measure');
  const logLikelihood = mean(logLikelihoods(scores));
  return {
    logLikelihood,
    perf: logLikelihood - chanceLine(letters),
    guessRate: mean(guessRates(scores, letters)),
    topRate: topRate(scores, letters, 1),
  };
}

/** The passwords at even (0) or odd (1) places: halves for choosing a checkpoint on one and scoring it on the other. */
export function half(scores: Scores, which: 0 | 1): Scores {
  const mine = (_: unknown, index: number) => index % 2 === which;
  const { logProbabilities, letterShares, ranks } = scores;
  return {
    logProbabilities: logProbabilities.filter(mine),
    ...(letterShares === undefined ? {} : { letterShares: letterShares.filter(mine) }),
    ranks: ranks.filter(mine),
  };
}
