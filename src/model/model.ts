/** A model of any family: what is read off its residual stream. Training and scoring know this file, and no family. */
import { tf } from '../engine/engine.ts';
import { linear } from '../engine/operations/linear.ts';
import { unembeddedLogProbability } from '../engine/operations/unembedding.ts';
import type { TokenBatch } from '../passwords/tokens.ts';
import type { Family } from '../setup/schema.ts';
import { gptNeox } from './gpt-neox.ts';
import { llama } from './llama.ts';
import { type Parameters, parameter } from './parameters.ts';
import { type ModelShape, TABLES } from './specifications.ts';

export type { ModelShape } from './specifications.ts';

/** What a family of models computes in its own way. */
export interface Architecture {
  /** See {@link residualStream}. */
  residualStream(parameters: Parameters, model: ModelShape, ids: tf.Tensor1D, time: number): tf.Tensor[];
  /** The norm before the unembedding. @param x `[rows, hidden]` */
  finalNorm(parameters: Parameters, model: ModelShape, x: tf.Tensor): tf.Tensor;
}

const ARCHITECTURES: Readonly<Record<Family, Architecture>> = { 'gpt-neox': gptNeox, llama };

/**
 * The residual stream: what the embedding and then each block leave in it.
 * @param ids `[sequences * time]`, int32, sequence by sequence
 * @returns `layers + 1` tensors `[sequences * time, hidden]`
 */
export const residualStream = (
  parameters: Parameters,
  model: ModelShape,
  ids: tf.Tensor1D,
  time: number,
): tf.Tensor[] => ARCHITECTURES[model.family].residualStream(parameters, model, ids, time);

/** What is multiplied for the logits: the normalised stream, `[rows, hidden]`, and the table, `[hidden, vocabulary]`. */
function unembedding(parameters: Parameters, model: ModelShape, x: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const names = TABLES[model.family];
  const table = model.tiedEmbeddings
    ? tf.transpose(parameter(parameters, names.embedding))
    : parameter(parameters, names.unembedding);
  return [ARCHITECTURES[model.family].finalNorm(parameters, model, x), table];
}

/**
 * Reads the residual stream as a distribution over the next token: final norm, then unembedding. After an
 * inner block this is the logit lens (nostalgebraist 2020).
 * @param x `[rows, hidden]`
 * @returns logits `[rows, vocabulary]`
 */
export function unembed(parameters: Parameters, model: ModelShape, x: tf.Tensor): tf.Tensor {
  const [normal, table] = unembedding(parameters, model, x);
  return linear(normal, table);
}

/**
 * The model's forward pass.
 * @param ids `[sequences * time]`, int32, sequence by sequence
 * @returns logits `[sequences * time, vocabulary]`
 */
export function forward(parameters: Parameters, model: ModelShape, ids: tf.Tensor1D, time: number): tf.Tensor {
  const stream = residualStream(parameters, model, ids, time);
  return unembed(parameters, model, stream[stream.length - 1]);
}

/** Inputs are all but the last token of each sequence, labels all but the first. */
export function inputsAndLabels({ tokens, rows, length }: TokenBatch): { inputs: Int32Array; labels: Int32Array } {
  const time = length - 1;
  const inputs = new Int32Array(rows * time);
  const labels = new Int32Array(rows * time);
  for (let row = 0; row < rows; row++) {
    inputs.set(tokens.subarray(row * length, (row + 1) * length - 1), row * time);
    labels.set(tokens.subarray(row * length + 1, (row + 1) * length), row * time);
  }
  return { inputs, labels };
}

/**
 * Log-probability of every predicted token.
 * @param ids `[rows * time]`, int32
 * @param labels `[rows * time]`, int32
 * @returns `[rows, time]`, nats
 */
export function labelLogProbabilities(
  parameters: Parameters,
  model: ModelShape,
  ids: tf.Tensor1D,
  labels: tf.Tensor1D,
  time: number,
): tf.Tensor2D {
  const stream = residualStream(parameters, model, ids, time);
  const [normal, table] = unembedding(parameters, model, stream[stream.length - 1]);
  return tf.reshape(unembeddedLogProbability(normal, table, labels), [-1, time]);
}

/** The same of a batch. */
export function logProbabilities(parameters: Parameters, model: ModelShape, batch: TokenBatch): tf.Tensor2D {
  const { inputs, labels } = inputsAndLabels(batch);
  const [ids, next] = [tf.tensor1d(inputs, 'int32'), tf.tensor1d(labels, 'int32')];
  return labelLogProbabilities(parameters, model, ids, next, batch.length - 1);
}
