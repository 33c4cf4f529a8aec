/**
 * Attention against its formulas in double precision, written here once more from Hugging Face's GPT-NeoX: columns
 * (head, q|k|v, head dimension), rotary x * cos + rotateHalf(x) * sin with rotateHalf([a, b]) = [-b, a] on the first
 * dimensions of q and k, softmax(q k / sqrt(width)) v over this position and earlier ones.
 */
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { type Engine, tf } from '../../../src/engine/engine.ts';
import { type AttentionShape, attention } from '../../../src/engine/operations/attention.ts';
import { stream } from '../../../src/random/streams.ts';
import { valuesOfOne } from '../../helpers/reading.ts';
import type { Start } from './engine.ts';

/** Output `[sequences * time][hidden]` for rows of `qkv`. */
function formula(qkv: number[][], { time, heads, rotary, rotaryBase }: AttentionShape): number[][] {
  const width = qkv[0].length / 3 / heads;
  const half = rotary / 2;
  const vector = (row: number, head: number, which: number) =>
    Array.from({ length: width }, (_, d) => qkv[row][head * 3 * width + which * width + d]);
  const turned = (row: number, head: number, which: number) => {
    const x = vector(row, head, which);
    const frequency = (d: number) => 1 / rotaryBase ** ((2 * (d % half)) / rotary); // inv_freq, twice over
    const rotated = x.map((_, d) => (d < half ? -x[d + half] : x[d - half]));
    const angle = (d: number) => (row % time) * frequency(d);
    return x.map((value, d) => (d < rotary ? value * Math.cos(angle(d)) + rotated[d] * Math.sin(angle(d)) : value));
  };
  return qkv.map((_, row) => {
    const first = row - (row % time); // of this sequence
    return Array.from({ length: heads }, (_, head) => {
      const q = turned(row, head, 0);
      const keys = Array.from({ length: row - first + 1 }, (_, j) => turned(first + j, head, 1));
      const scores = keys.map((k) => k.reduce((sum, value, d) => sum + value * q[d], 0) / Math.sqrt(width));
      const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = weights.reduce((sum, value) => sum + value, 0);
      return Array.from({ length: width }, (_, d) =>
        weights.reduce((sum, weight, j) => sum + (weight / total) * vector(first + j, head, 2)[d], 0),
      );
    }).flat();
  });
}

const draw = fc
  .record({
    sequences: fc.integer({ min: 1, max: 3 }),
    time: fc.integer({ min: 1, max: 7 }),
    heads: fc.integer({ min: 1, max: 3 }),
    quarter: fc.integer({ min: 1, max: 3 }),
    fraction: fc.constantFrom(0, 0.5, 1),
    deviation: fc.constantFrom(0.3, 1, 6), // 6: scores of up to a hundred, weights that are all but 0 or 1
    seed: fc.nat(),
  })
  .map(({ sequences, time, heads, quarter, fraction, deviation, seed }) => {
    const width = 4 * quarter;
    const source = stream(seed, 'qkv');
    const qkv = Array.from({ length: sequences * time }, () =>
      Array.from({ length: 3 * heads * width }, () => Math.fround(source.normal(deviation))),
    );
    return { qkv, deviation, shape: { time, heads, rotary: width * fraction, rotaryBase: 10_000 } };
  });

export function attentionProperties(start: Start): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });
  /** Rows of a matrix. */
  const rowsOf = async (compute: () => tf.Tensor, columns: number): Promise<number[][]> => {
    const values = await valuesOfOne(engine, compute);
    return Array.from({ length: values.length / columns }, (_, row) =>
      values.slice(row * columns, (row + 1) * columns),
    );
  };

  it('is that of the formulas', async () => {
    await fc.assert(
      fc.asyncProperty(draw, async ({ qkv, deviation, shape }) => {
        const actual = await rowsOf(() => attention(tf.tensor2d(qkv), shape), qkv[0].length / 3);
        // A score of size s carries an error of s * 6e-8 into the weights: s is up to a few times deviation^2.
        const tolerance = 2e-6 * deviation * Math.max(1, deviation ** 2);
        formula(qkv, shape).forEach((row, i) => {
          row.forEach((value, d) => {
            expect(Math.abs(actual[i][d] - value)).toBeLessThan(tolerance);
          });
        });
      }),
      { numRuns: 40 },
    );
  });

  it('has the gradient that finite differences of the formulas give', async () => {
    await fc.assert(
      fc.asyncProperty(draw, fc.nat(), fc.nat(), async ({ qkv, deviation, shape }, row, column) => {
        fc.pre(deviation < 6); // where weights are all but 0 or 1 the slopes have no scale of their own
        const upstream = (i: number, d: number) => Math.sin(3 * i + d + 1);
        const total = (at: number[][]) =>
          formula(at, shape).reduce(
            (sum, y, i) => sum + y.reduce((part, value, d) => part + value * upstream(i, d), 0),
            0,
          );
        const gradient = await rowsOf(() => {
          const dy = tf.tensor2d(
            qkv.map((_, i) => Array.from({ length: qkv[0].length / 3 }, (_, d) => upstream(i, d))),
          );
          return tf.grad((x) => tf.sum(tf.mul(attention(x, shape), dy)))(tf.tensor2d(qkv));
        }, qkv[0].length);
        const [i, d] = [row % qkv.length, column % qkv[0].length];
        const h = 1e-5; // central differences in double precision: errors of about 1e-10
        const nudged = (by: number) => qkv.with(i, qkv[i].with(d, qkv[i][d] + by));
        const expected = (total(nudged(h)) - total(nudged(-h))) / (2 * h);
        // Some hundred roundings of terms of the size of the largest slope.
        const scale = Math.max(1, ...gradient.flat().map(Math.abs));
        expect(Math.abs(gradient[i][d] - expected)).toBeLessThan(5e-6 * scale);
      }),
      { numRuns: 40 },
    );
  });
}
