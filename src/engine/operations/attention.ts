/**
 * Causal self-attention with rotary position embeddings (arXiv 2104.09864), as GPT-NeoX lays it out: the columns of
 * `qkv` are ordered (head, q|k|v, head dimension), and the first `rotary` dimensions of each head's q and k turn in
 * split halves (dimension i with i + rotary/2).
 */
import type { KernelBackend } from '@tensorflow/tfjs';
import { tf } from '../engine.ts';
import { exponential } from '../exponential.ts';
import { hasLoops, registerLoop, runKernel } from '../loops.ts';
import { place, withScratch } from '../simd/kernels.ts';

export interface AttentionShape {
  /** Positions in a sequence; rows of `qkv` are (sequence, position). */
  readonly time: number;
  readonly heads: number;
  /** Dimensions of each head that turn; even. */
  readonly rotary: number;
  readonly rotaryBase: number;
}

const KERNEL = 'NegativeKnowledge/Attention';
const GRADIENT = 'NegativeKnowledge/AttentionGradient';

interface Angles {
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

/** cos and sin of position * base^(-2i/rotary): `[time, rotary / 2]`, row by row. */
function rotaryAngles({ time, rotary, rotaryBase }: AttentionShape): Angles {
  const half = rotary / 2;
  const angle = (index: number) => Math.floor(index / half) * rotaryBase ** ((-2 * (index % half)) / rotary);
  const size = { length: time * half };
  return {
    cos: Float32Array.from(size, (_, index) => Math.cos(angle(index))),
    sin: Float32Array.from(size, (_, index) => Math.sin(angle(index))),
  };
}

let cached: { key: string; angles: Angles } | undefined;
function anglesOf(shape: AttentionShape): Angles {
  const key = `${shape.time}/${shape.rotary}/${shape.rotaryBase}`;
  if (cached?.key !== key) cached = { key, angles: rotaryAngles(shape) };
  return cached.angles;
}

// The loops below are small functions on arrays of one kind each: V8 compiles those to code several times faster than
// one long function whose arrays are now Float32Array, now Float64Array.

/** Copies one head's part of one sequence out of rows `stride` apart: `[time, width]`. */
function load(target: Float64Array, source: Float32Array, start: number, stride: number, width: number): void {
  for (let to = 0, from = start; to < target.length; to += width, from += stride) {
    for (let d = 0; d < width; d++) target[to + d] = source[from + d];
  }
}

/** Copies it back. */
function store(source: Float64Array, target: Float32Array, start: number, stride: number, width: number): void {
  for (let from = 0, to = start; from < source.length; from += width, to += stride) {
    for (let d = 0; d < width; d++) target[to + d] = source[from + d];
  }
}

/** Turns the first dimensions of every position by its angles, in place; `direction` -1 turns back. */
function turn(x: Float64Array, width: number, { cos, sin }: Angles, half: number, direction: number): void {
  for (let row = 0, angle = 0; row < x.length; row += width) {
    for (let i = row; i < row + half; i++, angle++) {
      const first = x[i];
      const second = x[i + half];
      const s = sin[angle] * direction;
      x[i] = first * cos[angle] - second * s;
      x[i + half] = second * cos[angle] + first * s;
    }
  }
}

/** Dot product of `width` elements; four sums, because one would wait for itself at every addition. */
function dot(a: Float64Array, i: number, b: Float64Array, j: number, width: number): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let d = 0;
  for (; d + 3 < width; d += 4) {
    sum0 += a[i + d] * b[j + d];
    sum1 += a[i + d + 1] * b[j + d + 1];
    sum2 += a[i + d + 2] * b[j + d + 2];
    sum3 += a[i + d + 3] * b[j + d + 3];
  }
  for (; d < width; d++) sum0 += a[i + d] * b[j + d];
  return sum0 + sum1 + (sum2 + sum3);
}

/** y += factor * x, over `width` elements. */
function addScaled(y: Float64Array, j: number, factor: number, x: Float64Array, i: number, width: number): void {
  for (let d = 0; d < width; d++) y[j + d] += factor * x[i + d];
}

