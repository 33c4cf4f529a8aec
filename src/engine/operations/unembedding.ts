/**
 * Log-probabilities of the tokens that came next, from what a model reads its logits off. On a GPU the logits of a large vocabulary
 * are never there all at once: they are computed a part of the vocabulary at a time, and once more for the gradient.
 */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import { hasKernel, registerGpu, runKernel } from '../loops.ts';
import type { WebgpuBackend } from '../webgpu/backend.ts';
import { productOf } from '../webgpu/product.ts';
import { groupsOf, inRows, type RunShader } from '../webgpu/shader.ts';
import { LOGIT_GRADIENT, LOGIT_SUMS } from '../webgpu/unembedding.ts';
import { linear } from './linear.ts';
import { tokenLogProbability } from './token-log-probability.ts';

const KERNEL = 'NegativeKnowledge/UnembeddedLogProbability';
const GRADIENT_OF_X = 'NegativeKnowledge/UnembeddedLogProbabilityGradientOfX';
const GRADIENT_OF_TABLE = 'NegativeKnowledge/UnembeddedLogProbabilityGradientOfTable';

/** Logits that are there at once, at most: 64 MiB of them. */
const AT_ONCE = 2 ** 24;

interface Parts {
  /** Logits at once, at most. */
  readonly atOnce: number;
}

/** Calls `body` with the logits of one part of the vocabulary after the other. Parts are fours of tokens. */
function inParts(
  run: RunShader,
  backend: WebgpuBackend,
  x: TensorInfo,
  table: TensorInfo,
  { atOnce }: Parts,
  body: (logits: TensorInfo, part: { begin: number; width: number; first: boolean; last: boolean }) => void,
): void {
  const [[rows, inner], [, vocabulary]] = [x.shape, table.shape];
  const most = Math.max(4, 4 * Math.floor(atOnce / rows / 4));
  for (let begin = 0; begin < vocabulary; begin += most) {
    const width = Math.min(most, vocabulary - begin);
    const logits = backend.makeTensorInfo([rows, width], 'float32');
    const sizes = { rows, inner, columns: width };
    const { shader, numbers, groups } = productOf('plain', sizes, null, { stride: vocabulary, begin });
    run(shader, [x, table], [logits], numbers, groups);
    body(logits, { begin, width, first: begin === 0, last: begin + width === vocabulary });
    backend.disposeData(logits.dataId);
  }
}

registerGpu<'x' | 'table' | 'labels', Parts>({
  name: KERNEL,
  // The second output keeps each row's log of the sum of exponentials for the gradient; the third is a sum on the way to it.
  shapes: ({ labels }) => [labels.shape, labels.shape, labels.shape],
  gpu(run, { x, table, labels }, outputs, parts, { x: [rows] }, backend) {
    inParts(run, backend, x, table, parts, (logits, { begin, width, first, last }) => {
      const numbers = { rows, width, begin, first: Number(first), last: Number(last) };
      run(LOGIT_SUMS, [logits, labels], outputs, numbers, inRows(rows));
    });
  },
});

/** Turns logits into their gradients, in their place. */
function toGradients(
  run: RunShader,
  logits: TensorInfo,
  { dy, labels, logSum }: Record<'dy' | 'labels' | 'logSum', TensorInfo>,
  begin: number,
): void {
  const [rows, width] = logits.shape;
  const size = rows * width;
  run(LOGIT_GRADIENT, [dy, labels, logSum], [logits], { size, width, begin }, groupsOf(size));
}

registerGpu<'dy' | 'x' | 'table' | 'labels' | 'logSum', Parts>({
  name: GRADIENT_OF_X,
  shapes: ({ x }) => [x.shape],
  gpu(run, { x, table, ...upstream }, [dx], parts, { x: [rows, columns], table: [, stride] }, backend) {
    inParts(run, backend, x, table, parts, (logits, { begin, width, first }) => {
      toGradients(run, logits, upstream, begin);
      const sizes = { rows, inner: width, columns };
      const { shader, numbers, groups } = productOf('right transposed', sizes, first ? null : 'added', {
        stride,
        begin,
      });
      run(shader, [logits, table], [dx], numbers, groups);
    });
  },
});

registerGpu<'dy' | 'x' | 'table' | 'labels' | 'logSum', Parts>({
  name: GRADIENT_OF_TABLE,
  shapes: ({ table }) => [table.shape],
  gpu(run, { x, table, ...upstream }, [dTable], parts, { x: [inner, rows], table: [, stride] }, backend) {
    inParts(run, backend, x, table, parts, (logits, { begin, width }) => {
      toGradients(run, logits, upstream, begin);
      const right = { stride: width, begin: 0 };
      const { shader, numbers, groups } = productOf('left transposed', { rows, inner, columns: width }, null, right, {
        stride,
        begin,
      });
      run(shader, [x, logits], [dTable], numbers, groups);
    });
  },
});

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['x', 'table', 'labels'],
  outputsToSave: [false, true, false],
  gradFunc: (upstream, [x, table, labels, logSum], attributes) => {
    const given = { dy: (upstream as tf.Tensor[])[0], x, table, labels, logSum };
    return {
      x: () => runKernel<tf.Tensor>(GRADIENT_OF_X, given, attributes),
      table: () => runKernel<tf.Tensor>(GRADIENT_OF_TABLE, given, attributes),
    };
  },
});

/**
 * ln softmax(x table)[label] of each row.
 * @param x `[rows, width]`
 * @param table `[width, vocabulary]`
 * @param labels `[rows]`, int32
 * @param atOnce logits that an engine which takes them in parts has at once, at most
 * @returns `[rows]`, nats
 */
export function unembeddedLogProbability(
  x: tf.Tensor,
  table: tf.Tensor,
  labels: tf.Tensor1D,
  atOnce = AT_ONCE,
): tf.Tensor1D {
  const logits = x.shape[0] * (table.shape[1] as number);
  if (!hasKernel(KERNEL) || logits <= atOnce) return tokenLogProbability(linear(x, table), labels);
  return runKernel<tf.Tensor[]>(KERNEL, { x, table, labels }, { atOnce })[0] as tf.Tensor1D;
}
