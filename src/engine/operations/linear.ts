/** A linear layer, x W + b. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import { type Gpu, hasKernel, registerGpu, registerSimd, runKernel, type Simd } from '../loops.ts';
import { withScratch } from '../simd/kernels.ts';
import { productOf } from '../webgpu/product.ts';
import { columnSums } from './column-sums.ts';
import { addsBiases, type Biased } from './residual.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/Linear';
const GRADIENT_OF_X = 'NegativeKnowledge/LinearGradientOfX';
const GRADIENT_OF_WEIGHT = 'NegativeKnowledge/LinearGradientOfWeight';

function registerProduct<Input extends string>(kernel: Simd<Input, object> & Gpu<Input, object>): void {
  registerSimd<Input, object>(kernel);
  registerGpu<Input, object>(kernel);
}

// Products of our own on WASM and on GPUs. TensorFlow.js's come from XNNPACK, which prepares every new matrix anew at each call, and
// whose products with a transpose flag are several times slower.

registerProduct<'x' | 'weight' | 'bias'>({
  name: KERNEL,
  shapes: ({ x, weight }) => [[x.shape[0], weight.shape[1]]],
  simd(kernels, { x, weight, bias = 0 }, [y], _, shapes, backend) {
    const [rows, from] = shapes.x;
    withScratch(backend, kernels.productScratch(), (scratch) =>
      kernels.product(x, weight, bias, y, rows, from, shapes.weight[1], 0, scratch),
    );
  },
  gpu(run, { x, weight, bias }, [y], _, shapes) {
    const sizes = { rows: shapes.x[0], inner: shapes.x[1], columns: shapes.weight[1] };
    const { shader, numbers, groups } = productOf('plain', sizes, bias === undefined ? null : 'bias');
    run(shader, bias === undefined ? [x, weight] : [x, weight, bias], [y], numbers, groups);
  },
});

registerProduct<'dy' | 'weight'>({
  name: GRADIENT_OF_X,
  shapes: ({ dy, weight }) => [[dy.shape[0], weight.shape[0]]],
  simd(kernels, { dy, weight }, [dx], _, shapes, backend) {
    const [rows, to] = shapes.dy;
    withScratch(backend, kernels.productScratch(), (scratch) =>
      kernels.product(dy, weight, 0, dx, rows, to, shapes.weight[0], 1, scratch),
    );
  },
  gpu(run, { dy, weight }, [dx], _, shapes) {
    const sizes = { rows: shapes.dy[0], inner: shapes.dy[1], columns: shapes.weight[0] };
    const { shader, numbers, groups } = productOf('right transposed', sizes);
    run(shader, [dy, weight], [dx], numbers, groups);
  },
});

registerProduct<'x' | 'dy'>({
  name: GRADIENT_OF_WEIGHT,
  // The second output is the gradient of the bias.
  shapes: ({ x, dy }) => [[x.shape[1], dy.shape[1]], [dy.shape[1]]],
  simd(kernels, { x, dy }, [dWeight, dBias], _, shapes, backend) {
    const [rows, from] = shapes.x;
    withScratch(backend, kernels.weightGradientScratch(), (scratch) =>
      kernels.weightGradient(x, dy, dWeight, dBias, rows, from, shapes.dy[1], scratch),
    );
  },
  gpu(run, { x, dy }, outputs, _, shapes) {
    const sizes = { rows: shapes.x[1], inner: shapes.x[0], columns: shapes.dy[1] };
    const { shader, numbers, groups } = productOf('left transposed', sizes, 'sums');
    run(shader, [x, dy], outputs, numbers, groups);
  },
});

tf.registerKernel({
  kernelName: KERNEL,
  backendName: 'cpu',
  kernelFunc: ({ inputs, backend }) => {
    const { x, weight, bias } = inputs as Record<'x' | 'weight', TensorInfo> & { bias?: TensorInfo };
    const { kernelFunc: fusedMatMul } = tf.getKernel('_FusedMatMul', 'cpu');
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

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'weight'],
  gradFunc: (upstream, [x, weight]) => {
    const dy = upstream as tf.Tensor2D;
    if (!hasKernel(GRADIENT_OF_WEIGHT)) {
      return {
        x: () => tf.matMul(dy, weight, false, true),
        weight: () => tf.matMul(x, dy, true, false),
        bias: () => columnSums(dy),
      };
    }
    // Both at once. A graph leaves them out where neither is asked for.
    const [dWeight, dBias] = runKernel<tf.Tensor[]>(GRADIENT_OF_WEIGHT, { x, dy });
    return {
      x: () => runKernel<tf.Tensor>(GRADIENT_OF_X, { dy, weight }),
      weight: () => dWeight,
      bias: () => dBias,
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
      ...(bias === undefined ? [] : [columnSums(dy)]),
    ],
  );
}

/** The same, its bias left to the operation that reads it where the engine's operations add biases. */
export const biasedLinear = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): Biased =>
  addsBiases() ? { x: linear(x, weight), bias } : { x: linear(x, weight, bias) };
