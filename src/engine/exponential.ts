/** exp(x) for kernels written as loops: several times faster than Math.exp, and exact to float32. */

const LOG2_E = Math.LOG2E;
const LN2_HIGH = 0.6931471803691238; // fdlibm's split of ln 2: n * LN2_HIGH is exact for the n that occur
const LN2_LOW = 1.9082149292705877e-10;
const SMALLEST = -126;
const LARGEST = 127;
const POWERS_OF_TWO = Float64Array.from({ length: LARGEST - SMALLEST + 1 }, (_, index) => 2 ** (index + SMALLEST));

/**
 * e^x to a relative error below 1e-8 for x in [-87, 88]; 0 below that range, Infinity above it.
 * Argument reduction to |r| <= ln(2)/2 and the Taylor series of e^r to r^7 (its first left-out term is 5e-9).
 */
export function exponential(x: number): number {
  const n = Math.floor(x * LOG2_E + 0.5);
  if (n < SMALLEST) return 0;
  if (n > LARGEST) return Number.POSITIVE_INFINITY;
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  const series =
    1 + r * (1 + r * (1 / 2 + r * (1 / 6 + r * (1 / 24 + r * (1 / 120 + r * (1 / 720 + r * (1 / 5040)))))));
  return series * POWERS_OF_TWO[n - SMALLEST];
}
