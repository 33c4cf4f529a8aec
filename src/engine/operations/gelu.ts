/** GELU, exact: x * Phi(x), Phi the standard normal distribution function (arXiv 1606.08415; GPT-NeoX uses this form). */
import { normalCdf } from '../../distributions.ts';
import { tf } from '../engine.ts';
import { type Arrays, hasKernel, registerLoop, runKernel } from '../loops.ts';
import { registerNative } from '../native/kernels.ts';
import { withScratch } from '../simd/kernels.ts';
import { keptBuffer, type WebgpuBackend } from '../webgpu/backend.ts';
import { gelu as geluShader } from '../webgpu/elementwise.ts';
import { groupsOf } from '../webgpu/shader.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/Gelu';
const BIASED = 'NegativeKnowledge/BiasGelu';
const BIASED_GRADIENT = 'NegativeKnowledge/BiasGeluGradient';

// Phi and phi are tabulated at nodes 1/32 apart and continued from the nearest node by their Taylor series, whose terms
// are all phi(node) times a polynomial. At |h| <= 1/64 the first left-out terms are below 2e-9: exact for float32, and
// several times faster than an exponential for every element.
const REACH = 6; // Phi(-6) is 1e-9
const NODES_PER_UNIT = 32;
const NODES = Float64Array.from(
  { length: 2 * REACH * NODES_PER_UNIT + 1 },
  (_, index) => index / NODES_PER_UNIT - REACH,
);
const DISTRIBUTION = NODES.map((node) => normalCdf(node, 0, 1));
const DENSITY = NODES.map((node) => Math.exp(-0.5 * node * node) / Math.sqrt(2 * Math.PI));

/** Fills `y` with GELU and `slope` with its derivative Phi(x) + x phi(x). */
function loop({ x }: Arrays<'x'>, [y, slope]: Float32Array[]): void {
  for (let index = 0; index < x.length; index++) {
    const value = x[index];
    if (!(Math.abs(value) < REACH)) {
      y[index] = value > 0 ? value : 0 * value; // 0 * value keeps NaN
      slope[index] = value > 0 ? 1 : 0 * value;
      continue;
    }
    const nearest = (value * NODES_PER_UNIT + REACH * NODES_PER_UNIT + 0.5) | 0;
    const node = NODES[nearest];
    const density = DENSITY[nearest];
    const h = value - node;
    const second = 0.5 * (node * node - 1);
    const third = (node * (3 - node * node)) / 6;
    const phi =
      DISTRIBUTION[nearest] + density * h * (1 + h * (-0.5 * node + h * (second * (1 / 3) + h * third * 0.25)));
    y[index] = value * phi;
    slope[index] = phi + value * density * (1 + h * (-node + h * (second + h * third)));
  }
}

const SHADER = geluShader(REACH, NODES_PER_UNIT);

/** A table in a GPU's memory. */
const tableOf = (backend: WebgpuBackend, name: string, values: Float64Array): GPUBuffer =>
  keptBuffer(backend, `GELU's ${name}`, GPUBufferUsage.STORAGE, () => Float32Array.from(values).buffer);

registerLoop<'x', object>({
  name: KERNEL,
  shapes: ({ x }) => [x.shape, x.shape],
  run: loop,
  gpu(run, { x }, outputs, _, shapes, backend) {
    const size = tf.util.sizeFromShape(shapes.x);
    const tables = [tableOf(backend, 'distribution', DISTRIBUTION), tableOf(backend, 'density', DENSITY)];
    run(SHADER, [x, ...tables], outputs, { size }, groupsOf(size));
  },
  simd(kernels, { x }, [y, slope], _, shapes, backend) {
    withScratch(backend, 12, (spare) => kernels.gelu(x, y, slope, tf.util.sizeFromShape(shapes.x), spare));
  },
});
tf.registerGradient({
  kernelName: KERNEL,
  outputsToSave: [false, true],
  gradFunc: (dy, [slope]) => ({ x: () => tf.mul((dy as tf.Tensor[])[0], slope) }),
});

registerNative<'x' | 'bias'>({ name: BIASED, inputs: ['x', 'bias'], outputs: 2 });
registerNative<'dy' | 'slope'>({ name: BIASED_GRADIENT, inputs: ['dy', 'slope'], outputs: 2 });

tf.registerGradient({
  kernelName: BIASED,
  outputsToSave: [false, true],
  gradFunc: (dy, [slope]) => {
    const [dx, dBias] = runKernel<tf.Tensor[]>(BIASED_GRADIENT, { dy: (dy as tf.Tensor[])[0], slope });
    return { x: () => dx, bias: () => dBias };
  },
});

/** GELU of every element of x, or of x + bias. */
export function gelu(x: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  if (hasKernel(BIASED)) {
    const columns = x.shape[x.rank - 1];
    if (x.rank !== 2) return tf.reshape(gelu(tf.reshape(x, [-1, columns]), bias), x.shape);
    return runKernel<tf.Tensor[]>(BIASED, { x, bias: bias ?? tf.zeros([columns]) })[0];
  }
  if (bias !== undefined) return gelu(tf.add(x, bias));
  if (hasKernel(KERNEL)) return runKernel<tf.Tensor[]>(KERNEL, { x })[0];
  return withGradient(
    [x],
    () => {
      const phi = tf.add(tf.mul(tf.erf(tf.mul(x, Math.SQRT1_2)), 0.5), 0.5);
      return { value: tf.mul(x, phi), saved: [x, phi] };
    },
    (dy, [x, phi]) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [tf.mul(dy, tf.add(phi, tf.mul(x, density)))];
    },
  );
}

/**
 * The tanh approximation of GELU (gelu_new, gelu_fast and gelu_pytorch_tanh of Hugging Face):
 * x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))).
 */
export function tanhGelu(product: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const x = bias === undefined ? product : tf.add(product, bias);
  const inner = tf.mul(tf.mul(x, Math.sqrt(2 / Math.PI)), tf.add(tf.mul(tf.mul(x, x), 0.044715), 1));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

/** x * sigmoid(1.702 x), quick_gelu of Hugging Face. */
export function quickGelu(product: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const x = bias === undefined ? product : tf.add(product, bias);
  return tf.mul(x, tf.sigmoid(tf.mul(x, 1.702)));
}

/** x * sigmoid(x), also called swish (arXiv 1702.03118). */
export function silu(product: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const x = bias === undefined ? product : tf.add(product, bias);
  return tf.mul(x, tf.sigmoid(x));
}
