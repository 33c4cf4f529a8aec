/**
 * The losses, as functions of log-probabilities. `r` below is the log-probability of a sequence under the policy minus that
 * under the reference, summed over its tokens.
 */
import { tf } from '../engine/engine.ts';
import type { Reward } from '../passwords/roles.ts';
import type { LossName } from '../recipe/recipe.ts';
import type { Objective, Setup } from '../setup/schema.ts';

/**
 * Next-token prediction: the mean over tokens of -ln p.
 * @param logProbabilities `[sequences, time]`, nats
 */
export const nextTokenLoss = (logProbabilities: tf.Tensor): tf.Tensor => tf.neg(tf.mean(logProbabilities));

/** -ln sigmoid(x). tf.logSigmoid itself loses its input before the gradient is taken (4.22). */
const minusLogSigmoid = (x: tf.Tensor): tf.Tensor => tf.softplus(tf.neg(x));

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
  return tf.mean(minusLogSigmoid(tf.mul(margin, beta)));
}

/** Sequences of one loss and reward. */
export interface Sequences {
  /** `[sequences, time]`, nats */
  readonly logP: tf.Tensor;
  /** `[sequences]`: the reference model's log-probabilities, summed over each sequence; nats. For objectives that read sums. */
  reference(): tf.Tensor;
  /** For objectives that read distributions. */
  distributions(): Distributions;
}

/** What is known of all tokens, each `[sequences * time, vocabulary]`. */
export interface Distributions {
  /** Log-probabilities, nats. */
  readonly policy: tf.Tensor;
  /** Log-probabilities, nats. */
  readonly reference: tf.Tensor;
  /** 1 at the token that came next, 0 elsewhere. */
  readonly next: tf.Tensor;
}

/** A loss of the sequences that a step has for it, which it takes by their reward. */
export type Formula = (of: (reward: Reward) => Sequences, constants: Pick<Setup, 'beta' | 'margin'>) => tf.Tensor;

const imitation: Formula = (of) => nextTokenLoss(of('imitated').logP);

/** `[sequences]`: summed over tokens. */
const summed = ({ logP }: Sequences): tf.Tensor => tf.sum(logP, 1);

/** `[sequences]`: r. */
const ratios = (sequences: Sequences): tf.Tensor => tf.sub(summed(sequences), sequences.reference());

/** `[sequences]`: r per token. */
const ratiosPerToken = (sequences: Sequences): tf.Tensor =>
  tf.div(ratios(sequences), sequences.logP.shape[1] as number);

/** The same number, which no gradient passes. */
const detached = (x: tf.Tensor): tf.Tensor =>
  tf.customGrad((value) => ({
    value: tf.clone(value as tf.Tensor),
    gradFunc: () => tf.zerosLike(value as tf.Tensor),
  }))(x);

/** Welleck et al.'s code keeps 1 - p above this, so that a token of probability 1 has a loss and no gradient. */
const LEAST_REST = 1e-5;

/** How each objective pushes the rejected sequences away. Batch means. */
const OBJECTIVE_FORMULAS: Readonly<Record<Objective, Formula>> = {
  dpo: (of, { beta }) => {
    const [chosen, rejected] = [of('chosen'), of('rejected')];
    return dpoLoss(summed(chosen), summed(rejected), chosen.reference(), rejected.reference(), beta);
  },
  /** The mean log-probability of a token: the limit of NPO for beta to 0 (arXiv 2404.05868), a token at a time. */
  'gradient-ascent': (of) => tf.mean(of('rejected').logP),
  /** NPO (arXiv 2404.05868, equation 3): -(2 / beta) ln sigmoid(-beta r). */
  npo: (of, { beta }) => tf.mul(tf.mean(minusLogSigmoid(tf.mul(ratios(of('rejected')), -beta))), 2 / beta),
  /** Unlikelihood (arXiv 1908.04319): the mean over tokens of -ln(1 - p). */
  unlikelihood: (of) => tf.neg(tf.mean(tf.log(tf.maximum(tf.sub(1, tf.exp(of('rejected').logP)), LEAST_REST)))),
  /** IPO (arXiv 2310.12036, equation 17), with r per token as in TRL: (r of chosen - r of rejected - 1 / (2 tau))^2. */
  ipo: (of, { beta: tau }) => {
    const margin = tf.sub(ratiosPerToken(of('chosen')), ratiosPerToken(of('rejected')));
    return tf.mean(tf.square(tf.sub(margin, 1 / (2 * tau))));
  },
  /**
   * KTO (arXiv 2402.01306, equation 7) with weights of 1: 1 - sigmoid(beta (r - z)) of the chosen and 1 - sigmoid(beta (z - r)) of the
   * rejected. z is the batch mean of r, at least 0, and passes no gradient. The prompt is one and the same token, so every
   * sequence is also a mismatched answer, by which the paper estimates z.
   */
  kto: (of, { beta }) => {
    const [chosen, rejected] = [ratios(of('chosen')), ratios(of('rejected'))];
    const z = detached(tf.relu(tf.div(tf.add(tf.mean(chosen), tf.mean(rejected)), 2))); // as many of each
    const lossOf = (advantage: tf.Tensor) => tf.mean(tf.sub(1, tf.sigmoid(tf.mul(advantage, beta))));
    return tf.div(tf.add(lossOf(tf.sub(chosen, z)), lossOf(tf.sub(z, rejected))), 2);
  },
  /** SimPO (arXiv 2405.14734, equation 6): -ln sigmoid(beta (mean of chosen - mean of rejected) - gamma), over tokens. */
  simpo: (of, { beta, margin }) => {
    const difference = tf.sub(tf.mean(of('chosen').logP, 1), tf.mean(of('rejected').logP, 1));
    return tf.mean(minusLogSigmoid(tf.sub(tf.mul(difference, beta), margin)));
  },
  /**
   * UNDIAL (arXiv 2402.10052): the mean over tokens of the cross-entropy to softmax(reference logits - beta at the token that
   * came next).
   */
  undial: (of, { beta }) => {
    const { policy, reference, next } = of('rejected').distributions();
    const lowered = tf.softmax(tf.sub(reference, tf.mul(next, beta)));
    return tf.neg(tf.mean(tf.sum(tf.mul(lowered, policy), 1)));
  },
};

/** How a loss is computed; that of the negatives is the objective's. */
export const formulaOf = (loss: LossName, objective: Objective): Formula =>
  loss === 'dpo' ? OBJECTIVE_FORMULAS[objective] : imitation;
