/** Sums down the columns of a matrix: the gradient of a bias. */
import { tf } from '../engine.ts';
import { hasKernel, registerLoop, runKernel } from '../loops.ts';
import { registerNative } from '../native/kernels.ts';

const KERNEL = 'NegativeKnowledge/ColumnSums';

registerLoop<'x', object>({
  name: KERNEL,
  shapes: ({ x }) => [[x.shape[1]]],
  run({ x }, [sums], _, { x: [rows, columns] }) {
    const totals = new Float64Array(columns); // adding up in double precision also spares a rounding at every step
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) totals[column] += x[row * columns + column];
    }
    sums.set(totals);
  },
});

registerNative<'x'>({ name: KERNEL, inputs: ['x'], outputs: 1 });

/** @param x `[rows, columns]` @returns `[columns]` */
export const columnSums = (x: tf.Tensor): tf.Tensor => (hasKernel(KERNEL) ? runKernel(KERNEL, { x }) : tf.sum(x, 0));
