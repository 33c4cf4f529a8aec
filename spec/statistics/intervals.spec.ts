import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import {
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  percentileInterval,
  SampleError,
  tInterval,
} from '../../src/statistics/index.ts';

const random = () => stream(1, 'spec').uniform;
const finite = fc.double({ min: -10, max: 10, noNaN: true });
const runs = fc.array(fc.array(finite, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 5 });
const few = { replicates: 200 };

describe('intervals', () => {
  // One level: 12 runs of one value each. scipy 1.17.1, scipy.stats.bootstrap((z,), np.mean, n_resamples=400000,
  // random_state=1): percentile (0.5583, 1.5833), BCa (0.6167, 1.6917). Ours has 40,000 resamples: 0.02 is 3 standard
  // errors of its quantiles and one step of the 0.1 / 12 grid.
  const z = [0.2, 1.9, 0.4, 0.3, 3.1, 0.8, 0.5, 1.2, 0.1, 2.4, 0.6, 0.9].map((value) => [value]);
  const bootstrap = hierarchicalBootstrap(z, { random: random(), replicates: 40_000 });

  it('agrees with scipy on the percentile interval', () => {
    const [low, high] = percentileInterval(bootstrap);
    expect(Math.abs(low - 0.5583)).toBeLessThan(0.02);
    expect(Math.abs(high - 1.5833)).toBeLessThan(0.02);
  });

  it('agrees with scipy on the BCa interval', () => {
    const [low, high] = bcaInterval(bootstrap);
    expect(Math.abs(low - 0.6167)).toBeLessThan(0.02);
    expect(Math.abs(high - 1.6917)).toBeLessThan(0.03);
  });

  it('nest: a higher level is never narrower, and the expanded interval holds the percentile interval', () => {
    fc.assert(
      fc.property(runs, (data) => {
        const sample = hierarchicalBootstrap(data, { random: random(), ...few });
        for (const interval of [percentileInterval, expandedInterval]) {
          const [low90, high90] = interval(sample, 0.9);
          const [low99, high99] = interval(sample, 0.99);
          expect(low99).toBeLessThanOrEqual(low90);
          expect(high99).toBeGreaterThanOrEqual(high90);
        }
        const [low, high] = percentileInterval(sample);
        const [wideLow, wideHigh] = expandedInterval(sample);
        expect(wideLow).toBeLessThanOrEqual(low);
        expect(wideHigh).toBeGreaterThanOrEqual(high);
      }),
    );
  });

  it('claim nothing from a single run', () => {
    const single = hierarchicalBootstrap([[1, 2, 3]], { random: random(), ...few });
    expect(expandedInterval(single)).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(bcaInterval(single)).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });

  it('tend to the percentile interval as runs grow many', () => {
    const many = Array.from({ length: 400 }, (_, run) => [Math.sin(run)]);
    const sample = hierarchicalBootstrap(many, { random: random(), replicates: 2_000 });
    const [low, high] = percentileInterval(sample);
    const [wideLow, wideHigh] = expandedInterval(sample);
    expect(wideHigh - wideLow).toBeLessThan(1.02 * (high - low));
  });

  it('of runs of one password each are as wide as the t interval of the same level', () => {
    const values = Array.from({ length: 15 }, (_, run) => Math.sin(7 * run));
    const sample = hierarchicalBootstrap(
      values.map((value) => [value]),
      { random: random(), replicates: 40_000 },
    );
    for (const level of [0.9, 0.95, 0.99]) {
      const [low, high] = expandedInterval(sample, level);
      const [tLow, tHigh] = tInterval(values, level);
      // The bootstrap's replicates are not quite normal; an interval of 90% in place of 95% would be 18% narrower.
      expect((high - low) / (tHigh - tLow), `${level}`).toBeGreaterThan(0.93);
      expect((high - low) / (tHigh - tLow), `${level}`).toBeLessThan(1.07);
    }
    expect(expandedInterval(sample)).toEqual(expandedInterval(sample, 0.95));
  });

  it('hold the estimate in the middle: of symmetric data each is symmetric about the mean', () => {
    // One level, symmetric about 2: by symmetry the two arms are equal; 0.05 is three standard errors of a bound.
    const sample = hierarchicalBootstrap(
      [0, 1, 1.5, 2, 2.5, 3, 4].map((value) => [value]),
      { random: random(), replicates: 20_000 },
    );
    for (const interval of [percentileInterval, expandedInterval, bcaInterval]) {
      const [low, high] = interval(sample);
      expect(low).toBeLessThan(2);
      expect(Math.abs(low + high - 4)).toBeLessThan(0.1);
    }
  });

  it('move with a shift of the data and stretch with its scale', () => {
    // Spread-out runs: where replicates tie, rounding after the shift may break a tie.
    const data = [[0.13, 0.91, 0.47], [1.21, 0.33], [2.05, 1.77, 0.59, 0.18], [0.71]];
    for (const [scale, shift] of [
      [3.7, 11],
      [0.02, -5],
      [1, 0.3],
    ]) {
      const plain = hierarchicalBootstrap(data, { random: random() });
      const moved = hierarchicalBootstrap(
        data.map((run) => run.map((value) => value * scale + shift)),
        { random: random() },
      );
      for (const interval of [percentileInterval, expandedInterval, bcaInterval])
        interval(moved).forEach((bound, side) => {
          expect(bound).toBeCloseTo(interval(plain)[side] * scale + shift, 8);
        });
    }
  });

  it('swap and change sign with the data', () => {
    const data = [[0.13, 0.91, 0.47], [1.21, 0.33], [2.05, 1.77, 0.59, 0.18], [0.71]];
    const plain = hierarchicalBootstrap(data, { random: random() });
    const negated = hierarchicalBootstrap(
      data.map((run) => run.map((value) => -value)),
      { random: random() },
    );
    for (const interval of [percentileInterval, expandedInterval, bcaInterval]) {
      const [low, high] = interval(plain);
      expect(interval(negated)[0]).toBeCloseTo(-high, 10);
      expect(interval(negated)[1]).toBeCloseTo(-low, 10);
    }
  });

  it('BCa counts replicates that tie with the estimate half, whatever order their sums were made in', () => {
    // Three tied sums of 0.1, 0.2, 0.3 differ in the last digit by order; counted as ties, half of all replicates lie
    // below by symmetry, there is no skew either, and BCa is the percentile interval.
    const values = [[0.1], [0.2], [0.3]];
    for (const order of [values, [values[2], values[1], values[0]], [values[1], values[2], values[0]]]) {
      const replicates = order.flatMap(([a]) => order.flatMap(([b]) => order.map(([c]) => (a + b + c) / 3))).sort();
      const [a, b, c] = order.map(([value]) => value);
      const sample = {
        estimate: (a + b + c) / 3,
        replicates: Float64Array.from(replicates).sort(),
        leaveOneOut: [(b + c) / 2, (a + c) / 2, (a + b) / 2],
      };
      bcaInterval(sample, 0.6).forEach((bound, side) => {
        expect(bound).toBeCloseTo(percentileInterval(sample, 0.6)[side], 6);
      });
    }
  });

  it('expand to the quantiles at which a normal interval becomes the t interval', () => {
    // scipy 1.17.1: norm.cdf(-sqrt(n / (n - 1)) * t.ppf(0.975, n - 1)); of replicates 0, 1, ... 100000 the tail is read off
    // the bound, to the half step that quantiles between two replicates are rounded by.
    const replicates = Float64Array.from({ length: 100_001 }, (_, index) => index);
    for (const [size, tail] of [
      [4, 0.00011903073915322603],
      [8, 0.0057375205170298775],
      [12, 0.010756614916552488],
    ]) {
      const [low, high] = expandedInterval({ estimate: 50_000, replicates, leaveOneOut: Array(size).fill(50_000) });
      expect(Math.abs(low - tail * 100_001), 'quantile of a normal interval').toBeLessThan(1);
      expect(Math.abs(high - (1 - tail) * 100_001)).toBeLessThan(1.5);
    }
  });

  it.each([0, 1, 1.2, Number.NaN])('refuse a level of %d', (level) => {
    for (const interval of [percentileInterval, expandedInterval, bcaInterval])
      expect(() => interval(bootstrap, level)).toThrow(SampleError);
  });
});
