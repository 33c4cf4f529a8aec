import { describe, expect, it } from 'vitest';
import {
  type Bootstrap,
  bayesFactor,
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  holm,
  MEDIUM_PRIOR,
  percentileInterval,
  requiredRuns,
  SampleError,
  signFlipTest,
  tInterval,
  tTestAbove,
  tTestPower,
} from '../../src/statistics/index.ts';

const bootstrap: Bootstrap = { estimate: 2, replicates: Float64Array.of(1, 2, 3), leaveOneOut: [1, 2, 3] };
const half = () => 0.5;

describe('what cannot be computed is refused under its own name', () => {
  it.each<[string, () => unknown]>([
    ['the level', () => percentileInterval(bootstrap, 1.2)],
    ['the level', () => expandedInterval(bootstrap, 0)],
    ['the level', () => bcaInterval(bootstrap, -1)],
    ['the level', () => tInterval([1, 2], 1)],
    ['the number of replicates', () => hierarchicalBootstrap([[1]], { random: half, replicates: 0 })],
    ['the list of p-values', () => holm([Number.NaN])],
    ['effect and deviation', () => tTestPower(Number.NaN, 1, 5)],
    ['effect and deviation', () => tTestPower(1, Number.POSITIVE_INFINITY, 5)],
    ['the number of runs', () => tTestPower(1, 1, 1)],
    ['alpha', () => tTestPower(1, 1, 5, 2)],
    ['the power', () => requiredRuns(1, 1, 2)],
    ['the list of effects', () => signFlipTest([1, Number.NaN])],
    ['the number of sign patterns', () => signFlipTest(Array(25).fill(1), { random: half, patterns: 0 })],
    ['the list of values', () => tTestAbove([1, Number.POSITIVE_INFINITY], 0)],
  ])('%s', (name, compute) => {
    expect(compute).toThrow(SampleError);
    expect(compute).toThrow(new RegExp(`^${name} `));
  });

  it('by an error of its own name', () => {
    expect(new SampleError('').name).toBe('SampleError');
  });
});

describe('at the edges', () => {
  it('the Bayes factor has the medium prior, sqrt(2) / 2, unless told', () => {
    expect(MEDIUM_PRIOR).toBeCloseTo(Math.SQRT1_2, 12);
    expect(bayesFactor([0.1, 0.2, 0.3], 0)).toBe(bayesFactor([0.1, 0.2, 0.3], 0, MEDIUM_PRIOR));
  });

  it('two runs are enough for an interval, however wide', () => {
    const two = { ...bootstrap, leaveOneOut: [1, 3] };
    expect(expandedInterval(two).every(Number.isFinite)).toBe(true);
    expect(bcaInterval(two).every(Number.isFinite)).toBe(true);
  });

  it('an estimate beyond all of its replicates has their range for its BCa interval', () => {
    expect(bcaInterval({ ...bootstrap, estimate: 9 })).toEqual([1, 3]);
    expect(bcaInterval({ ...bootstrap, estimate: -9 })).toEqual([1, 3]);
  });

  it('skew so strong that the correction passes its pole takes the outermost replicate on that side', () => {
    const skewed = (leaveOneOut: number[]) => bcaInterval({ ...bootstrap, leaveOneOut }, 1 - 1e-15);
    const rising = [0, ...Array(9).fill(100)]; // acceleration 0.14, pole at z = 7
    expect(skewed(rising)[1]).toBe(3);
    expect(skewed(rising.map((value) => -value))[0]).toBe(1);
  });

  it('replicates that miss the estimate by a rounding error tie with it, however small the least and large the most are', () => {
    // Half of the replicates lie below, and there is no skew: BCa is the percentile interval.
    const tied = (estimate: number, error: number) => ({
      estimate,
      replicates: Float64Array.of(0, estimate + error, 2 * estimate),
      leaveOneOut: [0, estimate, 2 * estimate],
    });
    for (const sample of [tied(0.3, 0.1 + 0.2 - 0.3), tied(1e6, 2 ** -30)])
      expect(bcaInterval(sample, 0.5)).toEqual(percentileInterval(sample, 0.5));
  });

  it('runs that agree to the last digit have no skew', () => {
    const agreed = { ...bootstrap, leaveOneOut: [2, 2, 2] };
    expect(bcaInterval(agreed, 0.5)).toEqual(percentileInterval(agreed, 0.5));
  });

  it('a p-value of exactly 1 is one, and twenty effects are still tested exactly', () => {
    expect(holm([1])).toEqual([1]);
    expect(signFlipTest(Array(20).fill(1))).toBe(2 ** -20);
  });
});
