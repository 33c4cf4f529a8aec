import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { hierarchicalBootstrap, type RunValues, SampleError } from '../../src/statistics/index.ts';

const random = () => stream(1, 'spec').uniform;
const finite = fc.double({ min: -10, max: 10, noNaN: true });
const runs = fc.array(fc.array(finite, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 5 });
const few = { replicates: 200 };

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
const populationVariance = (values: readonly number[]) => {
  const centre = mean(values);
  return mean(values.map((value) => (value - centre) ** 2));
};

/**
 * Variance of a replicate, by the law of total variance (Davison & Hinkley 1997, 3.8): of a drawn run's mean, plus the
 * mean over runs of the variance of a mean of its resampled passwords; all over the number of runs.
 */
function replicateVariance(runs: RunValues, minus?: RunValues): number {
  const centres = runs.map((run, index) => mean(run) - (minus === undefined ? 0 : mean(minus[index])));
  const within = (set: RunValues) => mean(set.map((run) => populationVariance(run) / run.length));
  return (populationVariance(centres) + within(runs) + (minus === undefined ? 0 : within(minus))) / runs.length;
}

describe('hierarchicalBootstrap', () => {
  it('estimates the mean over runs of the mean over passwords, whatever the sizes of the runs', () => {
    const { estimate, leaveOneOut } = hierarchicalBootstrap([[1, 1, 1, 1], [4]], { random: random(), ...few });
    expect(estimate).toBe(2.5); // not 1.6, the mean of all five values
    expect(leaveOneOut).toEqual([4, 1]);
  });

  it('gives the same replicates for the same seed and others for another', () => {
    const data = [
      [1, 2, 3],
      [2, 5],
    ];
    const once = hierarchicalBootstrap(data, { random: random(), ...few });
    const again = hierarchicalBootstrap(data, { random: random(), ...few });
    const other = hierarchicalBootstrap(data, { random: stream(2, 'spec').uniform, ...few });
    expect(again.replicates).toEqual(once.replicates);
    expect(other.replicates).not.toEqual(once.replicates);
  });

  it('moves with a shift of the data and stretches with its scale', () => {
    fc.assert(
      fc.property(runs, finite, fc.double({ min: 0.1, max: 10, noNaN: true }), (data, shift, scale) => {
        const plain = hierarchicalBootstrap(data, { random: random(), ...few });
        const moved = hierarchicalBootstrap(
          data.map((run) => run.map((value) => value * scale + shift)),
          { random: random(), ...few },
        );
        const errors = plain.replicates.map((value, index) =>
          Math.abs(moved.replicates[index] - value * scale - shift),
        );
        expect(Math.max(...errors)).toBeLessThan(1e-9);
      }),
    );
  });

  it('resamples runs: run-to-run spread shows even where passwords within a run do not vary', () => {
    const { replicates } = hierarchicalBootstrap([Array(64).fill(0), Array(64).fill(1)], { random: random() });
    // Each replicate is 0, 1/2 or 1 with probabilities 1/4, 1/2, 1/4.
    expect(new Set(replicates)).toEqual(new Set([0, 0.5, 1]));
    expect(replicates.filter((value) => value === 0).length / replicates.length).toBeCloseTo(0.25, 1);
  });

  it('resamples passwords: their spread shows even where runs do not vary', () => {
    const run = [0, 1];
    const { replicates } = hierarchicalBootstrap([run, run], { random: random() });
    expect(Math.min(...replicates)).toBe(0);
    expect(Math.max(...replicates)).toBe(1);
  });

  it('pairs by run: what two sets of one run share cancels', () => {
    const base = [-3, 0, 5, 2];
    const a = base.map((level) => Array(8).fill(level + 1));
    const b = base.map((level) => Array(4).fill(level));
    const { estimate, replicates } = hierarchicalBootstrap(a, { random: random(), ...few }, b);
    expect(estimate).toBeCloseTo(1, 12);
    for (const replicate of replicates) expect(replicate, 'paired replicates').toBeCloseTo(1, 12);
  });

  // Run means and passwords both vary, run sizes differ. The standard error of a variance from 20,000 replicates is about
  // 1%; resampling one level only would be off by 30% or more in each of these.
  const held = [
    [1, 5, 3, 2],
    [4, 8, 9],
    [0, 6, 1, 1, 7],
    [3, 9],
  ];
  const control = [
    [0, 2],
    [5, 1, 1],
    [2, 9, 4],
    [1, 1, 6, 0],
  ];
  it.each([
    ['one set', undefined],
    ['a paired difference, whose two sets are resampled on their own', control],
    ['a difference of a set and itself, whose passwords are drawn anew for each side', held],
  ])('has the variance that both levels together make: %s', (_, minus) => {
    const { replicates } = hierarchicalBootstrap(held, { random: random(), replicates: 20_000 }, minus);
    const ratio = populationVariance([...replicates]) / replicateVariance(held, minus);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.05);
  });

  it('draws 10,000 replicates unless told, and gives them in ascending order', () => {
    const { replicates } = hierarchicalBootstrap(held, { random: random() });
    expect(replicates).toHaveLength(10_000);
    expect(replicates).toEqual(Float64Array.from(replicates).sort());
  });

  it('takes a number from its stream for every run and password that it draws, and no more', () => {
    const source = stream(1, 'spec');
    let taken = 0;
    const random = () => {
      taken += 1;
      return source.uniform();
    };
    hierarchicalBootstrap(Array(4).fill([1, 2]), { random, replicates: 5 }, Array(4).fill([3, 4, 5]));
    expect(taken).toBe(5 * 4 * (1 + 2 + 3));
  });

  it('never leaves the range of the data', () => {
    fc.assert(
      fc.property(runs, (data) => {
        const { replicates } = hierarchicalBootstrap(data, { random: random(), ...few });
        const slack = 1e-12 * Math.max(...data.flat().map(Math.abs));
        expect(replicates[0]).toBeGreaterThanOrEqual(Math.min(...data.flat()) - slack);
        expect(replicates[replicates.length - 1]).toBeLessThanOrEqual(Math.max(...data.flat()) + slack);
      }),
    );
  });

  it.each([
    ['no runs', []],
    ['an empty run', [[1], []]],
    ['a NaN', [[1, Number.NaN]]],
    ['an infinity', [[Number.POSITIVE_INFINITY]]],
  ])('refuses %s', (_, data) => {
    expect(() => hierarchicalBootstrap(data, { random: random() })).toThrow(SampleError);
  });

  it('refuses to pair different numbers of runs', () => {
    expect(() => hierarchicalBootstrap([[1], [2]], { random: random() }, [[1]])).toThrow(
      '2 runs cannot be paired with 1',
    );
  });

  it.each([0, -1, 2.5, Number.NaN])('refuses %d replicates', (replicates) => {
    expect(() => hierarchicalBootstrap([[1], [2]], { random: random(), replicates })).toThrow(SampleError);
  });

  it('says where the value is that it cannot use', () => {
    expect(() => hierarchicalBootstrap([[1], [2, Number.NaN]], { random: random() })).toThrow(
      'run 1 holds NaN at index 1',
    );
  });
});
