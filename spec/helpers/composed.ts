/**
 * The model's operations composed of TensorFlow.js operations in the most obvious way, for TensorFlow.js to
 * differentiate: what every engine's own version must equal.
 */
import { tf } from '../../src/engine/engine.ts';
import type { AttentionShape } from '../../src/engine/operations/attention.ts';
import type { Biased } from '../../src/engine/operations/residual.ts';

export const linear = (x: tf.Tensor, weight: tf.Tensor, bias?: tf.Tensor): tf.Tensor =>
  bias === undefined ? tf.matMul(x, weight) : tf.add(tf.matMul(x, weight), bias);

export function layerNorm(x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor {
  const { mean, variance } = tf.moments(x, -1, true);
  return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, epsilon))), gain), bias);
}

export const rmsNorm = (x: tf.Tensor, gain: tf.Tensor, epsilon: number): tf.Tensor =>
  tf.mul(tf.div(x, tf.sqrt(tf.add(tf.mean(tf.mul(x, x), -1, true), epsilon))), gain);

export const silu = (x: tf.Tensor): tf.Tensor => tf.div(x, tf.add(1, tf.exp(tf.neg(x))));

const added = (x: tf.Tensor, bias?: tf.Tensor): tf.Tensor => (bias === undefined ? x : tf.add(x, bias));

export function gelu(given: tf.Tensor, bias?: tf.Tensor): tf.Tensor {
  const x = added(given, bias);
  return tf.mul(x, tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5));
}

export const biasedLinear = (x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor): Biased => ({
  x: tf.matMul(x, weight),
  bias,
});

export const residual = (x: tf.Tensor, ...parts: readonly [Biased] | readonly [Biased, Biased]): tf.Tensor =>
  [...parts].reduce((sum, part) => tf.add(sum, added(part.x, part.bias)), x);

export const tokenLogProbability = (logits: tf.Tensor, labels: tf.Tensor1D): tf.Tensor =>
  tf.sum(tf.mul(tf.logSoftmax(logits), tf.oneHot(labels, logits.shape[1] as number)), -1);

export const embedding = (table: tf.Tensor, ids: tf.Tensor1D): tf.Tensor => tf.gather(table, ids);

export function attention(
  given: tf.Tensor,
  { time, heads, rotary, rotaryBase }: AttentionShape,
  bias?: tf.Tensor,
): tf.Tensor {
  const qkv = added(given, bias);
  const [rows, columns] = qkv.shape as [number, number];
  const width = columns / 3 / heads;
  const half = rotary / 2;
  const angles = Array.from({ length: time }, (_, position) =>
    Array.from({ length: half }, (_, i) => position * rotaryBase ** ((-2 * i) / rotary)),
  );
  const turn = (x: tf.Tensor): tf.Tensor => {
    if (rotary === 0) return x;
    const sizes = [half, half, width - rotary].filter((size) => size > 0);
    const [first, second, ...rest] = tf.split(x, sizes, -1);
    const [c, s] = [tf.cos(tf.tensor2d(angles)), tf.sin(tf.tensor2d(angles))];
    const turned = [tf.sub(tf.mul(first, c), tf.mul(second, s)), tf.add(tf.mul(second, c), tf.mul(first, s))];
    return tf.concat([...turned, ...rest], -1);
  };
  const [q, k, v] = tf
    .unstack(tf.reshape(qkv, [rows / time, time, heads, 3, width]), 3) // 3 x [sequences, time, heads, width]
    .map((part) => tf.transpose(part, [0, 2, 1, 3])); // [sequences, heads, time, width]
  const scores = tf.mul(tf.matMul(turn(q), turn(k), false, true), 1 / Math.sqrt(width));
  const future = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([time, time]), -1, 0)), -1e9);
  const mixed = tf.matMul(tf.softmax(tf.add(scores, future)), v); // [sequences, heads, time, width]
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, columns / 3]);
}
