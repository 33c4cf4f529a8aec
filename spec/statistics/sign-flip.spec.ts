import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { SampleError, signFlipTest } from '../../src/statistics/index.ts';

const effects = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 8 });

describe('signFlipTest', () => {
  it('is 1 / 2^n when every effect is positive', () => {
    for (let size = 1; size <= 12; size++) {
      const p = signFlipTest(Array.from({ length: size }, (_, index) => index + 1));
      expect(p, `p of ${size} positive effects`).toBe(2 ** -size);
    }
  });

  it('agrees with scipy', () => {
    // scipy 1.17.1: permutation_test((y,), mean, permutation_type='samples', n_resamples=inf, alternative='greater')
    expect(signFlipTest([0.3, -0.1, 0.25, 0.4, -0.05, 0.2])).toBe(0.0625);
  });

  it('counts every pattern once: p of x and of -x overlap by the patterns that tie with x', () => {
    fc.assert(
      fc.property(effects, (values) => {
        const sum = values.reduce((total, value) => total + value, 0);
        const slack = 1e-12 * values.reduce((total, value) => total + Math.abs(value), 0);
        let ties = 0;
        for (let pattern = 0; pattern < 2 ** values.length; pattern++) {
          const flipped = values.reduce((total, value, index) => total + ((pattern >> index) & 1 ? -value : value), 0);
          if (Math.abs(flipped - sum) <= slack) ties += 1;
        }
        const p = signFlipTest(values) + signFlipTest(values.map((value) => -value));
        expect(p).toBeCloseTo(1 + ties / 2 ** values.length, 6);
      }),
      { examples: [[[0, 0]], [[1, -1]]] },
    );
  });

  it('is never 0 and never above 1', () => {
    fc.assert(
      fc.property(effects, (values) => {
        expect(signFlipTest(values)).toBeGreaterThan(0);
        expect(signFlipTest(values)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('rejects a true null at 5% at most 5% of the time', () => {
    const { normal } = stream(4, 'null');
    let rejected = 0;
    for (let experiment = 0; experiment < 2000; experiment++) {
      if (signFlipTest(Array.from({ length: 8 }, () => normal(1))) <= 0.05) rejected += 1;
    }
    expect(rejected / 2000).toBeLessThan(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 2000));
    expect(rejected / 2000).toBeGreaterThan(0.05 - 4 * Math.sqrt((0.05 * 0.95) / 2000)); // and it is no constant
  });

  it('refuses what it can neither enumerate nor sample', () => {
    expect(() => signFlipTest([])).toThrow(SampleError);
    expect(() => signFlipTest(Array(21).fill(1))).toThrow('1 to 20 runs, not 21');
    expect(() => signFlipTest([Number.NaN])).toThrow(SampleError);
    expect(() => signFlipTest([1], { patterns: 0 })).toThrow(SampleError);
  });

  it('agrees with scipy two-sided', () => {
    // scipy 1.17.1: permutation_test((y,), mean, permutation_type='samples', n_resamples=inf, alternative='two-sided')
    expect(signFlipTest([0.3, -0.1, 0.25, 0.4, -0.05, 0.2], { alternative: 'two-sided' })).toBe(0.125);
  });

  it('two-sided does not depend on the sign of the effects', () => {
    fc.assert(
      fc.property(effects, (values) => {
        const twoSided = signFlipTest(values, { alternative: 'two-sided' });
        const negated = values.map((value) => -value);
        expect(signFlipTest(negated, { alternative: 'two-sided' })).toBe(twoSided);
        // Both tails: never less than the smaller tail, never more than twice it.
        const smaller = Math.min(signFlipTest(values), signFlipTest(negated));
        expect(twoSided).toBeGreaterThanOrEqual(smaller);
        expect(twoSided).toBeLessThanOrEqual(2 * smaller);
      }),
    );
  });

  it('does not depend on the order of the effects or on their unit, up to the largest and smallest doubles', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { minLength: 1, maxLength: 8 }), (values) => {
        const p = signFlipTest(values);
        expect(signFlipTest([...values].reverse())).toBe(p);
        for (const unit of [1e307, 1e-300, 0.1, 1 / 3])
          expect(signFlipTest(values.map((value) => value * unit))).toBe(p);
      }),
    );
    expect(signFlipTest([1e308, 1e308, 1e308])).toBe(1 / 8); // their sum overflows
  });

  it('samples sign patterns above 20 effects: p is near what two-level effects give exactly', () => {
    // 24 effects of size 1, 17 of them positive: the sum of flipped effects is at least 10 when 17 or more of 24 fair
    // coins are heads. scipy 1.17.1: binom.sf(16, 24, 0.5) = 0.0319573. Four standard errors of 20,000 patterns: 0.005.
    const values = Array.from({ length: 24 }, (_, index) => (index < 17 ? 1 : -1));
    const p = signFlipTest(values, { random: stream(7, 'patterns').uniform, patterns: 20_000 });
    expect(Math.abs(p - 0.0319573)).toBeLessThan(0.005);
  });

  it('flips a sign for the lower half of uniform numbers, to which 0.5 does not belong', () => {
    const drawn = (uniform: number) => signFlipTest(Array(21).fill(1), { random: () => uniform, patterns: 9 });
    expect(drawn(0.5)).toBe(1); // nothing is flipped: every pattern is the observed one
    expect(drawn(0.4999)).toBe(1 / 10); // all is flipped
  });

  it('counts the observed pattern among the sampled ones, so that p is never 0', () => {
    // All 40 positive: a drawn pattern as extreme has probability 2^-40.
    expect(signFlipTest(Array(40).fill(1), { random: stream(8, 'patterns').uniform, patterns: 999 })).toBe(1 / 1000);
  });
});
