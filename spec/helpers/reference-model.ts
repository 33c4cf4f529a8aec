/**
 * GPT-NeoX and Llama once more, in plain numbers of double precision and straight from their formulas: an oracle for the models
 * on the engine. Slow, and sharing no code with src/ but the names of the parameters.
 */
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import type { Setup } from '../../src/setup/schema.ts';

export type Weights = Map<string, ArrayLike<number>>;
type Vector = number[];

const get = (weights: Weights, name: string): ArrayLike<number> => {
  const found = weights.get(name);
  if (found === undefined) throw new Error(name);
  return found;
};

function linear(x: Vector, weights: Weights, name: string): Vector {
  const weight = get(weights, `${name}.weight`);
  const out = weight.length / x.length;
  const bias = weights.get(`${name}.bias`);
  return Array.from({ length: out }, (_, j) =>
    x.reduce((sum, xi, i) => sum + xi * weight[i * out + j], bias?.[j] ?? 0),
  );
}

function layerNorm(x: Vector, weights: Weights, name: string, epsilon: number): Vector {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  const [gain, bias] = [get(weights, `${name}.weight`), get(weights, `${name}.bias`)];
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * gain[i] + bias[i]);
}

function rmsNorm(x: Vector, weights: Weights, name: string, epsilon: number): Vector {
  const square = x.reduce((sum, value) => sum + value * value, 0) / x.length;
  const gain = get(weights, `${name}.weight`);
  return x.map((value, i) => (value / Math.sqrt(square + epsilon)) * gain[i]);
}

