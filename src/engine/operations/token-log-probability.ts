/** ln softmax(logits)[label] of each row: the log-probability of the token that came next. */
import { tf } from '../engine.ts';
import { exponential } from '../exponential.ts';
import { hasLoops, registerLoop, runKernel } from '../loops.ts';
import { withGradient } from './with-gradient.ts';

const KERNEL = 'NegativeKnowledge/TokenLogProbability';
const GRADIENT = 'NegativeKnowledge/TokenLogProbabilityGradient';

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
 * @param logits `[rows, vocabulary]`
 * @param labels `[rows]`, int32
 * @returns `[rows]`, nats
 */
export function tokenLogProbability(logits: tf.Tensor, labels: tf.Tensor1D): tf.Tensor1D {
  if (hasLoops()) return runKernel<tf.Tensor[]>(KERNEL, { logits, labels })[0] as tf.Tensor1D;
  return withGradient(
    [logits],
    () => {
      const label = tf.oneHot(labels, logits.shape[1] as number);
      const logP = tf.logSoftmax(logits);
      return { value: tf.sum(tf.mul(logP, label), -1), saved: [logP, label] };
    },
    (dy, [logP, label]) => [tf.mul(tf.reshape(dy, [-1, 1]), tf.sub(label, tf.exp(logP)))],
  ) as tf.Tensor1D;
}
