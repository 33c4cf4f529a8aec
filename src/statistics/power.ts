/** Power of the one-sided t-test over runs: how often it shows an effect of a given size. */
import { normalCdf, tQuantile } from '../distributions.ts';
import { checkCount, checkFinite, checkShare, SampleError } from './sample-error.ts';

/**
 * Power of the one-sided one-sample t-test of `runs` run means of mean `effect` and standard deviation `deviation`, at
 * significance `alpha` (0.025: the lower bound of a 95% t interval is above chance). It is the upper tail of the
 * noncentral t distribution (https://en.wikipedia.org/wiki/Noncentral_t-distribution), here as the expectation of
 * Phi(noncentrality - critical * s) over s = sqrt(chi-squared / degrees of freedom), by Simpson's rule.
 * @throws SampleError for fewer than two runs, a deviation that is not above 0, or alpha outside (0, 1).
 * @example tTestPower(0.12, 0.057, 8) // 0.9989
 */
export function tTestPower(effect: number, deviation: number, runs: number, alpha = 0.025): number {
  checkFinite([effect, deviation], 'effect and deviation');
  checkCount(runs, 2, 'the number of runs');
  checkShare(alpha, 'alpha');
  if (!(deviation > 0)) throw new SampleError(`the deviation between runs must be above 0, not ${deviation}`);
  const freedom = runs - 1;
  const critical = tQuantile(1 - alpha, freedom);
  const noncentrality = (effect / deviation) * Math.sqrt(runs);
  // s has mean about 1 and standard deviation about 1 / sqrt(2 freedom): ten of these hold all but 1e-14 of it.
  const reach = 10 / Math.sqrt(2 * freedom);
  const low = Math.max(Number.MIN_VALUE, 1 - reach);
  const intervals = 2000;
  let mass = 0;
  let power = 0;
  for (let node = 0; node <= intervals; node++) {
    const s = low + ((1 + reach - low) * node) / intervals;
    const simpson = node === 0 || node === intervals ? 1 : node % 2 === 1 ? 4 : 2;
    // The density of s without its constant, which dividing by the mass supplies.
    const weight = simpson * Math.exp((freedom - 1) * Math.log(s) - (freedom * (s ** 2 - 1)) / 2);
    mass += weight;
    power += weight * normalCdf(noncentrality - critical * s, 0, 1);
  }
  return power / mass;
}

/**
 * The fewest runs with which the one-sided t-test over runs has at least the given power.
 * @throws SampleError as {@link tTestPower}, for an effect that is not above 0, or when a million runs do not suffice.
 * @example requiredRuns(0.12, 0.057) // 6
 */
export function requiredRuns(effect: number, deviation: number, power = 0.95, alpha = 0.025): number {
  checkShare(power, 'the power');
  if (!(effect > 0)) throw new SampleError(`no number of runs shows an effect of ${effect}; give one above 0`);
  const suffices = (runs: number) => tTestPower(effect, deviation, runs, alpha) >= power;
  let enough = 2;
  while (!suffices(enough)) {
    if (enough > 1e6) throw new SampleError(`a million runs do not show ${effect} against ${deviation}; expect more`);
    enough *= 2;
  }
  // Power grows with runs, so the fewest lie between the last doubling that failed and the one that sufficed.
  let tooFew = enough / 2;
  while (enough - tooFew > 1) {
    const middle = Math.floor((enough + tooFew) / 2);
    if (suffices(middle)) enough = middle;
    else tooFew = middle;
  }
  return enough;
}
