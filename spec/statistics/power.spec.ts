import fc from 'fast-check';
import { mean } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import {
  expandedInterval,
  hierarchicalBootstrap,
  requiredRuns,
  SampleError,
  tTestAbove,
  tTestPower,
} from '../../src/statistics/index.ts';
import { simulateExperiment } from './experiments.ts';

describe('the rule "the lower bound of the expanded interval is above chance"', () => {
  const model = { effect: 0.15, betweenRuns: 0.05, betweenPasswords: 0.2, passwords: 16 };

  /** The share of 100 simulated experiments in which the rule finds an effect. */
  function simulatedPower(effect: number, runs: number, name: string): number {
    const source = stream(6, name);
    const found = Array.from({ length: 100 }, () => {
      const data = simulateExperiment({ ...model, effect }, runs, () => source.normal(1));
      return expandedInterval(hierarchicalBootstrap(data, { random: source.uniform, replicates: 300 }))[0] > 0;
    });
    return found.filter(Boolean).length / 100;
  }

  it('has a power that grows with the number of runs', () => {
    const few = simulatedPower(0.15, 3, 'few');
    const many = simulatedPower(0.15, 8, 'many');
    expect(many).toBeGreaterThan(few);
    expect(many).toBeGreaterThan(0.9);
  });

  it('finds no more than its false-positive rate when there is no effect', () => {
    expect(simulatedPower(0, 6, 'none')).toBeLessThan(0.025 + 3 * Math.sqrt(0.025 / 100));
  });
});

describe('tTestPower', () => {
  // scipy 1.17.1: nct.sf(t.ppf(1 - alpha, n - 1), n - 1, effect / deviation * sqrt(n))
  it.each([
    [0.12, 0.057, 2, 0.025, 0.18472705267333903],
    [0.12, 0.057, 4, 0.025, 0.7924338906323964],
    [0.12, 0.057, 8, 0.025, 0.9989074922584916],
    [0.05, 0.057, 8, 0.05, 0.7215404013691042],
    [0.02, 0.057, 12, 0.05, 0.3071574298977116],
    [-0.05, 0.057, 8, 0.05, 4.4299068226842826e-5],
    [0.05, 0.2, 40, 0.025, 0.33808158685629913],
  ])('of an effect of %d against %d in %i runs at %d agrees with scipy', (effect, deviation, runs, alpha, power) => {
    // The noncentral t by quadrature: one part in 10^9 (quadrature of a smooth function, measured 2e-10 at 2 runs).
    expect(Math.abs(tTestPower(effect, deviation, runs, alpha) - power)).toBeLessThan(1e-9);
  });

  it('is alpha where there is no effect', () => {
    for (const runs of [2, 3, 6, 40, 3000]) expect(tTestPower(0, 0.1, runs, 0.025)).toBeCloseTo(0.025, 8);
  });

  it.each([
    ['runs of one value', { effect: 1, betweenRuns: 1, betweenPasswords: 0, passwords: 1 }, 1],
    [
      'runs whose spread of 0.6 their passwords raise to 1',
      { effect: 1, betweenRuns: 0.6, betweenPasswords: 1.6, passwords: 4 },
      1,
    ],
  ])('is the share of simulated experiments that the t-test rejects: %s', (_, model, deviation) => {
    // 2,000 experiments of 6 runs: four standard errors of a share around 0.6 are 0.044.
    const { normal } = stream(9, 'power');
    let rejected = 0;
    for (let experiment = 0; experiment < 2000; experiment++) {
      const means = simulateExperiment(model, 6, () => normal(1)).map((run) => mean(run));
      if (tTestAbove(means, 0).p < 0.025) rejected += 1;
    }
    expect(Math.abs(rejected / 2000 - tTestPower(1, deviation, 6)), 'power against simulation').toBeLessThan(0.044);
  });

  it('refuses one run, a deviation of 0 and alpha outside (0, 1)', () => {
    expect(() => tTestPower(0.1, 0.1, 1)).toThrow('at least 2, not 1');
    expect(() => tTestPower(0.1, 0, 4)).toThrow('above 0');
    expect(() => tTestPower(0.1, 0.1, 4, 1)).toThrow(SampleError);
  });
});

describe('requiredRuns', () => {
  // The fewest n for which scipy 1.17.1's nct.sf, as above, reaches the power; found by trying n = 2, 3, ...
  it.each([
    [0.12, 0.057, 0.95, 0.025, 6],
    [0.05, 0.057, 0.95, 0.025, 19],
    [0.05, 0.057, 0.8, 0.05, 10],
    [0.02, 0.057, 0.95, 0.025, 108],
    [0.005, 0.057, 0.95, 0.025, 1691],
  ])('for an effect of %d against %d, power %d at %d, is what scipy finds', (effect, deviation, power, alpha, runs) => {
    expect(requiredRuns(effect, deviation, power, alpha)).toBe(runs);
  });

  it('is the fewest: one run less falls short', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 5, noNaN: true }), (effect) => {
        const runs = requiredRuns(effect, 1);
        expect(tTestPower(effect, 1, runs)).toBeGreaterThanOrEqual(0.95);
        if (runs > 2) expect(tTestPower(effect, 1, runs - 1)).toBeLessThan(0.95);
      }),
      { numRuns: 10 },
    );
  });

  it('is the number of runs that have exactly the power asked for', () => {
    for (const runs of [2, 3, 8, 11]) expect(requiredRuns(0.8, 1, tTestPower(0.8, 1, runs))).toBe(runs);
  });

  it('refuses an effect that no number of runs shows, and one that a million do not', () => {
    expect(() => requiredRuns(0, 1)).toThrow('no number of runs');
    expect(() => requiredRuns(-1, 1)).toThrow(SampleError);
    expect(() => requiredRuns(1e-4, 1)).toThrow('a million runs');
  });
});
