/** GELU is x Phi(x), with its derivative. */
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { type Engine, tf } from '../../../src/engine/engine.ts';
import { gelu } from '../../../src/engine/operations/gelu.ts';
import { valuesFrom } from '../../helpers/reading.ts';
import type { Start } from './engine.ts';

/** x Phi(x) in double precision. */
const exact = (x: number): number => x * normalCdf(x, 0, 1);

/** GELU and its derivative on the engine. */
async function bothOn(engine: Engine, x: number[]): Promise<{ y: number[]; slope: number[] }> {
  const [y, slope] = await valuesFrom(engine, () => {
    const { grad } = tf.valueAndGrad((at) => tf.sum(gelu(at)) as tf.Scalar)(tf.tensor1d(x));
    return [gelu(tf.tensor1d(x)), grad];
  });
  return { y, slope };
}

export function geluProperties(start: Start): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });
  const both = (x: number[]) => bothOn(engine, x);

  it('has the derivative that finite differences of x Phi(x) give in double precision', async () => {
    const x = fc.array(fc.float({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 13 });
    await fc.assert(
      fc.asyncProperty(x, async (given) => {
        const { y, slope } = await both(given);
        given.forEach((at, index) => {
          const h = 1e-5; // central differences: error h^2 / 6 = 2e-11, rounding 1e-16 / h = 1e-11
          const difference = (exact(at + h) - exact(at - h)) / (2 * h);
          // 7.5e-8 from the approximation of Phi, and a few roundings of a slope below 1.13.
          expect(Math.abs(slope[index] - difference), `slope at ${at}`).toBeLessThan(4e-7);
          expect(Math.abs(y[index] - exact(at)), `value at ${at}`).toBeLessThan(2e-7 * Math.max(1, Math.abs(at)));
        });
      }),
    );
  });

  it('is x itself far above 0 and nothing far below, with slopes 1 and 0', async () => {
    const far = [50, 1e3, 1e10, 1e30];
    const above = await both(far);
    expect(above.y).toEqual(far.map(Math.fround));
    expect(above.slope).toEqual([1, 1, 1, 1]);
    const below = await both(far.map((x) => -x));
    for (const y of below.y) expect(Math.abs(y)).toBeLessThan(1e-7);
    for (const slope of below.slope) expect(Math.abs(slope)).toBeLessThan(1e-7);
  });

  it('keeps NaN, in the value and in the slope, and leaves its neighbours alone', async () => {
    for (const at of [0, 3, 4]) {
      const x = [1, 1, 1, 1, 1].with(at, Number.NaN);
      const { y, slope } = await both(x);
      x.forEach((value, index) => {
        expect(Number.isNaN(y[index]), `y[${index}]`).toBe(Number.isNaN(value));
        expect(Number.isNaN(slope[index]), `slope[${index}]`).toBe(Number.isNaN(value));
      });
    }
  });
}
