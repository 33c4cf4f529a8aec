/** The losses, as functions of log-probabilities. */
import { tf } from '../engine/engine.ts';
import type { Reward } from '../passwords/roles.ts';
import type { PerLoss } from '../recipe/recipe.ts';

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

/** Sequences of one loss and reward. */
export interface Sequences {
  /** `[sequences, time]`, nats */
  readonly logP: tf.Tensor;
  /** `[sequences]`: the reference model's log-probabilities of pairs, summed over each sequence; nats. */
  reference(): tf.Tensor;
}

/** A loss of the sequences that a step has for it, which it takes by their reward. */
export type Formula = (of: (reward: Reward) => Sequences, beta: number) => tf.Tensor;

const imitation: Formula = (of) => nextTokenLoss(of('imitated').logP);

/** How each loss is computed. */
export const FORMULAS: PerLoss<Formula> = {
  dpo: (of, beta) => {
    const [chosen, rejected] = [of('chosen'), of('rejected')];
    return dpoLoss(tf.sum(chosen.logP, 1), tf.sum(rejected.logP, 1), chosen.reference(), rejected.reference(), beta);
  },
  useful: imitation,
  random: imitation,
  randomReverse: imitation,
};
