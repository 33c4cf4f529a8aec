import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceExposure, exposure, logProbabilityOf, ranksAmong } from '../../src/measure/exposure.ts';
import { stream } from '../../src/random/streams.ts';

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** log2(count!), from the factorial itself. */
function log2Factorial(count: number): number {
  let factorial = 1n;
  for (let factor = 2n; factor <= count; factor++) factorial *= factor;
  return Math.log2(Number(factorial)); // a number holds up to 170!
}

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

  it('is one more than the number that is larger, and half of the number that is equal', () => {
    const list = fc.array(fc.oneof(fc.integer({ min: -5, max: 5 }), fc.constant(-Infinity)), { minLength: 1 });
    fc.assert(
      fc.property(list, list, (values, references) => {
        const expected = values.map((value) => {
          const larger = references.filter((reference) => reference > value).length;
          return 1 + larger + references.filter((reference) => reference === value).length / 2;
        });
        expect(ranksAmong(values, references)).toEqual(expected);
      }),
    );
  });

  it('needs something to rank among, and something to rank', () => {
    expect(() => ranksAmong([1], [])).toThrow(/none was given/);
    expect(() => ranksAmong([1, NaN], [1])).toThrow(/value at index 1 is NaN/);
    expect(() => ranksAmong([1], [NaN])).toThrow(/reference at index 0 is NaN/);
  });
});

describe('exposure', () => {
  it('of a perfect model is log2 of all candidates, and its negative exposure 0; of a suppressing one the reverse', () => {
    const references = Array.from({ length: 255 }, (_, index) => -50 - index);
    const [perfect, suppressed] = ranksAmong([-1, -500], references);
    expect(exposure(perfect, 255)).toBe(8);
    expect(exposure(perfect, 255, 'unlikely')).toBe(0);
    expect(exposure(suppressed, 255)).toBe(0);
    expect(exposure(suppressed, 255, 'unlikely')).toBe(8);
  });

  it('of a uniform model, for which everything ties, is just under one bit, either way', () => {
    const [rank] = ranksAmong([-26], Array(511).fill(-26));
    expect(rank).toBe((511 + 2) / 2);
    expect(exposure(rank, 511)).toBeCloseTo(Math.log2(2 - 2 / 513), 12);
    expect(exposure(rank, 511, 'unlikely')).toBe(exposure(rank, 511));
  });

  it.each(['likely', 'unlikely'] as const)('of a model that knows nothing is chanceExposure on average: %s', (end) => {
    const { normal } = stream(1, `exposure/${end}`);
    const references = 63;
    const exposures = Array.from({ length: 4000 }, () => {
      const [rank] = ranksAmong(
        [normal(1)],
        Array.from({ length: references }, () => normal(1)),
      );
      return exposure(rank, references, end);
    });
    // Exposure is nearly exponential with mean 1.44 bits, so its deviation is 1.44 too: five standard errors.
    expect(Math.abs(mean(exposures) - chanceExposure(references))).toBeLessThan((5 * 1.44) / Math.sqrt(4000));
  });

  it('refuses a rank that there cannot be, and references that are no count', () => {
    expect(() => exposure(0, 10)).toThrow(/1 to 11, unlike 0/);
    expect(() => exposure(12, 10)).toThrow(/unlike 12/);
    expect(() => exposure(NaN, 10)).toThrow(/unlike NaN/);
    expect(() => exposure(1, 2.5)).toThrow(/whole number of at least 1, not 2.5/);
  });
});

describe('the exposure expected by chance', () => {
  it('is log2(n + 1) - log2((n + 1)!) / (n + 1)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 169 }), (references) => {
        const candidates = references + 1;
        const expected = Math.log2(candidates) - log2Factorial(candidates) / candidates;
        expect(chanceExposure(references)).toBeCloseTo(expected, 10);
      }),
    );
  });

  it('is half a bit for one reference, by hand, and log2(e) bits for very many, by Stirling', () => {
    expect(chanceExposure(1)).toBe(0.5); // ranks 1 and 2 of 2: one bit and none
    expect(chanceExposure(1e6)).toBeCloseTo(Math.LOG2E, 4);
  });

  it('refuses references that are no count', () => {
    expect(() => chanceExposure(0)).toThrow(/whole number of at least 1, not 0/);
  });
});
