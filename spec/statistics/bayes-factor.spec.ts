import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bayesFactor, MEDIUM_PRIOR } from '../../src/statistics/index.ts';

/**
 * The same by its definition, without the t statistic: normal data of mean effect * sigma, the effect Cauchy with the
 * given scale, sigma with the prior 1 / sigma. The effect is integrated over its quantiles, sigma over its logarithm.
 */
function byDefinition(values: readonly number[], scale: number): number {
  const size = values.length;
  const sum = values.reduce((total, value) => total + value, 0);
  const squares = values.reduce((total, value) => total + value ** 2, 0);
  const likelihood = (effect: number): number => {
    let integral = 0;
    for (let node = 0; node < 1500; node++) {
      const logSigma = -8 + (node + 0.5) * (12 / 1500);
      const sigma = Math.exp(logSigma);
      const distance = (squares - 2 * effect * sigma * sum + size * (effect * sigma) ** 2) / (2 * sigma ** 2);
      integral += Math.exp(-size * logSigma - distance);
    }
    return integral;
  };
  const quantiles = 3000;
  let withEffect = 0;
  for (let node = 0; node < quantiles; node++)
    withEffect += likelihood(scale * Math.tan(Math.PI * ((node + 0.5) / quantiles - 0.5))) / quantiles;
  return withEffect / likelihood(0);
}

describe('the JZS Bayes factor', () => {
  it.each([
    ['five clear runs', [0.1, 0.2, 0.15, 0.12, 0.18], MEDIUM_PRIOR],
    ['five runs around 0', [0.1, -0.2, 0.05, 0.12, -0.08], MEDIUM_PRIOR],
    ['eight runs with the wide prior', [0.3, 0.1, -0.1, 0.4, 0.2, 0.05, 0.15, 0.22], 1],
  ])('is what its definition gives for %s', (_, values, scale) => {
    expect(bayesFactor(values, 0, scale) / byDefinition(values, scale)).toBeCloseTo(1, 3);
  });

  it('does not change with the unit of the values, or with the sign', () => {
    const values = [0.3, 0.1, -0.1, 0.4, 0.2];
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 100, noNaN: true }), (factor) => {
        const scaled = values.map((value) => -factor * value);
        expect(bayesFactor(scaled, 0) / bayesFactor(values, 0)).toBeCloseTo(1, 9);
      }),
    );
  });

  it('speaks for no effect where the mean is the one expected, the more so the more runs there are', () => {
    const around = (runs: number) => Array.from({ length: runs }, (_, run) => 1 + (run % 2 === 0 ? 0.1 : -0.1));
    expect(bayesFactor(around(4), 1)).toBeLessThan(1);
    expect(bayesFactor(around(40), 1)).toBeLessThan(bayesFactor(around(4), 1));
  });

  it('refuses runs that do not vary, and a prior without width', () => {
    expect(() => bayesFactor([1, 1, 1], 0)).toThrow(/values that vary/);
    expect(() => bayesFactor([1, 2, 3], 0, 0)).toThrow(/above 0, not 0/);
  });
});