/** Fills row `i` of one head's attention probabilities, which starts at `p`, from turned q and k. */
function attend(
  probabilities: Float32Array,
  p: number,
  q: Float64Array,
  k: Float64Array,
  i: number,
  time: number,
  width: number,
  scores: Float64Array,
): void {
  const scale = 1 / Math.sqrt(width);
  let largest = Number.NEGATIVE_INFINITY;
  for (let j = 0; j <= i; j++) {
    const score = dot(q, i * width, k, j * width, width) * scale;
    scores[j] = score;
    if (score > largest) largest = score;
  }
  let sum = 0;
  for (let j = 0; j <= i; j++) {
    const weight = exponential(scores[j] - largest);
    scores[j] = weight;
    sum += weight;
  }
  const normaliser = 1 / sum;
  for (let j = 0; j <= i; j++) probabilities[p + j] = scores[j] * normaliser;
  for (let j = i + 1; j < time; j++) probabilities[p + j] = 0;
}

/** Places the angles in the backend's memory, with scratch room for either kernel behind them. */
function withAngles(
  backend: KernelBackend,
  shape: AttentionShape,
  columns: number,
  body: (places: { cos: number; sin: number; scratch: number; width: number; half: number }) => void,
): void {
  const { time, heads, rotary } = shape;
  const width = columns / 3 / heads;
  const { cos, sin } = anglesOf(shape);
  withScratch(backend, 2 * cos.length + 4 * time * width + time + 4, (at) => {
    place(backend, cos, at);
    place(backend, sin, at + cos.byteLength);
    body({ cos: at, sin: at + cos.byteLength, scratch: at + 2 * cos.byteLength, width, half: rotary / 2 });
  });
}

const scratch = (count: number, size: number): Float64Array[] =>
  Array.from({ length: count }, () => new Float64Array(size));

registerLoop<'qkv', AttentionShape>({
  name: KERNEL,
  // The second output keeps the attention probabilities `[sequences, heads, time, time]` for the gradient.
  shapes: ({ qkv: { shape } }, { time, heads }) => [
    [shape[0], shape[1] / 3],
    [shape[0] / time, heads, time, time],
  ],
  run({ qkv }, [y, probabilities], shape, { qkv: [rows, columns] }) {
    const { time, heads, rotary } = shape;
    const hidden = columns / 3;
    const width = hidden / heads;
    const angles = anglesOf(shape);
    const [q, k, v, out] = scratch(4, time * width);
    const scores = new Float64Array(time);
    for (let sequence = 0; sequence < rows / time; sequence++) {
      for (let head = 0; head < heads; head++) {
        const start = sequence * time * columns + head * 3 * width;
        load(q, qkv, start, columns, width);
        load(k, qkv, start + width, columns, width);
        load(v, qkv, start + 2 * width, columns, width);
        turn(q, width, angles, rotary / 2, 1);
        turn(k, width, angles, rotary / 2, 1);
        out.fill(0);
        for (let i = 0; i < time; i++) {
          const p = ((sequence * heads + head) * time + i) * time;
          attend(probabilities, p, q, k, i, time, width, scores);
          for (let j = 0; j <= i; j++) addScaled(out, i * width, probabilities[p + j], v, j * width, width);
        }
        store(out, y, sequence * time * hidden + head * width, hidden, width);
      }
    }
  },
  simd({
    kernels,
    backend,
    inputs: { qkv },
    outputs: [y, probabilities],
    attributes,
    shapes: {
      qkv: [rows, columns],
    },
  }) {
    withAngles(backend, attributes, columns, ({ cos, sin, scratch, width, half }) => {
      const { time, heads } = attributes;
      kernels.attention(qkv, y, probabilities, cos, sin, scratch, rows / time, time, heads, width, half);
    });
  },
});

