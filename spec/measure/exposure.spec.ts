import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceExposure, exposure, logProbabilityOf, ranksAmong } from '../../src/measure/exposure.ts';
import { stream } from '../../src/random/streams.ts';

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

it('the log-probability of a password is the sum over its letters', () => {
  expect(
    logProbabilityOf({
      logProbabilities: [
        [-1, -2, -3.5],
        [0, 0, 0],
      ],
    }),
  ).toEqual([-6.5, 0]);
});

describe('the rank among fresh random passwords', () => {
  it('is 1 above all of them, one more than their number below all of them, and the middle of a tie', () => {
    expect(ranksAmong([5, 0, 3, 2.5], [1, 2, 3, 4])).toEqual([1, 5, 2.5, 3]);
  });

  it('is one more than the number that is larger, where nothing ties', () => {
    const distinct = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 30 });
    fc.assert(
      fc.property(distinct, ([value, ...others]) => {
        expect(ranksAmong([value], others)).toEqual([1 + others.filter((other) => other > value).length]);
      }),
    );
  });

  it('needs something to rank among', () => {
    expect(() => ranksAmong([1], [])).toThrow(/none was given/);
  });
});

describe('exposure', () => {
  it('of a perfect model is log2 of all candidates, and its negative exposure 0; of a suppressing one the reverse', () => {
    expect(exposure(1, 255)).toBe(8);
    expect(exposure(1, 255, 'unlikely')).toBe(0);
    expect(exposure(256, 255)).toBe(0);
    expect(exposure(256, 255, 'unlikely')).toBe(8);
  });

  it('of a uniform model, for which everything ties, is one bit, either way', () => {
    const [rank] = ranksAmong([-26], Array(511).fill(-26));
    expect(exposure(rank, 511)).toBeCloseTo(Math.log2(512 / 256.5), 12);
    expect(exposure(rank, 511, 'unlikely')).toBe(exposure(rank, 511));
  });

  it('of a model that knows nothing is on average what chanceExposure says, by simulation', () => {
    const { uniform } = stream(1, 'exposure');
    const references = 63;
    const exposures = Array.from({ length: 4000 }, () => {
      const [rank] = ranksAmong([uniform()], Array.from({ length: references }, uniform));
      return exposure(rank, references);
    });
    // Exposure is nearly exponential with mean 1.44 bits, so its deviation is 1.44 too: five standard errors.
    expect(Math.abs(mean(exposures) - chanceExposure(references))).toBeLessThan((5 * 1.44) / Math.sqrt(4000));
  });

  it('expected by chance: by hand for one reference, and log2(e) bits for very many', () => {
    expect(chanceExposure(1)).toBe(0.5); // ranks 1 and 2 of 2: one bit and none
    expect(chanceExposure(1e6)).toBeCloseTo(Math.LOG2E, 4);
  });

  it('refuses a rank that there cannot be', () => {
    expect(() => exposure(0, 10)).toThrow(/1 to 11, unlike 0/);
    expect(() => exposure(12, 10)).toThrow(/unlike 12/);
  });
});
