import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import {
  requiredRuns,
  runMeanDeviation,
  SampleError,
  simulatedPower,
  tTest,
  tTestPower,
} from '../../src/statistics/index.ts';

describe('simulatedPower', () => {
  const options = (name: string) => {
    const source = stream(6, name);
    return { random: source.uniform, normal: () => source.normal(1), experiments: 100, replicates: 300 };
  };
  const model = { effect: 0.15, betweenRuns: 0.05, betweenPasswords: 0.2, passwords: 16 };

  it('grows with the number of runs', () => {
    const few = simulatedPower(model, 3, options('few'));
    const many = simulatedPower(model, 8, options('many'));
    expect(many).toBeGreaterThan(few);
    expect(many).toBeGreaterThan(0.9);
  });

  it('is about the false-positive rate when there is no effect', () => {
    expect(simulatedPower({ ...model, effect: 0 }, 6, options('none'))).toBeLessThan(
      0.025 + 3 * Math.sqrt(0.025 / 100),
    );
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

  it('is the share of simulated experiments that the t-test rejects', () => {
    // 2,000 experiments of 6 runs: four standard errors of a share around 0.6 are 0.044.
    const { normal } = stream(9, 'power');
    let rejected = 0;
    for (let experiment = 0; experiment < 2000; experiment++) {
      const sample = Array.from({ length: 6 }, () => 1 + normal(1));
      if (tTest(sample, 0).p < 0.025) rejected += 1;
    }
    expect(Math.abs(rejected / 2000 - tTestPower(1, 1, 6)), 'power against simulation').toBeLessThan(0.044);
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

  it('refuses an effect that no number of runs shows, and one that a million do not', () => {
    expect(() => requiredRuns(0, 1)).toThrow('no number of runs');
    expect(() => requiredRuns(-1, 1)).toThrow(SampleError);
    expect(() => requiredRuns(1e-4, 1)).toThrow('a million runs');
  });
});

it('runMeanDeviation joins the spread of runs and what the passwords of a run add', () => {
  expect(runMeanDeviation({ effect: 0, betweenRuns: 3, betweenPasswords: 16, passwords: 16 })).toBe(5);
});
