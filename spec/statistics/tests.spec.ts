import fc from 'fast-check';
import { tTest } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { signFlipTest, simulatedPower, tTestAbove } from '../../src/statistics/index.ts';

const effects = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 1, maxLength: 8 });

describe('signFlipTest', () => {
  it('is 1 / 2^n when every effect is positive', () => {
    for (let size = 1; size <= 12; size++) {
      expect(signFlipTest(Array.from({ length: size }, (_, index) => index + 1))).toBe(2 ** -size);
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

  it('refuses what it cannot enumerate', () => {
    expect(() => signFlipTest([])).toThrow(RangeError);
    expect(() => signFlipTest(Array(21).fill(1))).toThrow('1 to 20 runs, not 21');
    expect(() => signFlipTest([Number.NaN])).toThrow(RangeError);
  });
});

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
    expect(tTestAbove(x, 1).t).toBeCloseTo(tTest(x, 1) * Math.sqrt(7 / 8), 10);
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
    expect(Math.abs(rejected / 4000 - 0.05)).toBeLessThan(4 * Math.sqrt((0.05 * 0.95) / 4000));
  });

  it('refuses too few values and values that do not vary', () => {
    expect(() => tTestAbove([1], 0)).toThrow('at least two');
    expect(() => tTestAbove([1, 1], 0)).toThrow('vary');
  });
});

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
