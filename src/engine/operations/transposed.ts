/** The transpose of a matrix, as gradients need it. For backends that run loops. */
import type { tf } from '../engine.ts';
import { registerLoop, runKernel } from '../loops.ts';

const KERNEL = 'NegativeKnowledge/Transpose';

registerLoop<'x', object>({
  name: KERNEL,
  shapes: ({ x: { shape } }) => [[shape[1], shape[0]]],
  run({ x }, [y], _, { x: [rows, columns] }) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) y[column * rows + row] = x[row * columns + column];
    }
  },
  simd(kernels, { x }, [y], _, { x: [rows, columns] }) {
    kernels.transpose(x, y, rows, columns);
  },
});

/** @param x `[rows, columns]` @returns `[columns, rows]` */
export const transposed = (x: tf.Tensor): tf.Tensor2D => runKernel(KERNEL, { x });
