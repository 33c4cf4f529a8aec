/**
 * GPT-NeoX (Black et al. 2022, arXiv 2204.06745), the architecture of Pythia: rotary embeddings on part of each head, and
 * in Pythia a parallel residual, exact GELU and untied embeddings. Written once for every engine.
 */
import type { tf } from '../engine/engine.ts';
import { attention } from '../engine/operations/attention.ts';
import { embedding } from '../engine/operations/embedding.ts';
import { layerNorm } from '../engine/operations/layer-norm.ts';
import { biasedLinear } from '../engine/operations/linear.ts';
import { residual } from '../engine/operations/residual.ts';
import { ACTIVATE } from './activations.ts';
import type { Architecture } from './model.ts';
import { type Parameters, parameter } from './parameters.ts';
import type { ModelShape } from './specifications.ts';

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

export const gptNeox: Architecture = {
  residualStream(parameters, model, ids, time) {
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
  },
  finalNorm: (parameters, model, x) => layersOf(parameters, model).norm(x, 'gpt_neox.final_layer_norm'),
};
