/** RMS norm over the last axis (arXiv 1910.07467). */
import { tf } from '../engine.ts';
import { hasKernel, registerLoop, runKernel } from '../loops.ts';
import { columnSums } from './column-sums.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/RmsNorm';
const GRADIENT = 'NegativeKnowledge/RmsNormGradient';

registerLoop<'x' | 'gain', { epsilon: number }>({
  name: KERNEL,
  // The second output keeps the inverse of each row's root mean square for the gradient.
  shapes: ({ x }) => [x.shape, [x.shape[0]]],
  run({ x, gain }, [y, inverses], { epsilon }, { x: [rows, width] }) {
    for (let row = 0; row < rows; row++) {
      const start = row * width;
      let squares = 0;
      for (let column = 0; column < width; column++) squares += x[start + column] * x[start + column];
      const inverse = 1 / Math.sqrt(squares / width + epsilon);
      for (let column = 0; column < width; column++) y[start + column] = x[start + column] * inverse * gain[column];
      inverses[row] = inverse;
    }
  },
});

registerLoop<'dy' | 'x' | 'gain' | 'inverses', object>({
  name: GRADIENT,
  // Of x, and of the gain.
  shapes: ({ x, gain }) => [x.shape, gain.shape],
  run({ dy, x, gain, inverses }, [dx, dGain], _, { x: [rows, width] }) {
    const ofGain = new Float64Array(width);
    for (let row = 0; row < rows; row++) {
      const start = row * width;
      const inverse = inverses[row];
      let projection = 0;
      for (let column = 0; column < width; column++) {
        const along = dy[start + column] * x[start + column] * inverse;
        projection += along * gain[column];
        ofGain[column] += along;
      }
      for (let column = 0; column < width; column++) {
        const normal = x[start + column] * inverse;
        dx[start + column] = inverse * (dy[start + column] * gain[column] - (normal * projection) / width);
      }
    }
    dGain.set(ofGain);
  },
});

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'gain'],
  outputsToSave: [false, true],
  gradFunc: (upstream, [x, gain, inverses]) => {
    const dy = (upstream as tf.Tensor[])[0];
    const [dx, dGain] = runKernel<tf.Tensor[]>(GRADIENT, { dy, x, gain, inverses });
    return { x: () => dx, gain: () => dGain };
  },
});

/**
 * x / sqrt(mean of x^2 + epsilon) * gain, the mean over the last axis.
 * @param x `[rows, width]`
 * @param gain `[width]`
 */
export function rmsNorm(x: tf.Tensor, gain: tf.Tensor, epsilon: number): tf.Tensor {
  if (hasKernel(KERNEL)) return runKernel<tf.Tensor[]>(KERNEL, { x, gain }, { epsilon })[0];
  return withGradient(
    [x, gain],
    () => {
      const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), epsilon));
      const normal = tf.mul(x, inverse);
      return { value: tf.mul(normal, gain), saved: [normal, inverse, gain] };
    },
    (dy, [normal, inverse, gain]) => {
      const scaled = tf.mul(dy, gain);
      const projection = tf.mul(normal, tf.mean(tf.mul(scaled, normal), -1, true));
      return [tf.mul(inverse, tf.sub(scaled, projection)), columnSums(tf.mul(dy, normal))];
    },
  );
}
