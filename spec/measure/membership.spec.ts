import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { auc } from '../../src/measure/membership.ts';
import { stream } from '../../src/random/streams.ts';

const values = fc.array(fc.integer({ min: -5, max: 5 }), { minLength: 1, maxLength: 20 });

describe('the membership AUC', () => {
  it('is the share of pairs in which the member scores higher, ties counting half', () => {
    fc.assert(
      fc.property(values, values, (members, others) => {
        const wins = members.flatMap((a) => others.map((b): number => (a > b ? 1 : a === b ? 0.5 : 0)));
        expect(auc(members, others)).toBeCloseTo(wins.reduce((sum, win) => sum + win, 0) / wins.length, 12);
      }),
    );
  });

  it('turns round with the sets', () => {
    fc.assert(
      fc.property(values, values, (members, others) => {
        expect(auc(members, others) + auc(others, members)).toBeCloseTo(1, 12);
      }),
    );
  });

  it('is one half for a set against itself', () => {
    fc.assert(
      fc.property(values, (members) => {
        expect(auc(members, members)).toBeCloseTo(0.5, 12);
      }),
    );
  });

  it('is 1 for sets apart, and one half for a scorer that gives everyone the same', () => {
    expect(auc([3, 4], [1, 2])).toBe(1);
    expect(auc([1, 2], [3, 4])).toBe(0);
    expect(auc([7, 7, 7], [7])).toBe(0.5);
  });

  it.each([-2, 0, 1])('of normal scores %d deviations apart is Phi(%d / sqrt 2), by simulation', (apart) => {
    const { normal } = stream(3, `membership/${apart}`);
    const size = 4000;
    const members = Array.from({ length: size }, () => apart + normal(1));
    const others = Array.from({ length: size }, () => normal(1));
    // The difference of two scores is N(apart, 2). The standard error is largest at one half: sqrt(1 / (6 size)).
    expect(Math.abs(auc(members, others) - normalCdf(apart, 0, Math.SQRT2))).toBeLessThan(5 / Math.sqrt(6 * size));
  });

  it('needs scores of both kinds', () => {
    expect(() => auc([], [1])).toThrow(/not 0 and 1/);
    expect(() => auc([1], [])).toThrow(/not 1 and 0/);
    expect(() => auc([NaN], [1])).toThrow(/index 0 is NaN/);
  });
});
