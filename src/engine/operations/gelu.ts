/** GELU, exact: x * Phi(x), Phi the standard normal distribution function (arXiv 1606.08415; GPT-NeoX uses this form). */
import { tf } from '../engine.ts';
import { exponential } from '../exponential.ts';
import { type Arrays, hasLoops, registerLoop, runKernel } from '../loops.ts';

const KERNEL = 'NegativeKnowledge/Gelu';
const INVERSE_SQRT_2PI = 1 / Math.sqrt(2 * Math.PI);

/**
 * Fills `y` with GELU and `slope` with its derivative Phi(x) + x phi(x).
 * Phi from Abramowitz & Stegun 7.1.26 (absolute error below 1e-7, the approximation TensorFlow.js itself uses), whose
 * exponential is the one that phi needs.
 */
function loop({ x }: Arrays<'x'>, [y, slope]: Float32Array[]): void {
  for (let index = 0; index < x.length; index++) {
    const value = x[index];
    const gauss = exponential(-0.5 * value * value);
    const t = 1 / (1 + 0.3275911 * Math.abs(value) * Math.SQRT1_2);
    const tail =
      0.5 *
      t *
      (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
      gauss;
    const phi = value >= 0 ? 1 - tail : tail;
    y[index] = value * phi;
    slope[index] = phi + value * INVERSE_SQRT_2PI * gauss;
  }
}

registerLoop<'x', object>({ name: KERNEL, shapes: ({ x }) => [x.shape, x.shape], run: loop });
tf.registerGradient({
  kernelName: KERNEL,
  outputsToSave: [false, true],
  gradFunc: (dy, [slope]) => ({ x: () => tf.mul((dy as tf.Tensor[])[0], slope) }),
});

/** GELU of every element. */
export function gelu(x: tf.Tensor): tf.Tensor {
  if (hasLoops()) return runKernel<tf.Tensor[]>(KERNEL, { x })[0];
  return tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5));
}
