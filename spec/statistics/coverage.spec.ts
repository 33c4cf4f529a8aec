import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import {
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  percentileInterval,
} from '../../src/statistics/index.ts';
import { simulateExperiment } from './experiments.ts';

const INTERVALS = { percentile: percentileInterval, bca: bcaInterval, expanded: expandedInterval };
const EXPERIMENTS = 400;
type Shares = Record<keyof typeof INTERVALS, { covered: number; falsePositive: number }>;
/** Three standard errors of a share of the experiments. */
const tolerance = (share: number) => 3 * Math.sqrt((share * (1 - share)) / EXPERIMENTS);

/**
 * How often each interval covers a true effect of 0, and how often its lower bound lies above it (a false positive).
 * Intervals move with the data (intervals.spec.ts), so any other true effect is covered as often. 16 passwords that
 * spread by 0.075 move a run's mean as much as the 64 that spread by 0.15 of a real run, at a quarter of the work.
 */
function simulate(runs: number, betweenRuns: number): Shares {
  const { normal } = stream(3, `coverage/${runs}/${betweenRuns}`);
  // 32 bits a draw are plenty to pick one of 16, and cost half as much as the 53 of a stream.
  const generator = xoroshiro128plus(runs);
  const random = () => (generator.next() >>> 0) / 2 ** 32;
  const model = { effect: 0, betweenRuns, betweenPasswords: 0.075, passwords: 16 };
  const counts = Object.fromEntries(Object.keys(INTERVALS).map((name) => [name, { covered: 0, falsePositive: 0 }]));
  for (let experiment = 0; experiment < EXPERIMENTS; experiment++) {
    const data = simulateExperiment(model, runs, () => normal(1));
    const bootstrap = hierarchicalBootstrap(data, { random, replicates: 500 });
    for (const [name, interval] of Object.entries(INTERVALS)) {
      const [low, high] = interval(bootstrap);
      counts[name].covered += low <= 0 && high >= 0 ? 1 : 0;
      counts[name].falsePositive += low > 0 ? 1 : 0;
    }
  }
  // Divided only here: a sum of shares misses 1 by rounding.
  for (const count of Object.values(counts)) {
    count.covered /= EXPERIMENTS;
    count.falsePositive /= EXPERIMENTS;
  }
  return counts as Shares;
}

// Specs that look at the same experiments share them.
const simulated = new Map<string, Shares>();
function sharesOf(runs: number, betweenRuns: number): Shares {
  const key = `${runs}/${betweenRuns}`;
  const shares = simulated.get(key) ?? simulate(runs, betweenRuns);
  simulated.set(key, shares);
  return shares;
}

describe.each([6, 8])('by simulation of %i runs that differ by 0.05', (runs) => {
  it('the expanded 95% interval covers the truth at least 95% of the time', () => {
    expect(sharesOf(runs, 0.05).expanded.covered).toBeGreaterThan(0.95 - tolerance(0.95));
  });

  it('"the lower bound of the expanded interval lies above 0" is true of no effect at most 2.5% of the time', () => {
    expect(sharesOf(runs, 0.05).expanded.falsePositive).toBeLessThan(0.025 + tolerance(0.025));
  });

  it('the expanded interval does not buy its coverage with boundless width: it misses now and then', () => {
    expect(sharesOf(runs, 0.05).expanded.covered).toBeLessThan(1);
  });
});

describe('by simulation of 6 runs that differ by 0.05', () => {
  it.each(['percentile', 'bca'] as const)('the %s interval covers too rarely: why it decides nothing', (name) => {
    // 2,000 experiments of 64 passwords gave 0.90 and 0.89, and false positives 0.056 and 0.061.
    expect(sharesOf(6, 0.05)[name].covered).toBeLessThan(0.935);
    expect(sharesOf(6, 0.05)[name].falsePositive).toBeGreaterThan(0.03);
  });
});

describe('by simulation of 6 runs that do not differ', () => {
  it.each([
    'percentile',
    'bca',
    'expanded',
  ] as const)('the %s interval covers at least 95%: the spread of passwords is then counted twice, between runs and within', (name) => {
    expect(sharesOf(6, 0)[name].covered).toBeGreaterThan(0.95);
  });
});
