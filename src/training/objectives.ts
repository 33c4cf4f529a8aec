/** The two losses, as functions of log-probabilities. */
import { tf } from '../engine/engine.ts';

/**
 * Next-token prediction: the mean over tokens of -ln p.
 * @param logProbabilities `[sequences, time]`, nats
 */
export const nextTokenLoss = (logProbabilities: tf.Tensor): tf.Scalar => tf.neg(tf.mean(logProbabilities));

/**
 * DPO (arXiv 2305.18290, equation 7), batch mean:
 * -ln sigmoid(beta * ((chosen - reference of chosen) - (rejected - reference of rejected))).
 * Each argument is `[pairs]`: the *sum* of log-probabilities over a sequence, nats.
 */
export function dpoLoss(
  chosen: tf.Tensor1D,
  rejected: tf.Tensor1D,
  referenceChosen: tf.Tensor1D,
  referenceRejected: tf.Tensor1D,
  beta: number,
): tf.Scalar {
  const margin = tf.sub(tf.sub(chosen, referenceChosen), tf.sub(rejected, referenceRejected));
  return tf.neg(tf.mean(tf.logSigmoid(tf.mul(margin, beta))));
}
