import fc from 'fast-check';
import { tTest as theirTTest } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { SampleError, tInterval, tTestAbove, tTestTwoSided } from '../../src/statistics/index.ts';

/** p of the two-sided test: twice the smaller of the two one-sided ones. */
const twoSided = (values: readonly number[], expected: number): number =>
  2 *
  Math.min(
    tTestAbove(values, expected).p,
    tTestAbove(
      values.map((value) => -value),
      -expected,
    ).p,
  );

describe('tTestAbove', () => {
  // scipy 1.17.1: scipy.stats.ttest_1samp(x, mean, alternative='greater')
  it.each([
    {
      x: [1.163, 1.081, 1.09, 1.2, 1.068, 1.119, 1.246, 1.079],
      expected: 1,
      t: 5.648339643778849,
      p: 0.0003879097601073066,
    },
    { x: [0.3, -0.1, 0.25, 0.4, -0.05, 0.2], expected: 0, t: 2.0498001542269693, p: 0.04783359613591643 },
  ])('agrees with scipy: t = $t, p = $p', ({ x, expected, t, p }) => {
    const test = tTestAbove(x, expected);
    expect(test.t).toBeCloseTo(t, 10);
    expect(test.p).toBeCloseTo(p, 10);
    expect(test.degreesOfFreedom).toBe(x.length - 1);
  });

  it("is smaller than simple-statistics' t by sqrt((n - 1) / n), which divides by the population deviation", () => {
    const x = [1.163, 1.081, 1.09, 1.2, 1.068, 1.119, 1.246, 1.079];
    expect(tTestAbove(x, 1).t).toBeCloseTo(theirTTest(x, 1) * Math.sqrt(7 / 8), 10);
  });

  it('rejects a true null at 5% about 5% of the time', () => {
    const { normal } = stream(5, 'null');
    let rejected = 0;
    for (let experiment = 0; experiment < 4000; experiment++) {
      if (
        tTestAbove(
          Array.from({ length: 8 }, () => normal(1)),
          0,
        ).p < 0.05
      )
        rejected += 1;
    }
    // Four standard errors of a share of 4000; the population deviation would give 0.068.
    expect(Math.abs(rejected / 4000 - 0.05), 'share of true nulls rejected, from 0.05').toBeLessThan(
      4 * Math.sqrt((0.05 * 0.95) / 4000),
    );
  });

  it('refuses too few values and values that do not vary', () => {
    expect(() => tTestAbove([1], 0)).toThrow('at least two');
    expect(() => tTestAbove([1, 1], 0)).toThrow('vary');
  });

  it.each([
    { x: [1.163, 1.081, 1.09, 1.2, 1.068, 1.119, 1.246, 1.079], expected: 1, p: 0.0007758195202146132 },
    { x: [0.3, -0.1, 0.25, 0.4, -0.05, 0.2], expected: 0, p: 0.09566719227183286 },
    { x: [-0.3, 0.1, -0.25, -0.4, 0.05, -0.2], expected: 0, p: 0.09566719227183286 },
  ])('of both sides together agrees with scipy two-sided: p = $p', ({ x, expected, p }) => {
    // scipy 1.17.1: scipy.stats.ttest_1samp(x, mean); the last sample is the one before it, negated
    expect(twoSided(x, expected)).toBeCloseTo(p, 10);
    expect(tTestTwoSided(x, expected).p).toBeCloseTo(p, 10);
  });

  it('of x and of -x are complementary', () => {
    const varied = fc
      .array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 9 })
      .filter((values) => Math.max(...values) - Math.min(...values) > 1e-3);
    fc.assert(
      fc.property(varied, (values) => {
        const above = tTestAbove(values, 0).p;
        const below = tTestAbove(
          values.map((value) => -value),
          0,
        ).p;
        expect(above + below).toBeCloseTo(1, 10);
      }),
    );
  });

  it('refuses equal values even where their standard deviation is a rounding error above 0', () => {
    expect(() => tTestAbove([0.1, 0.1, 0.1], 0)).toThrow('vary, not 3 times 0.1');
  });

  it('refuses numbers that are not finite, by name', () => {
    expect(() => tTestAbove([1, Number.NaN], 0)).toThrow('NaN at index 1');
    expect(() => tTestAbove([1, Number.POSITIVE_INFINITY], 0)).toThrow(SampleError);
    expect(() => tTestAbove([1, 2], Number.NaN)).toThrow('the expected mean holds NaN');
  });
});

describe('tInterval', () => {
  // scipy 1.17.1: scipy.stats.ttest_1samp(x, 0).confidence_interval(level)
  const x = [1.163, 1.081, 1.09, 1.2, 1.068, 1.119, 1.246, 1.079];
  it.each([
    [0.9, 1.0868935451410298, 1.17460645485897],
    [0.95, 1.076012742612108, 1.1854872573878918],
    [0.99, 1.0497425765826536, 1.2117574234173463],
  ])('agrees with scipy at level %d', (level, low, high) => {
    expect(tInterval(x, level)[0]).toBeCloseTo(low, 10);
    expect(tInterval(x, level)[1]).toBeCloseTo(high, 10);
  });

  it('ends at the means that the two-sided test rejects at exactly 1 - level', () => {
    for (const bound of tInterval(x, 0.95)) expect(twoSided(x, bound)).toBeCloseTo(0.05, 10);
  });

  it('refuses what the test refuses, and levels outside (0, 1)', () => {
    expect(() => tInterval([1])).toThrow('at least two');
    expect(() => tInterval([0.1, 0.1, 0.1])).toThrow('vary');
    expect(() => tInterval(x, 95)).toThrow(SampleError);
  });
});
