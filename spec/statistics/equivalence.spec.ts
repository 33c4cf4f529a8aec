import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { equivalence, SampleError } from '../../src/statistics/index.ts';

const SOME = [0.47, 0.52, 0.61, 0.38, 0.44, 0.55, 0.49];
const OTHERS = [0.5, 0.41, 0.58, 0.66, 0.37];

describe('equivalence', () => {
  // scipy 1.17.1: scipy.stats.ttest_ind(x, y, equal_var=False, alternative=...) of x shifted by the margin, both ways
  it.each([
    { margin: 0.12, p: 0.05789136279015399 },
    { margin: 0.03, p: 0.37401860279520377 },
  ])('agrees with scipy: margin $margin, p = $p', ({ margin, p }) => {
    const found = equivalence(SOME, OTHERS, margin);
    expect(found.p).toBeCloseTo(p, 10);
    expect(found.difference).toBeCloseTo(-0.00971428571428573, 12);
    expect(found.degreesOfFreedom).toBeCloseTo(6.247094244510905, 10);
    expect(found.interval[0]).toBeCloseTo(-0.1561407859839692, 10);
    expect(found.interval[1]).toBeCloseTo(0.13671221455539773, 10);
  });

  it('takes no side: exchanged samples have the same p', () => {
    const samples = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 9 });
    fc.assert(
      fc.property(samples, samples, fc.double({ min: 0.01, max: 3, noNaN: true }), (a, b, margin) => {
        fc.pre([a, b].some((sample) => sample.some((value) => Math.abs(value - sample[0]) > 1e-3)));
        expect(equivalence(a, b, margin).p).toBeCloseTo(equivalence(b, a, margin).p, 8);
      }),
    );
  });

  it('calls samples equivalent whose means differ by the margin about 5% of the time', () => {
    const { normal } = stream(5, 'margin');
    let called = 0;
    for (let experiment = 0; experiment < 4_000; experiment++) {
      const a = Array.from({ length: 16 }, () => normal(1));
      const b = Array.from({ length: 32 }, () => 1.5 + normal(1));
      if (equivalence(a, b, 1.5).p < 0.05) called += 1;
    }
    // Four standard errors of a share of 4000.
    expect(Math.abs(called / 4_000 - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / 4_000));
  });

  it('refuses a margin of none, too few values, values that do not vary, and what is no number', () => {
    expect(() => equivalence(SOME, OTHERS, 0)).toThrow('the margin must be above 0');
    expect(() => equivalence([1], OTHERS, 1)).toThrow('at least two values a sample, not 1');
    expect(() => equivalence([1, 1], [2, 2], 1)).toThrow('values that vary');
    expect(() => equivalence([1, Number.NaN], OTHERS, 1)).toThrow(SampleError);
    expect(() => equivalence(SOME, OTHERS, Number.POSITIVE_INFINITY)).toThrow(SampleError);
  });
});
