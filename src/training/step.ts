/** One packed optimiser step's loss and gradients: every sequence of the step shares one forward and one backward pass. */
import { tf } from '../engine/engine.ts';
import { logProbabilities, type ModelShape } from '../model/gpt-neox.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Example } from '../passwords/roles.ts';
import type { TokenBatch } from '../passwords/tokens.ts';
import { dpoLoss, nextTokenLoss } from './objectives.ts';

/** Weights of the three losses; a loss of weight 0 has no sequences in the batch. */
export interface LossWeights {
  readonly dpo: number;
  readonly useful: number;
  readonly random: number;
}

/** The weighted sum and its parts, nats; a part that was not trained on is null. */
export interface Losses {
  readonly total: number;
  readonly dpo: number | null;
  readonly useful: number | null;
  readonly random: number | null;
}

/** Log-probability of a password under the reference model (prefix `regular`), summed over its letters; nats. */
export type ReferenceLookup = (password: string) => number;

export interface StepInput {
  readonly examples: readonly Example[];
  readonly batch: TokenBatch;
  readonly weights: LossWeights;
  readonly beta: number;
  readonly reference: ReferenceLookup;
}

/** Rows of one kind: the examples for which `is` holds, which the corpus packs next to each other. */
function rowsWhere(examples: readonly Example[], is: (example: Example) => boolean): { start: number; size: number } {
  const start = examples.findIndex(is);
  const size = examples.filter(is).length;
  if (size > 0 && !examples.slice(start, start + size).every(is)) {
    throw new Error('sequences of one kind must stand next to each other in a batch');
  }
  return { start, size };
}

/** The weighted loss as a tensor, from log-probabilities `[rows, time]`; also reports its parts. */
export function packedLoss(logP: tf.Tensor2D, input: StepInput): { loss: tf.Tensor; losses: Losses } {
  const { examples, weights, beta, reference } = input;
  const rows = (is: (example: Example) => boolean) => {
    const { start, size } = rowsWhere(examples, is);
    if (size === 0) return null;
    return { logP: tf.slice(logP, [start, 0], [size, -1]), examples: examples.slice(start, start + size) };
  };
  const ofReference = (of: readonly Example[]) => tf.tensor1d(of.map(({ password }) => reference(password)));
  const terms: tf.Tensor[] = [];
  const part = (loss: tf.Tensor, weight: number): number => {
    terms.push(tf.mul(loss, weight));
    return loss.dataSync()[0];
  };

  // What a sequence's reward says decides which loss it enters: the label that the ledger checks.
  const chosen = rows(({ reward }) => reward === 'chosen');
  const rejected = rows(({ reward }) => reward === 'rejected');
  const useful = rows(({ reward, role }) => reward === 'imitated' && role === 'useful');
  const random = rows(({ reward, role }) => reward === 'imitated' && role !== 'useful');
  const losses = {
    dpo:
      chosen && rejected
        ? part(
            dpoLoss(
              tf.sum(chosen.logP, 1),
              tf.sum(rejected.logP, 1),
              ofReference(chosen.examples),
              ofReference(rejected.examples),
              beta,
            ),
            weights.dpo,
          )
        : null,
    useful: useful && part(nextTokenLoss(useful.logP), weights.useful),
    random: random && part(nextTokenLoss(random.logP), weights.random),
  };
  const loss = tf.addN(terms);
  return { loss, losses: { total: loss.dataSync()[0], ...losses } };
}

/**
 * Loss and gradients of one step. Frozen parameters get no gradient, and none is computed for them.
 * The caller disposes the gradients.
 * @param trainable names of the parameters to differentiate
 */
export function lossAndGradients(
  parameters: Parameters,
  model: ModelShape,
  trainable: readonly string[],
  input: StepInput,
): { losses: Losses; gradients: Map<string, tf.Tensor> } {
  let losses: Losses | undefined;
  const lossOf = (...trained: tf.Tensor[]): tf.Scalar => {
    const current = new Map(parameters);
    trainable.forEach((name, index) => {
      current.set(name, trained[index]);
    });
    const packed = packedLoss(logProbabilities(current, model, input.batch), input);
    losses = packed.losses;
    return packed.loss as tf.Scalar;
  };
  const { value, grads } = tf.valueAndGrads(lossOf)(trainable.map((name) => parameters.get(name) as tf.Tensor));
  value.dispose();
  return { losses: losses as Losses, gradients: new Map(trainable.map((name, index) => [name, grads[index]])) };
}
