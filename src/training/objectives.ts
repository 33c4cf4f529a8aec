/** The two losses, as functions of log-probabilities. */
import { tf } from '../engine/engine.ts';

/**
 * Next-token prediction: the mean over tokens of -ln p.
 * @param logProbabilities `[sequences, time]`, nats
 */
export const nextTokenLoss = (logProbabilities: tf.Tensor): tf.Tensor => tf.neg(tf.mean(logProbabilities));

/**
 * DPO (arXiv 2305.18290, equation 7), batch mean:
 * -ln sigmoid(beta * ((chosen - reference of chosen) - (rejected - reference of rejected))).
 * Each argument is `[pairs]`: the *sum* of log-probabilities over a sequence, nats.
 */
export function dpoLoss(
  chosen: tf.Tensor,
  rejected: tf.Tensor,
  referenceChosen: tf.Tensor,
  referenceRejected: tf.Tensor,
  beta: number,
): tf.Tensor {
  const margin = tf.sub(tf.sub(chosen, referenceChosen), tf.sub(rejected, referenceRejected));
  // softplus(-x) is -ln sigmoid(x); tf.logSigmoid itself loses its input before the gradient is taken (4.22).
  return tf.mean(tf.softplus(tf.mul(margin, -beta)));
}
