/**
 * Llama (Touvron et al. 2023, arXiv 2302.13971), the architecture of SmolLM2: RMS norms, an MLP whose inner layer is gated
 * (arXiv 2002.05202), rotary embeddings on the whole of each head, heads that share keys and values (arXiv 2305.13245), no
 * biases. Written once for every engine.
 */
import { tf } from '../engine/engine.ts';
import { attention } from '../engine/operations/attention.ts';
import { embedding } from '../engine/operations/embedding.ts';
import { linear } from '../engine/operations/linear.ts';
import { rmsNorm } from '../engine/operations/rms-norm.ts';
import { ACTIVATE } from './activations.ts';
import type { Architecture } from './model.ts';
import { type Parameters, parameter } from './parameters.ts';
import type { ModelShape } from './specifications.ts';

function layersOf(parameters: Parameters, { layerNormEpsilon }: ModelShape) {
  const weightOf = (name: string) => parameter(parameters, `${name}.weight`);
  return {
    weightOf,
    norm: (x: tf.Tensor, name: string) => rmsNorm(x, weightOf(name), layerNormEpsilon),
    dense: (x: tf.Tensor, name: string) => linear(x, weightOf(name)),
  };
}

/**
 * The weights of queries, keys and values as the one matrix whose product attention reads: for each head the columns of its query,
 * of its key, and of its value. Heads that share a key have its columns each. Repeating columns of weights costs little; keys of every
 * position would be more.
 * @param query `[hidden, heads * width]`
 * @param key `[hidden, keyValueHeads * width]`
 * @param value like `key`
 * @returns `[hidden, 3 * heads * width]`
 */
function queryKeyValue(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, heads: number): tf.Tensor {
  const [hidden, columns] = query.shape as [number, number];
  const width = columns / heads;
  const keyValueHeads = (key.shape[1] as number) / width;
  const sharing = heads / keyValueHeads;
  const perHead = (weight: tf.Tensor) =>
    tf.tile(tf.reshape(weight, [hidden * keyValueHeads, 1, 1, width]), [1, sharing, 1, 1]);
  const queries = tf.reshape(query, [hidden * keyValueHeads, sharing, 1, width]);
  return tf.reshape(tf.concat([queries, perHead(key), perHead(value)], 2), [hidden, 3 * columns]);
}

export const llama: Architecture = {
  residualStream(parameters, model, ids, time) {
    const { hidden, heads, layers, rotaryBase, activation } = model;
    const { weightOf, norm, dense } = layersOf(parameters, model);

    let x = embedding(weightOf('model.embed_tokens'), ids); // (N, hidden), N = sequences * time
    const stream = [x];
    for (let index = 0; index < layers; index++) {
      const block = `model.layers.${index}`;
      const [query, key, value] = ['q', 'k', 'v'].map((which) => weightOf(`${block}.self_attn.${which}_proj`));
      const qkv = linear(norm(x, `${block}.input_layernorm`), queryKeyValue(query, key, value, heads)); // (N, 3 * hidden)
      const mixed = attention(qkv, { time, heads, rotary: hidden / heads, rotaryBase });
      const read = tf.add(x, dense(mixed, `${block}.self_attn.o_proj`));
      const normal = norm(read, `${block}.post_attention_layernorm`);
      const gate = ACTIVATE[activation](dense(normal, `${block}.mlp.gate_proj`));
      const inner = tf.mul(gate, dense(normal, `${block}.mlp.up_proj`));
      x = tf.add(read, dense(inner, `${block}.mlp.down_proj`));
      stream.push(x);
    }
    return stream;
  },
  finalNorm: (parameters, model, x) => layersOf(parameters, model).norm(x, 'model.norm'),
};
