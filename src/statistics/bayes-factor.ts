/**
 * The JZS Bayes factor of the one-sample t-test (Rouder et al. 2009, https://doi.org/10.3758/PBR.16.2.225, equation 1,
 * with the scale of the prior as in Morey & Rouder's BayesFactor package).
 */
import { SampleError } from './sample-error.ts';
import { tTestAbove } from './t-test.ts';

/** The width of the prior on the standardised effect that the field calls medium. */
export const MEDIUM_PRIOR = Math.SQRT2 / 2;

const NODES = 4000;

/**
 * How many times likelier the values are if their mean differs from `expected` than if it does not. The prior of the
 * standardised effect is a Cauchy distribution of the given scale: half of it lies within one scale of 0.
 * The integral over g, the variance of the effect, is a midpoint sum over ln g, whose integrand vanishes at both ends.
 * @throws SampleError as {@link tTestAbove}, and for a scale that is not above 0.
 * @example bayesFactor([0.1, 0.2, 0.15, 0.12, 0.18], 0) // 32.1
 */
export function bayesFactor(values: readonly number[], expected: number, scale = MEDIUM_PRIOR): number {
  if (!(scale > 0)) throw new SampleError(`the scale of the prior must be above 0, not ${scale}`);
  const { t, degreesOfFreedom: freedom } = tTestAbove(values, expected);
  const runs = values.length;
  const power = -runs / 2;
  const [low, high] = [-30, 30];
  const width = (high - low) / NODES;
  const logNull = power * Math.log1p(t ** 2 / freedom);
  let sum = 0;
  for (let node = 0; node < NODES; node++) {
    const g = Math.exp(low + (node + 0.5) * width);
    const spread = 1 + runs * g * scale ** 2;
    const logLikelihood = power * Math.log1p(t ** 2 / (spread * freedom)) - Math.log(spread) / 2;
    // The density of g is inverse chi-squared with one degree of freedom; times g for the step in ln g.
    const logPrior = -Math.log(2 * Math.PI) / 2 - 0.5 * Math.log(g) - 1 / (2 * g);
    sum += Math.exp(logLikelihood + logPrior - logNull) * width;
  }
  return sum;
}
