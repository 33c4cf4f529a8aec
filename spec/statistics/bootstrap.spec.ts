import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import {
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  percentileInterval,
  simulateExperiment,
} from '../../src/statistics/index.ts';

const random = () => stream(1, 'spec').uniform;
const finite = fc.double({ min: -10, max: 10, noNaN: true });
const runs = fc.array(fc.array(finite, { minLength: 1, maxLength: 5 }), { minLength: 2, maxLength: 5 });
const few = { replicates: 200 };

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
        plain.replicates.forEach((value, index) => {
          expect(moved.replicates[index]).toBeCloseTo(value * scale + shift, 8);
        });
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
    for (const replicate of replicates) expect(replicate).toBeCloseTo(1, 12);
  });

  it.each([
    ['no runs', []],
    ['an empty run', [[1], []]],
    ['a NaN', [[1, Number.NaN]]],
    ['an infinity', [[Number.POSITIVE_INFINITY]]],
  ])('refuses %s', (_, data) => {
    expect(() => hierarchicalBootstrap(data, { random: random() })).toThrow(RangeError);
  });

  it('refuses to pair different numbers of runs', () => {
    expect(() => hierarchicalBootstrap([[1], [2]], { random: random() }, [[1]])).toThrow(
      '2 runs cannot be paired with 1',
    );
  });
});

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
});

/** Share of simulated experiments whose interval covers the truth, and whose lower bound lies above 0. */
function simulate(effect: number, runCount: number, interval: typeof expandedInterval, experiments: number) {
  const source = stream(3, `coverage/${effect}/${runCount}`);
  const model = { effect, betweenRuns: 0.05, betweenPasswords: 0.2, passwords: 16 };
  let covered = 0;
  let above = 0;
  for (let experiment = 0; experiment < experiments; experiment++) {
    const data = simulateExperiment(model, runCount, () => source.normal(1));
    const [low, high] = interval(hierarchicalBootstrap(data, { random: source.uniform, replicates: 300 }));
    covered += low <= effect && effect <= high ? 1 : 0;
    above += low > 0 ? 1 : 0;
  }
  return { coverage: covered / experiments, above: above / experiments };
}

describe('by simulation, with spreads like those of guess rates (0.05 between runs, another 0.05 from the passwords of a run)', () => {
  const EXPERIMENTS = 400;
  // Tolerance: three standard errors of a share of 400 experiments around 0.95 (0.033) and around 0.025 (0.023).
  it.each([5, 8])('the expanded 95% interval covers the truth at least 95% of the time at %i runs', (runCount) => {
    expect(simulate(0.12, runCount, expandedInterval, EXPERIMENTS).coverage).toBeGreaterThan(0.95 - 0.033);
  });

  it.each([5, 8])(
    '"its lower bound lies above 0" is true of no effect at most 2.5% of the time at %i runs',
    (runCount) => {
      expect(simulate(0, runCount, expandedInterval, EXPERIMENTS).above).toBeLessThan(0.025 + 0.023);
    },
  );

  it('percentile and BCa intervals cover no better than the expanded one at 5 runs', () => {
    const expanded = simulate(0.12, 5, expandedInterval, EXPERIMENTS).coverage;
    expect(simulate(0.12, 5, percentileInterval, EXPERIMENTS).coverage).toBeLessThanOrEqual(expanded);
    expect(simulate(0.12, 5, bcaInterval, EXPERIMENTS).coverage).toBeLessThanOrEqual(expanded);
  });
});