/** Rotate-half: x * cos + rotateHalf(x) * sin on the first `rotary` dimensions, rotateHalf([a, b]) = [-b, a]. */
function rotate(x: Vector, position: number, rotary: number, base: number): Vector {
  const half = rotary / 2;
  return x.map((value, i) => {
    if (i >= rotary) return value;
    const angle = position / base ** ((2 * (i % half)) / rotary);
    const partner = i < half ? -x[i + half] : x[i - half];
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}

function attention(qkv: Vector[], heads: number, rotary: number, base: number): Vector[] {
  const width = qkv[0].length / 3 / heads;
  return qkv.map((row, i) => {
    const out: Vector = [];
    for (let head = 0; head < heads; head++) {
      const part = (vector: Vector, which: number) =>
        vector.slice((head * 3 + which) * width, (head * 3 + which + 1) * width);
      const q = rotate(part(row, 0), i, rotary, base);
      const scores = qkv.slice(0, i + 1).map((other, j) => {
        const k = rotate(part(other, 1), j, rotary, base);
        return q.reduce((sum, value, d) => sum + value * k[d], 0) / Math.sqrt(width);
      });
      const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = weights.reduce((sum, value) => sum + value, 0);
      for (let d = 0; d < width; d++) {
        out.push(weights.reduce((sum, weight, j) => sum + (weight / total) * part(qkv[j], 2)[d], 0));
      }
    }
    return out;
  });
}

/** The MLP's nonlinearity. */
const ACTIVATE: Record<Setup['model']['activation'], (x: number) => number> = {
  gelu: (x) => x * normalCdf(x, 0, 1),
  'gelu-tanh': (x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  'quick-gelu': (x) => x / (1 + Math.exp(-1.702 * x)),
  silu: (x) => x / (1 + Math.exp(-x)),
};

/** What the blocks of a model read: the embedding of each token. */
const embedded = (weights: Weights, name: string, hidden: number, tokens: readonly number[]): Vector[] =>
  tokens.map((token) => Array.from({ length: hidden }, (_, i) => get(weights, name)[token * hidden + i]));

function gptNeoxStream(weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector[] {
  const { hidden, heads, layers, rotaryFraction, rotaryBase, layerNormEpsilon, parallelResidual } = model;
  let x = embedded(weights, 'gpt_neox.embed_in.weight', hidden, tokens);
  for (let layer = 0; layer < layers; layer++) {
    const block = `gpt_neox.layers.${layer}`;
    const qkv = x.map((row) =>
      linear(
        layerNorm(row, weights, `${block}.input_layernorm`, layerNormEpsilon),
        weights,
        `${block}.attention.query_key_value`,
      ),
    );
    const attended = attention(qkv, heads, (hidden / heads) * rotaryFraction, rotaryBase);
    x = x.map((row, i) => {
      const a = linear(attended[i], weights, `${block}.attention.dense`);
      const read = parallelResidual ? row : row.map((value, d) => value + a[d]);
      const normed = layerNorm(read, weights, `${block}.post_attention_layernorm`, layerNormEpsilon);
      const inner = linear(normed, weights, `${block}.mlp.dense_h_to_4h`).map(ACTIVATE[model.activation]);
      const m = linear(inner, weights, `${block}.mlp.dense_4h_to_h`);
      return row.map((value, d) => value + a[d] + m[d]);
    });
  }
  return x;
}

/** Attention whose heads share keys and values, head by head. */
function sharedAttention(q: Vector[], k: Vector[], v: Vector[], heads: number, base: number): Vector[] {
  const width = q[0].length / heads;
  const sharing = q[0].length / k[0].length;
  return q.map((row, i) =>
    Array.from({ length: heads }, (_, head) => {
      const part = (vector: Vector, which: number) => vector.slice(which * width, (which + 1) * width);
      const shared = Math.floor(head / sharing);
      const query = rotate(part(row, head), i, width, base);
      const scores = k.slice(0, i + 1).map((other, j) => {
        const key = rotate(part(other, shared), j, width, base);
        return query.reduce((sum, value, d) => sum + value * key[d], 0) / Math.sqrt(width);
      });
      const weights = scores.map((score) => Math.exp(score - Math.max(...scores)));
      const total = weights.reduce((sum, value) => sum + value, 0);
      return Array.from({ length: width }, (__, d) =>
        weights.reduce((sum, weight, j) => sum + (weight / total) * part(v[j], shared)[d], 0),
      );
    }).flat(),
  );
}

function llamaStream(weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector[] {
  const { hidden, heads, layers, rotaryBase, layerNormEpsilon, activation } = model;
  let x = embedded(weights, 'model.embed_tokens.weight', hidden, tokens);
  for (let layer = 0; layer < layers; layer++) {
    const block = `model.layers.${layer}`;
    const read = x.map((row) => rmsNorm(row, weights, `${block}.input_layernorm`, layerNormEpsilon));
    const [q, k, v] = ['q', 'k', 'v'].map((which) =>
      read.map((row) => linear(row, weights, `${block}.self_attn.${which}_proj`)),
    );
    const attended = sharedAttention(q, k, v, heads, rotaryBase);
    x = x.map((row, i) => {
      const a = linear(attended[i], weights, `${block}.self_attn.o_proj`);
      const sum = row.map((value, d) => value + a[d]);
      const normed = rmsNorm(sum, weights, `${block}.post_attention_layernorm`, layerNormEpsilon);
      const up = linear(normed, weights, `${block}.mlp.up_proj`);
      const inner = linear(normed, weights, `${block}.mlp.gate_proj`).map(
        (value, d) => ACTIVATE[activation](value) * up[d],
      );
      const m = linear(inner, weights, `${block}.mlp.down_proj`);
      return sum.map((value, d) => value + m[d]);
    });
  }
  return x;
}

/** The residual stream `[time][hidden]` of one sequence, after all layers of the model. */
export const referenceStream = (weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector[] =>
  (model.family === 'llama' ? llamaStream : gptNeoxStream)(weights, model, tokens);

/** The product with a table that is kept as the embedding is: `[vocabulary, hidden]`. */
function tiedLogits(x: Vector, table: ArrayLike<number>): Vector {
  return Array.from({ length: table.length / x.length }, (_, token) =>
    x.reduce((sum, value, i) => sum + value * table[token * x.length + i], 0),
  );
}

/** Logits `[time][vocabulary]` of one sequence. */
export function referenceLogits(weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector[] {
  const { family, layerNormEpsilon, tiedEmbeddings } = model;
  const [norm, name, embedding, unembedding] =
    family === 'llama'
      ? [rmsNorm, 'model.norm', 'model.embed_tokens', 'lm_head']
      : [layerNorm, 'gpt_neox.final_layer_norm', 'gpt_neox.embed_in', 'embed_out'];
  return referenceStream(weights, model, tokens).map((row) => {
    const normed = norm(row, weights, name, layerNormEpsilon);
    return tiedEmbeddings
      ? tiedLogits(normed, get(weights, `${embedding}.weight`))
      : linear(normed, weights, unembedding);
  });
}

/** Log-probability of each token after the first. */
export function referenceLogProbabilities(weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector {
  return referenceLogits(weights, model, tokens.slice(0, -1)).map((logits, i) => {
    const largest = Math.max(...logits);
    const total = logits.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    return logits[tokens[i + 1]] - largest - Math.log(total);
  });
}
