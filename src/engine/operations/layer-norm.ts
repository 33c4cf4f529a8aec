/** Layer norm over the last axis (arXiv 1607.06450). */
import { tf } from '../engine.ts';
import { hasKernel, registerLoop, runKernel } from '../loops.ts';
import { floatAttribute } from '../native/backend.ts';
import { registerNative } from '../native/kernels.ts';
import { columnGroups, LAYER_NORM, LAYER_NORM_GRADIENT, LAYER_NORM_SUMS, rowGroups } from '../webgpu/layer-norm.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/LayerNorm';
const GRADIENT = 'NegativeKnowledge/LayerNormGradient';

registerLoop<'x' | 'gain' | 'bias', { epsilon: number }>({
  name: KERNEL,
  // The second output keeps each row's mean and inverse deviation for the gradient.
  shapes: ({ x }) => [x.shape, [x.shape[0], 2]],
  run({ x, gain, bias }, [y, moments], { epsilon }, { x: [rows, width] }) {
    for (let row = 0; row < rows; row++) {
      const start = row * width;
      let sum = 0;
      for (let column = 0; column < width; column++) sum += x[start + column];
      const mean = sum / width;
      let squares = 0;
      for (let column = 0; column < width; column++) {
        const centred = x[start + column] - mean;
        squares += centred * centred;
      }
      const inverse = 1 / Math.sqrt(squares / width + epsilon);
      for (let column = 0; column < width; column++) {
        y[start + column] = (x[start + column] - mean) * inverse * gain[column] + bias[column];
      }
      moments[2 * row] = mean;
      moments[2 * row + 1] = inverse;
    }
  },
  simd(kernels, { x, gain, bias }, [y, moments], attributes, { x: [rows, width] }) {
    kernels.layerNorm(x, gain, bias, y, moments, rows, width, attributes.epsilon);
  },
  gpu(run, { x, gain, bias }, outputs, { epsilon }, { x: [rows, width] }) {
    run(LAYER_NORM, [x, gain, bias], outputs, { rows, width, epsilon }, rowGroups(rows));
  },
});

registerLoop<'dy' | 'x' | 'gain' | 'moments', object>({
  name: GRADIENT,
  // Of x, of the gain, and of the bias.
  shapes: ({ x, gain }) => [x.shape, gain.shape, gain.shape],
  run({ dy, x, gain, moments }, [dx, dGain, dBias], _, { x: [rows, width] }) {
    const [ofGain, ofBias] = [new Float64Array(width), new Float64Array(width)];
    for (let row = 0; row < rows; row++) {
      const start = row * width;
      const mean = moments[2 * row];
      const inverse = moments[2 * row + 1];
      let sum = 0;
      let projection = 0;
      for (let column = 0; column < width; column++) {
        const upstream = dy[start + column];
        const centred = x[start + column] - mean;
        const scaled = upstream * gain[column];
        sum += scaled;
        projection += scaled * centred * inverse;
        ofGain[column] += upstream * centred * inverse;
        ofBias[column] += upstream;
      }
      for (let column = 0; column < width; column++) {
        const normal = (x[start + column] - mean) * inverse;
        dx[start + column] = inverse * (dy[start + column] * gain[column] - (sum + normal * projection) / width);
      }
    }
    dGain.set(ofGain);
    dBias.set(ofBias);
  },
  simd(kernels, { dy, x, gain, moments }, [dx, dGain, dBias], _, { x: [rows, width] }) {
    kernels.layerNormGradient(dy, x, gain, moments, dx, dGain, dBias, rows, width);
  },
  gpu(run, { dy, x, gain, moments }, [dx, dGain, dBias], _, { x: [rows, width] }) {
    run(LAYER_NORM_GRADIENT, [dy, x, gain, moments], [dx], { rows, width }, rowGroups(rows));
    run(LAYER_NORM_SUMS, [dy, x, moments], [dGain, dBias], { rows, width }, columnGroups(width));
  },
});

registerNative<'x' | 'gain' | 'bias', { epsilon: number }>({
  name: KERNEL,
  inputs: ['x', 'gain', 'bias'],
  outputs: 2,
  attributes: ({ epsilon }) => [floatAttribute('epsilon', epsilon)],
});
registerNative<'dy' | 'x' | 'gain' | 'moments'>({ name: GRADIENT, inputs: ['dy', 'x', 'gain', 'moments'], outputs: 3 });

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'gain'],
  outputsToSave: [false, true],
  gradFunc: (upstream, [x, gain, moments]) => {
    const dy = (upstream as tf.Tensor[])[0];
    const [dx, dGain, dBias] = runKernel<tf.Tensor[]>(GRADIENT, { dy, x, gain, moments });
    return { x: () => dx, gain: () => dGain, bias: () => dBias };
  },
});

/**
 * (x - mean) / sqrt(variance + epsilon) * gain + bias, moments over the last axis.
 * @param x `[rows, width]`
 * @param gain `[width]`
 * @param bias `[width]`
 */
export function layerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor {
  if (hasKernel(KERNEL)) return runKernel<tf.Tensor[]>(KERNEL, { x, gain, bias }, { epsilon })[0];
  return withGradient(
    [x, gain, bias],
    () => {
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), epsilon));
      const normal = tf.mul(centred, inverse);
      return { value: tf.add(tf.mul(normal, gain), bias), saved: [normal, inverse, gain] };
    },
    (dy, [normal, inverse, gain]) => {
      const scaled = tf.mul(dy, gain);
      const projection = tf.mul(normal, tf.mean(tf.mul(scaled, normal), -1, true));
      const dx = tf.mul(inverse, tf.sub(tf.sub(scaled, tf.mean(scaled, -1, true)), projection));
      return [dx, tf.sum(tf.mul(dy, normal), 0), tf.sum(dy, 0)];
    },
  );
}
