/**
 * Temperature scaling (Guo et al. 2017, arXiv 1706.04599): the scores of a model after it is calibrated. The temperature is
 * fitted on other passwords than those that it is applied to.
 */

/** The logits of the alphabet's letters at every place of every password, and which letter is the true one. */
export interface LetterLogits {
  /** `[passwords][letters][alphabet]` */
  readonly logits: readonly (readonly (readonly number[])[])[];
  /** `[passwords][letters]`: index into the alphabet. */
  readonly truth: readonly (readonly number[])[];
}

/** The largest inverse temperature that is tried: for a model that is always right the best one is infinite. */
const SHARPEST = 64;

/** ln softmax(inverse * logits)[truth] and its derivative by `inverse`. */
function scaled(logits: readonly number[], truth: number, inverse: number): { value: number; slope: number } {
  const largest = Math.max(...logits) * inverse;
  let sum = 0;
  let weighted = 0;
  for (const logit of logits) {
    const weight = Math.exp(inverse * logit - largest);
    sum += weight;
    weighted += weight * logit;
  }
  return { value: inverse * logits[truth] - largest - Math.log(sum), slope: logits[truth] - weighted / sum };
}

/**
 * The inverse temperature in [0, 64] at which the true letters are likeliest. At 0 every letter is equally likely: the best
 * for a model that knows nothing. The log-likelihood is concave in the inverse temperature, so its slope is bisected.
 */
export function fitInverseTemperature({ logits, truth }: LetterLogits): number {
  const slope = (inverse: number): number =>
    logits.reduce(
      (total, places, password) =>
        total + places.reduce((sum, row, place) => sum + scaled(row, truth[password][place], inverse).slope, 0),
      0,
    );
  if (slope(0) <= 0) return 0;
  if (slope(SHARPEST) >= 0) return SHARPEST;
  let [low, high] = [0, SHARPEST];
  for (let round = 0; round < 40; round++) {
    const middle = (low + high) / 2;
    if (slope(middle) > 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

export interface Calibrated {
  /** Fitted on the passwords at even and at odd places. */
  inverseTemperatures: [number, number];
  /** `[passwords]`: mean log-probability of a letter among the alphabet's, at the other half's temperature; nats. */
  logLikelihoods: number[];
}

/** Scores each half of the passwords at the temperature fitted on the other, or at 1 where the other half is empty. */
export function calibrate({ logits, truth }: LetterLogits): Calibrated {
  const fitted = (half: 0 | 1) => {
    const mine = <Value>(values: readonly Value[]) => values.filter((_, index) => index % 2 === half);
    return mine(logits).length === 0 ? 1 : fitInverseTemperature({ logits: mine(logits), truth: mine(truth) });
  };
  const inverseTemperatures: [number, number] = [fitted(0), fitted(1)];
  const logLikelihoods = logits.map((places, password) => {
    const inverse = inverseTemperatures[1 - (password % 2)];
    const total = places.reduce((sum, row, place) => sum + scaled(row, truth[password][place], inverse).value, 0);
    return total / places.length;
  });
  return { inverseTemperatures, logLikelihoods };
}
