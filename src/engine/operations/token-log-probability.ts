/** ln softmax(logits)[label] of each row: the log-probability of the token that came next. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import { exponential } from '../exponential.ts';
import { hasKernel, registerLoop, runKernel } from '../loops.ts';
import { integerAttribute, nativeBackend, typeAttribute, usesGpu } from '../native/backend.ts';
import { registerNative } from '../native/kernels.ts';
import { integersAt, numbersAt } from '../simd/kernels.ts';
import { TOKEN_LOG_PROBABILITY, TOKEN_LOG_PROBABILITY_GRADIENT } from '../webgpu/elementwise.ts';
import { groupsOf, inRows } from '../webgpu/shader.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/TokenLogProbability';
const GRADIENT = 'NegativeKnowledge/TokenLogProbabilityGradient';
const CROSS_ENTROPY = 'NegativeKnowledge/CrossEntropy';

registerLoop<'logits' | 'labels', object>({
  name: KERNEL,
  // The second output keeps each row's log of the sum of exponentials for the gradient.
  shapes: ({ labels }) => [labels.shape, labels.shape],
  run({ logits, labels }, [logProbability, logSum], _, { logits: [rows, vocabulary] }) {
    for (let row = 0; row < rows; row++) {
      const start = row * vocabulary;
      let largest = Number.NEGATIVE_INFINITY;
      for (let token = 0; token < vocabulary; token++) largest = Math.max(largest, logits[start + token]);
      let sum = 0;
      for (let token = 0; token < vocabulary; token++) sum += exponential(logits[start + token] - largest);
      const normaliser = largest + Math.log(sum);
      logProbability[row] = logits[start + labels[row]] - normaliser;
      logSum[row] = normaliser;
    }
  },
  simd(kernels, { logits, labels }, outputs, _, { logits: [rows, vocabulary] }, backend) {
    kernels.exponentialSums(logits, outputs[0], outputs[1], rows, vocabulary);
    // First these are each row's largest logit and sum.
    const [logProbability, logSum] = outputs.map((at) => numbersAt(backend, at, rows));
    const all = numbersAt(backend, logits, rows * vocabulary);
    const next = integersAt(backend, labels, rows);
    for (let row = 0; row < rows; row++) {
      const normaliser = logProbability[row] + Math.log(logSum[row]);
      logProbability[row] = all[row * vocabulary + next[row]] - normaliser;
      logSum[row] = normaliser;
    }
  },
  gpu(run, { logits, labels }, outputs, _, { logits: [rows, vocabulary] }) {
    run(TOKEN_LOG_PROBABILITY, [logits, labels], outputs, { rows, vocabulary }, inRows(rows));
  },
});

registerLoop<'dy' | 'logits' | 'labels' | 'logSum', object>({
  name: GRADIENT,
  shapes: ({ logits }) => [logits.shape],
  run({ dy, logits, labels, logSum }, [dLogits], _, { logits: [rows, vocabulary] }) {
    for (let row = 0; row < rows; row++) {
      const start = row * vocabulary;
      const upstream = dy[row];
      for (let token = 0; token < vocabulary; token++) {
        dLogits[start + token] = -upstream * exponential(logits[start + token] - logSum[row]);
      }
      dLogits[start + labels[row]] += upstream;
    }
  },
  simd(kernels, { dy, logits, labels, logSum }, [dLogits], _, { logits: [rows, vocabulary] }) {
    kernels.tokenLogProbabilityGradient(dy, logits, labels, logSum, dLogits, rows, vocabulary);
  },
  gpu(run, { dy, logits, labels, logSum }, outputs, _, { logits: [rows, vocabulary] }) {
    const size = rows * vocabulary;
    run(TOKEN_LOG_PROBABILITY_GRADIENT, [dy, logits, labels, logSum], outputs, { size, vocabulary }, groupsOf(size));
  },
});

registerNative<'logits' | 'labels'>({ name: KERNEL, inputs: ['logits', 'labels'], outputs: 2 });
registerNative<'dy' | 'logits' | 'labels' | 'logSum'>({
  name: GRADIENT,
  inputs: ['dy', 'logits', 'labels', 'logSum'],
  outputs: 1,
});

// TensorFlow's kernel for both: the loss of each row, and its derivative with respect to the logits.
tf.registerKernel({
  kernelName: CROSS_ENTROPY,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs }) => {
    const { logits, labels } = inputs as Record<'logits' | 'labels', TensorInfo>;
    const attributes = [typeAttribute('T', 'TF_FLOAT'), typeAttribute('Tlabels', 'TF_INT32')];
    return nativeBackend().executeMultipleOutputs(
      'SparseSoftmaxCrossEntropyWithLogits',
      attributes,
      [logits, labels],
      2,
    );
  },
});

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['logits', 'labels'],
  outputsToSave: [false, true],
  gradFunc: (dy, [logits, labels, logSum]) => ({
    logits: () => runKernel<tf.Tensor>(GRADIENT, { dy: (dy as tf.Tensor[])[0], logits, labels, logSum }),
  }),
});

/**
 * The loss of each row and its derivative, like TensorFlow's kernel for both. That one adds up in another order each time
 * on a GPU, and refuses to where equal bits are asked for.
 */
export function composedCrossEntropy(logits: tf.Tensor, labels: tf.Tensor1D): tf.Tensor[] {
  const backend = nativeBackend();
  const logProbabilities = backend.executeSingleOutput('LogSoftmax', [typeAttribute('T', 'TF_FLOAT')], [logits]);
  const ofLabels = backend.executeSingleOutput(
    'GatherV2',
    [
      typeAttribute('Tparams', 'TF_FLOAT'),
      typeAttribute('Tindices', 'TF_INT32'),
      typeAttribute('Taxis', 'TF_INT32'),
      integerAttribute('batch_dims', 1),
    ],
    [logProbabilities, labels, tf.scalar(1, 'int32')],
  );
  const actual = tf.oneHot(labels, logits.shape[1] as number, 1, 0, 'float32');
  return [tf.neg(ofLabels), tf.sub(tf.exp(logProbabilities), actual)];
}

/**
 * @param logits `[rows, vocabulary]`
 * @param labels `[rows]`, int32
 * @returns `[rows]`, nats
 */
export function tokenLogProbability(logits: tf.Tensor, labels: tf.Tensor1D): tf.Tensor1D {
  if (hasKernel(KERNEL)) return runKernel<tf.Tensor[]>(KERNEL, { logits, labels })[0] as tf.Tensor1D;
  return withGradient(
    [logits],
    () => {
      const [loss, slope] = usesGpu()
        ? composedCrossEntropy(logits, labels)
        : runKernel<tf.Tensor[]>(CROSS_ENTROPY, { logits, labels });
      return { value: tf.neg(loss), saved: [slope] };
    },
    (dy, [slope]) => [tf.mul(tf.reshape(tf.neg(dy), [-1, 1]), slope)],
  ) as tf.Tensor1D;
}
