/** How fast an engine multiplies: the measure that a model's steps can be held against. */
import { type Engine, tf } from './engine.ts';
import { linear } from './operations/linear.ts';

/** Floating point operations in a product `[rows, inner]` times `[inner, columns]`. */
export const productOperations = (rows: number, inner: number, columns: number): number => 2 * rows * inner * columns;

/** Sides of matrices that an engine multiplies in some milliseconds. */
export function usualSide({ name, gpu, cuda }: Engine): number {
  if (cuda?.gpu) return 4096;
  if (gpu !== undefined) return gpu.software ? 128 : 2048;
  return { native: 1024, webgpu: 1024, wasm: 512, cpu: 128 }[name];
}

/**
 * Floating point operations a second in products of two square matrices.
 * @param side of the matrices
 * @param seconds to measure for, at least
 */
export async function matrixRate(engine: Engine, side = usualSide(engine), seconds = 0.3): Promise<number> {
  const factors = tf.tidy(() => [tf.fill([side, side], 1 / side), tf.fill([side, side], 0.5)]);
  try {
    for (let count = 1; ; count *= 2) {
      const started = performance.now();
      const corner = tf.tidy(() => {
        let product = factors[0];
        for (let done = 0; done < count; done++) product = tf.tidy(() => linear(factors[0], factors[1]));
        return tf.slice(product, [0, 0], [1, 1]);
      });
      const [value] = await engine.read(corner); // only now is it certain that it was computed
      corner.dispose();
      const taken = (performance.now() - started) / 1000;
      if (Math.abs(value - 0.5) > 1e-3) throw new Error(`a product of matrices is ${value} in place of 0.5`);
      if (taken >= seconds && count > 1) return (count * productOperations(side, side, side)) / taken;
    }
  } finally {
    tf.dispose(factors);
  }
}
