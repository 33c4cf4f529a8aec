/**
 * GPT-NeoX once more, in plain numbers of double precision and straight from its formulas: an oracle for the model on
 * the engine. Slow, and sharing no code with src/ but the names of the parameters.
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

/** The residual stream `[time][hidden]` of one sequence, after all layers of the model. */
export function referenceStream(weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector[] {
  const { hidden, heads, layers, rotaryFraction, rotaryBase, layerNormEpsilon } = model;
  const embedding = get(weights, 'gpt_neox.embed_in.weight');
  let x = tokens.map((token) => Array.from({ length: hidden }, (_, i) => embedding[token * hidden + i]));
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
      const normed = layerNorm(row, weights, `${block}.post_attention_layernorm`, layerNormEpsilon);
      const inner = linear(normed, weights, `${block}.mlp.dense_h_to_4h`).map(
        (value) => value * normalCdf(value, 0, 1),
      );
      const m = linear(inner, weights, `${block}.mlp.dense_4h_to_h`);
      return row.map((value, d) => value + a[d] + m[d]);
    });
  }
  return x;
}

/** Logits `[time][vocabulary]` of one sequence. */
export const referenceLogits = (weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector[] =>
  referenceStream(weights, model, tokens).map((row) =>
    linear(layerNorm(row, weights, 'gpt_neox.final_layer_norm', model.layerNormEpsilon), weights, 'embed_out'),
  );

/** Log-probability of each token after the first. */
export function referenceLogProbabilities(weights: Weights, model: Setup['model'], tokens: readonly number[]): Vector {
  return referenceLogits(weights, model, tokens.slice(0, -1)).map((logits, i) => {
    const largest = Math.max(...logits);
    const total = logits.reduce((sum, value) => sum + Math.exp(value - largest), 0);
    return logits[tokens[i + 1]] - largest - Math.log(total);
  });
}
