/** A linear layer, x W + b. */
import { tf } from '../engine.ts';
import { hasLoops, registerLoop, runKernel } from '../loops.ts';

const KERNEL = 'NegativeKnowledge/Linear';
const COLUMN_SUMS = 'NegativeKnowledge/ColumnSums';

for (const backendName of ['wasm', 'cpu']) {
  tf.registerKernel({
    kernelName: KERNEL,
    backendName,
    kernelFunc: ({ inputs: { x, weight, bias }, backend }) => {
      const fused = tf.getKernel('_FusedMatMul', backendName);
      const attrs = { transposeA: false, transposeB: false, activation: 'linear' };
      const product = bias === undefined ? { a: x, b: weight } : { a: x, b: weight, bias };
      return fused.kernelFunc({ inputs: product, backend, attrs });
    },
  });
}

registerLoop<'x', object>({
  name: COLUMN_SUMS,
  shapes: ({ x }) => [[x.shape[1]]],
  run({ x }, [sums], _, { x: [rows, columns] }) {
    sums.fill(0);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) sums[column] += x[row * columns + column];
    }
  },
});

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'weight'],
  // Explicit transposes: WASM's products with a transpose flag take a path several times slower.
  gradFunc: (dy, [x, weight]) => {
    const upstream = dy as tf.Tensor2D;
    return {
      x: () => tf.matMul(upstream, tf.transpose(weight as tf.Tensor2D)),
      weight: () => tf.matMul(tf.transpose(x as tf.Tensor2D), upstream),
      bias: () => runKernel<tf.Tensor>(COLUMN_SUMS, { x: upstream }),
    };
  },
});

/**
 * x W + b.
 * @param x `[rows, in]`
 * @param weight `[in, out]`
 * @param bias `[out]`, or none
 * @returns `[rows, out]`
 */
export function linear(x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  if (hasLoops()) return runKernel<tf.Tensor>(KERNEL, bias === undefined ? { x, weight } : { x, weight, bias });
  const product = tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D);
  return bias === undefined ? product : tf.add(product, bias);
}