registerLoop<'dy' | 'qkv' | 'probabilities', AttentionShape>({
  name: GRADIENT,
  shapes: ({ qkv }) => [qkv.shape],
  run({ dy, qkv, probabilities }, [dQkv], shape, { qkv: [rows, columns] }) {
    const { time, heads, rotary } = shape;
    const hidden = columns / 3;
    const width = hidden / heads;
    const scale = 1 / Math.sqrt(width);
    const angles = anglesOf(shape);
    const [q, k, v, dOut, dq, dk, dv] = scratch(7, time * width);
    const dWeight = new Float64Array(time);
    for (let sequence = 0; sequence < rows / time; sequence++) {
      for (let head = 0; head < heads; head++) {
        const start = sequence * time * columns + head * 3 * width;
        load(q, qkv, start, columns, width);
        load(k, qkv, start + width, columns, width);
        load(v, qkv, start + 2 * width, columns, width);
        load(dOut, dy, sequence * time * hidden + head * width, hidden, width);
        turn(q, width, angles, rotary / 2, 1);
        turn(k, width, angles, rotary / 2, 1);
        dq.fill(0);
        dk.fill(0);
        dv.fill(0);
        for (let i = 0; i < time; i++) {
          const p = ((sequence * heads + head) * time + i) * time;
          let expected = 0;
          for (let j = 0; j <= i; j++) {
            const weight = probabilities[p + j];
            dWeight[j] = dot(dOut, i * width, v, j * width, width);
            expected += weight * dWeight[j];
            addScaled(dv, j * width, weight, dOut, i * width, width);
          }
          for (let j = 0; j <= i; j++) {
            const dScore = probabilities[p + j] * (dWeight[j] - expected) * scale;
            addScaled(dq, i * width, dScore, k, j * width, width);
            addScaled(dk, j * width, dScore, q, i * width, width);
          }
        }
        turn(dq, width, angles, rotary / 2, -1);
        turn(dk, width, angles, rotary / 2, -1);
        store(dq, dQkv, start, columns, width);
        store(dk, dQkv, start + width, columns, width);
        store(dv, dQkv, start + 2 * width, columns, width);
      }
    }
  },
  simd({
    kernels,
    backend,
    inputs,
    outputs: [dQkv],
    attributes,
    shapes: {
      qkv: [rows, columns],
    },
  }) {
    withAngles(backend, attributes, columns, ({ cos, sin, scratch, width, half }) => {
      const { dy, qkv, probabilities } = inputs;
      const { time, heads } = attributes;
      kernels.attentionGradient(dy, qkv, probabilities, dQkv, cos, sin, scratch, rows / time, time, heads, width, half);
    });
  },
});

tf.registerGradient({
  kernelName: KERNEL,
  inputsToSave: ['qkv'],
  outputsToSave: [false, true],
  gradFunc: (dy, [qkv, probabilities], attributes) => ({
    qkv: () => runKernel<tf.Tensor>(GRADIENT, { dy: (dy as tf.Tensor[])[0], qkv, probabilities }, attributes),
  }),
});

/** The same attention as TensorFlow.js operations. */
function composed(qkv: tf.Tensor, shape: AttentionShape): tf.Tensor {
  const { time, heads, rotary } = shape;
  const [rows, columns] = qkv.shape as [number, number];
  const hidden = columns / 3;
  const width = hidden / heads;
  const { cos, sin } = rotaryAngles(shape);
  const turn = (x: tf.Tensor): tf.Tensor => {
    if (rotary === 0) return x;
    const sizes = [rotary / 2, rotary / 2, width - rotary].filter((size) => size > 0);
    const [first, second, ...rest] = tf.split(x, sizes, -1);
    const c = tf.tensor(cos, [time, rotary / 2]);
    const s = tf.tensor(sin, [time, rotary / 2]);
    return tf.concat(
      [tf.sub(tf.mul(first, c), tf.mul(second, s)), tf.add(tf.mul(second, c), tf.mul(first, s)), ...rest],
      -1,
    );
  };
  const [q, k, v] = tf
    .unstack(tf.reshape(qkv, [rows / time, time, heads, 3, width]), 3) // 3 x [sequences, time, heads, width]
    .map((part) => tf.transpose(part, [0, 2, 1, 3])); // [sequences, heads, time, width]
  const future = tf.tensor(
    Float32Array.from({ length: time * time }, (_, index) => (index % time > Math.floor(index / time) ? -1e9 : 0)),
    [time, time],
  );
  const scores = tf.mul(tf.matMul(turn(q), turn(k), false, true), 1 / Math.sqrt(width));
  const mixed = tf.matMul(tf.softmax(tf.add(scores, future)), v); // [sequences, heads, time, width]
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, hidden]);
}

/**
 * Every position attends to itself and earlier ones, scores scaled by width^-0.5.
 * @param qkv `[sequences * time, 3 * hidden]`
 * @returns `[sequences * time, hidden]`
 */
export function attention(qkv: tf.Tensor, shape: AttentionShape): tf.Tensor {
  return hasLoops() ? runKernel<tf.Tensor[]>(KERNEL, { qkv }, shape)[0] : composed(qkv, shape);
}
