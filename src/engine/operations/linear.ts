/** A linear layer, x W + b. */
import type { TensorInfo } from '@tensorflow/tfjs';
import { tf } from '../engine.ts';
import { hasKernel, runKernel } from '../loops.ts';
import { columnSums } from './column-sums.ts';
import { transposed } from './transposed.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/Linear';

for (const backendName of ['wasm', 'cpu']) {
  tf.registerKernel({
    kernelName: KERNEL,
    backendName,
    kernelFunc: ({ inputs, backend }) => {
      const { x, weight, bias } = inputs as Record<'x' | 'weight', TensorInfo> & { bias?: TensorInfo };
      const { kernelFunc: fusedMatMul } = tf.getKernel('_FusedMatMul', backendName);
      const batched = (matrix: TensorInfo) => ({ ...matrix, shape: [1, ...matrix.shape] }); // the kernel wants rank 3
      const factors = { a: batched(x), b: batched(weight) };
      const product = fusedMatMul({
        inputs: bias === undefined ? factors : { ...factors, bias },
        backend,
        attrs: { transposeA: false, transposeB: false, activation: 'linear' },
      }) as TensorInfo;
      return { ...product, shape: [x.shape[0], weight.shape[1]] };
    },
  });
}

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'weight'],
  // Explicit transposes: WASM's products with a transpose flag take a path several times slower.
  gradFunc: (dy, [x, weight]) => {
    const upstream = dy as tf.Tensor2D;
    return {
      x: () => tf.matMul(upstream, transposed(weight)),
      weight: () => tf.matMul(transposed(x), upstream),
      bias: () => columnSums(upstream),
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
  if (hasKernel(KERNEL)) return runKernel<tf.Tensor>(KERNEL, bias === undefined ? { x, weight } : { x, weight, bias });
  return withGradient(
    bias === undefined ? [x, weight] : [x, weight, bias],
    () => {
      const product = tf.matMul(x, weight);
      return { value: bias === undefined ? product : tf.add(product, bias), saved: [x, weight] };
    },
    (dy, [x, weight]) => [
      tf.matMul(dy, weight, false, true),
      tf.matMul(x, dy, true, false),
      ...(bias === undefined ? [] : [tf.sum(dy, 0)]),
    ],
  );
}
