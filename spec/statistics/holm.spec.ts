import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stream } from '../../src/random/streams.ts';
import { holm } from '../../src/statistics/index.ts';

const pValues = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 });

describe("Holm's correction", () => {
  it('by hand: 0.01 of four tests costs 4 times, the next 3 times, and none is below the one before', () => {
    // 4 * 0.01 = 0.04; 3 * 0.02 = 0.06; 2 * 0.025 = 0.05, raised to 0.06; 0.9.
    const adjusted = holm([0.02, 0.9, 0.01, 0.025]);
    [0.06, 0.9, 0.04, 0.06].forEach((value, index) => expect(adjusted[index]).toBeCloseTo(value, 15));
  });

  it('never lowers a p, keeps their order, and never goes above 1', () => {
    fc.assert(
      fc.property(pValues, (values) => {
        const adjusted = holm(values);
        values.forEach((p, a) => {
          expect(adjusted[a]).toBeGreaterThanOrEqual(p);
          expect(adjusted[a]).toBeLessThanOrEqual(1);
          values.forEach((q, b) => {
            if (p < q) expect(adjusted[a]).toBeLessThanOrEqual(adjusted[b]);
          });
        });
      }),
    );
  });

  it('charges the smallest p for all tests, as Bonferroni would, and no p more', () => {
    fc.assert(
      fc.property(pValues, (values) => {
        const adjusted = holm(values);
        const smallest = values.indexOf(Math.min(...values));
        expect(adjusted[smallest]).toBe(Math.min(1, values.length * values[smallest]));
        values.forEach((p, index) => expect(adjusted[index]).toBeLessThanOrEqual(Math.min(1, values.length * p)));
      }),
    );
  });

  it('leaves a single test alone, and no test too', () => {
    expect(holm([0.03])).toEqual([0.03]);
    expect(holm([])).toEqual([]);
  });

  it('rejects any true null of ten in at most 5% of families, by simulation', () => {
    const { uniform } = stream(7, 'holm');
    const families = 4000;
    let wrong = 0;
    for (let family = 0; family < families; family++) {
      if (holm(Array.from({ length: 10 }, uniform)).some((p) => p < 0.05)) wrong += 1;
    }
    expect(wrong / families, 'families with a true null rejected').toBeLessThan(
      0.05 + 3 * Math.sqrt((0.05 * 0.95) / families),
    );
    expect(wrong / families).toBeGreaterThan(0.03); // and it is not needlessly strict: 1 - 0.995^10 = 0.049
  });

  it.each([[[-0.1]], [[1.2]], [[Number.NaN]]])('refuses %j', (values) => {
    expect(() => holm(values)).toThrow(RangeError);
  });
});
