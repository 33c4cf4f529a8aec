import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { CHI_SQUARE_1_IN_1000, chiSquareOfUniform, occurrences } from './chi-square.ts';

const seeds = fc.integer({ min: 0, max: 0xffffffff });
const names = fc.string({ maxLength: 20 });
const numbers = (size: number): number[] => Array.from({ length: size }, (_, index) => index);
const draws = <T>(size: number, draw: () => T): T[] => Array.from({ length: size }, draw);

/** Pearson's r of two samples of one size, both from the uniform distribution on [0, 1). */
function uniformCorrelation(a: readonly number[], b: readonly number[]): number {
  const covariance = a.reduce((sum, value, index) => sum + (value - 0.5) * (b[index] - 0.5), 0) / a.length;
  return covariance * 12; // The variance of a uniform number is 1/12.
}

describe('a stream', () => {
  it('repeats its draws, of every kind and in any mixture, under the same seed and name', () => {
    const calls = fc.array(fc.constantFrom('below', 'uniform', 'normal', 'permutation'), { maxLength: 20 });
    fc.assert(
      fc.property(seeds, names, calls, (seed, name, kinds) => {
        const [first, second] = [stream(seed, name), stream(seed, name)].map((source) =>
          kinds.map((kind) => source[kind as 'below'](7)),
        );
        expect(first).toEqual(second);
      }),
    );
  });

  it('draws other numbers under another seed or another name', () => {
    fc.assert(
      fc.property(seeds, names, seeds, names, (seed, name, otherSeed, otherName) => {
        fc.pre(seed !== otherSeed && name !== otherName);
        const sequences = [
          [seed, name],
          [otherSeed, name],
          [seed, otherName],
        ].map(([s, n]) => draws(4, stream(s as number, n as string).uniform).join());
        expect(new Set(sequences).size).toBe(3);
      }),
    );
  });

  it('is not moved by draws from another stream of the same seed', () => {
    fc.assert(
      fc.property(seeds, fc.nat(50), (seed, others) => {
        const alone = draws(5, stream(seed, 'mine').uniform);
        const [mine, other] = [stream(seed, 'mine'), stream(seed, 'other')];
        const beside = draws(5, () => {
          draws(others, other.uniform);
          return mine.uniform();
        });
        expect(beside).toEqual(alone);
      }),
    );
  });

  it.each([
    ['20 names under one seed', numbers(20).map((index) => stream(1, `role-${index}`))],
    ['20 neighbouring seeds of one name', numbers(20).map((index) => stream(index, 'role'))],
  ])('is uncorrelated with the others: %s, each |r| below 5 standard errors', (_, streams) => {
    const size = 4_000;
    const samples = streams.map((source) => draws(size, source.uniform));
    for (const [index, sample] of samples.entries()) {
      for (const other of samples.slice(index + 1)) {
        expect(Math.abs(uniformCorrelation(sample, other))).toBeLessThan(5 / Math.sqrt(size));
      }
    }
  });
});

describe('uniform', () => {
  it('stays in [0, 1) and is a multiple of 2^-53', () => {
    fc.assert(
      fc.property(seeds, names, (seed, name) => {
        for (const value of draws(20, stream(seed, name).uniform)) {
          expect(value).toBeGreaterThanOrEqual(0);
          expect(value).toBeLessThan(1);
          expect(Number.isInteger(value * 2 ** 53)).toBe(true);
        }
      }),
    );
  });

  it('fills 100 bins evenly and does not follow its previous draw', () => {
    const sample = draws(20_000, stream(3, 'uniform').uniform);
    const bins = sample.map((value) => Math.floor(value * 100));
    expect(chiSquareOfUniform(occurrences(bins, numbers(100)))).toBeLessThan(CHI_SQUARE_1_IN_1000[99]);
    expect(Math.abs(uniformCorrelation(sample.slice(1), sample.slice(0, -1)))).toBeLessThan(5 / Math.sqrt(20_000));
  });
});

describe('below', () => {
  it('is a whole number from 0 up to, not including, its bound', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 1, max: 2 ** 40 }), (seed, bound) => {
        const value = stream(seed, 'below').below(bound);
        expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
      }),
    );
  });

  it.each([2, 3, 10, 16, 26])('draws each of %i numbers equally often', (bound) => {
    const source = stream(11, 'below');
    const counts = occurrences(
      draws(bound * 500, () => source.below(bound)),
      numbers(bound),
    );
    expect(counts).toHaveLength(bound);
    expect(chiSquareOfUniform(counts)).toBeLessThan(CHI_SQUARE_1_IN_1000[bound - 1]);
  });
});

describe('normal', () => {
  it('has the moments of N(0, deviation^2), each within 4 standard errors', () => {
    const size = 20_000;
    const deviation = 0.02;
    const source = stream(5, 'normal');
    const sample = draws(size, () => source.normal(deviation) / deviation);
    const moment = (power: number) => sample.reduce((sum, value) => sum + value ** power, 0) / size;
    // Variance of z^k for standard normal z: E z^2k - (E z^k)^2 = 1, 2, 15, 96.
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(1 / size));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(4 * Math.sqrt(2 / size));
    expect(Math.abs(moment(3))).toBeLessThan(4 * Math.sqrt(15 / size));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(4 * Math.sqrt(96 / size));
    const lagged = sample.slice(1).reduce((sum, value, index) => sum + value * sample[index], 0) / size;
    expect(Math.abs(lagged)).toBeLessThan(4 * Math.sqrt(1 / size));
  });

  it('scales with the deviation and nothing else', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (seed, deviation) => {
        const [unit, scaled] = [stream(seed, 'normal'), stream(seed, 'normal')];
        const standard = draws(4, () => deviation * unit.normal(1));
        expect(draws(4, () => scaled.normal(deviation))).toEqual(standard);
      }),
    );
  });
});

describe('permutation', () => {
  it('holds every number below its size exactly once', () => {
    fc.assert(
      fc.property(seeds, fc.nat(200), (seed, size) => {
        const permutation = stream(seed, 'permutation').permutation(size);
        expect(permutation.toSorted((a, b) => a - b)).toEqual(numbers(size));
      }),
    );
  });

  it('gives each of the 24 orders of 4 numbers equally often', () => {
    const source = stream(9, 'permutation');
    const orders = draws(24 * 300, () => source.permutation(4).join(''));
    const counts = occurrences(orders, [...new Set(orders)]);
    expect(counts).toHaveLength(24);
    expect(chiSquareOfUniform(counts)).toBeLessThan(CHI_SQUARE_1_IN_1000[23]);
  });

  it('is another one at each call', () => {
    const source = stream(2, 'permutation');
    expect(new Set(draws(20, () => source.permutation(30).join())).size).toBe(20);
  });
});
