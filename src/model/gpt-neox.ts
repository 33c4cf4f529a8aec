/**
 * GPT-NeoX (Black et al. 2022, arXiv 2204.06745), the architecture of Pythia: rotary embeddings on part of each head, and
 * in Pythia a parallel residual, exact GELU and untied embeddings. Written once for every engine.
 */
import { tf } from '../engine/engine.ts';
import { attention } from '../engine/operations/attention.ts';
import { embedding } from '../engine/operations/embedding.ts';
import { gelu, quickGelu, tanhGelu } from '../engine/operations/gelu.ts';
import { layerNorm } from '../engine/operations/layer-norm.ts';
import { biasedLinear, linear } from '../engine/operations/linear.ts';
import { residual } from '../engine/operations/residual.ts';
import { unembeddedLogProbability } from '../engine/operations/unembedding.ts';
import type { TokenBatch } from '../passwords/tokens.ts';
import type { Activation, Setup } from '../setup/schema.ts';
import type { Parameters } from './parameters.ts';

export type ModelShape = Setup['model'];

const ACTIVATE: Record<Activation, (x: tf.Tensor, bias?: tf.Tensor) => tf.Tensor> = {
  gelu,
  'gelu-tanh': tanhGelu,
  'quick-gelu': quickGelu,
};

/** Looks parameters up by name. @throws Error naming a parameter that is missing. */
function parameter(parameters: Parameters, name: string): tf.Tensor {
  const found = parameters.get(name);
  if (found === undefined) throw new Error(`the model's parameter ${name} is missing`);
  return found;
}

/** Looks up the two halves of a layer by the layer's name. */
function layersOf(parameters: Parameters, { layerNormEpsilon }: ModelShape) {
  const weightOf = (name: string) => parameter(parameters, `${name}.weight`);
  const biasOf = (name: string) => parameter(parameters, `${name}.bias`);
  return {
    weightOf,
    norm: (x: tf.Tensor, name: string) => layerNorm(x, weightOf(name), biasOf(name), layerNormEpsilon),
    dense: (x: tf.Tensor, name: string) => biasedLinear(x, weightOf(name), biasOf(name)),
  };
}

/**
 * The residual stream: what the embedding and then each block leave in it.
 * @param ids `[sequences * time]`, int32, sequence by sequence
 * @returns `layers + 1` tensors `[sequences * time, hidden]`
 */
export function residualStream(parameters: Parameters, model: ModelShape, ids: tf.Tensor1D, time: number): tf.Tensor[] {
  const { hidden, heads, layers, rotaryFraction, rotaryBase, parallelResidual, activation } = model;
  const rotary = (hidden / heads) * rotaryFraction;
  const { weightOf, norm, dense } = layersOf(parameters, model);

  let x = embedding(weightOf('gpt_neox.embed_in'), ids); // (N, hidden), N = sequences * time
  const stream = [x];
  for (let index = 0; index < layers; index++) {
    const block = `gpt_neox.layers.${index}`;
    const qkv = dense(norm(x, `${block}.input_layernorm`), `${block}.attention.query_key_value`); // (N, 3 * hidden)
    const mixed = attention(qkv.x, { time, heads, rotary, rotaryBase }, qkv.bias);
    const attended = dense(mixed, `${block}.attention.dense`);
    const read = parallelResidual ? x : residual(x, attended);
    const inner = dense(norm(read, `${block}.post_attention_layernorm`), `${block}.mlp.dense_h_to_4h`);
    const written = dense(ACTIVATE[activation](inner.x, inner.bias), `${block}.mlp.dense_4h_to_h`);
    x = parallelResidual ? residual(x, attended, written) : residual(read, written);
    stream.push(x);
  }
  return stream;
}

/**
 * Reads the residual stream as a distribution over the next token: final layer norm, then unembedding. After an
 * inner block this is the logit lens (nostalgebraist 2020).
 * @param x `[rows, hidden]`
 * @returns logits `[rows, vocabulary]`
 */
export function unembed(parameters: Parameters, model: ModelShape, x: tf.Tensor): tf.Tensor {
  const [normal, table] = unembedding(parameters, model, x);
  return linear(normal, table);
}

/** What is multiplied for the logits: the normalised stream, `[rows, hidden]`, and the table, `[hidden, vocabulary]`. */
function unembedding(parameters: Parameters, model: ModelShape, x: tf.Tensor): [tf.Tensor, tf.Tensor] {
  const { weightOf, norm } = layersOf(parameters, model);
  const table = model.tiedEmbeddings ? tf.transpose(weightOf('gpt_neox.embed_in')) : weightOf('embed_out');
  return [norm(x, 'gpt_neox.final_layer_norm'), table];
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
