/** Pearson's chi-square test of uniform counts, for draws of a fixed seed. */

/** Sum over cells of (observed - expected)^2 / expected, where every cell expects the same. */
export function chiSquareOfUniform(counts: readonly number[]): number {
  const expected = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

/** How often each of `values` occurs among `draws`. */
export function occurrences<T>(draws: Iterable<T>, values: readonly T[]): number[] {
  const counts = new Map(values.map((value) => [value, 0]));
  for (const draw of draws) counts.set(draw, (counts.get(draw) ?? 0) + 1);
  return [...counts.values()];
}

/**
 * Upper 0.1% points of the chi-square distribution by degrees of freedom (cells - 1), from the table of the
 * NIST/SEMATECH e-Handbook of Statistical Methods, https://www.itl.nist.gov/div898/handbook/eda/section3/eda3674.htm
 */
export const CHI_SQUARE_1_IN_1000: Readonly<Record<number, number>> = {
  1: 10.828,
  2: 13.816,
  9: 27.877,
  15: 37.697,
  23: 49.728,
  25: 52.62,
  99: 148.23,
};
