/** What only some engines have: kernels as loops, and what they are made of. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { exponential } from '../../src/engine/exponential.ts';
import { transposed } from '../../src/engine/operations/transposed.ts';

describe('numerics', () => {
  it('exponential is within 1e-8 of Math.exp, 0 far below and infinite far above', () => {
    fc.assert(
      fc.property(fc.double({ min: -87, max: 88, noNaN: true }), (x) => {
        expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-8);
      }),
    );
    expect(exponential(-1000)).toBe(0);
    expect(exponential(1000)).toBe(Number.POSITIVE_INFINITY);
    expect(exponential(0)).toBe(1);
  });

  it.each(['wasm', 'cpu'] as const)('the transpose on %s moves every entry, whatever the shape', async (engine) => {
    await startEngine(engine);
    for (const [rows, columns] of [
      [1, 1],
      [4, 8],
      [5, 3],
      [13, 17],
      [8, 4],
    ]) {
      const data = Array.from({ length: rows * columns }, (_, index) => index);
      const turned = tf.tidy(() => transposed(tf.tensor2d(data, [rows, columns])).arraySync());
      for (let row = 0; row < rows; row++)
        for (let column = 0; column < columns; column++) expect(turned[column][row]).toBe(row * columns + column);
    }
  });
});
