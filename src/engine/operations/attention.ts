/**
 * Causal self-attention with rotary position embeddings (arXiv 2104.09864), as GPT-NeoX lays it out: the columns of
 * `qkv` are ordered (head, q|k|v, head dimension), and the first `rotary` dimensions of each head's q and k turn in
 * split halves (dimension i with i + rotary/2).
 */
import { tf } from '../engine.ts';
import { exponential } from '../exponential.ts';
import { hasLoops, registerLoop, runKernel } from '../loops.ts';

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

/** cos and sin of position * base^(-2i/rotary): `[time, rotary / 2]`, row by row. */
function rotaryAngles({ time, rotary, rotaryBase }: AttentionShape): { cos: Float32Array; sin: Float32Array } {
  const half = rotary / 2;
  const angle = (index: number) => Math.floor(index / half) * rotaryBase ** ((-2 * (index % half)) / rotary);
  const size = { length: time * half };
  return {
    cos: Float32Array.from(size, (_, index) => Math.cos(angle(index))),
    sin: Float32Array.from(size, (_, index) => Math.sin(angle(index))),
  };
}

let cached: { key: string; angles: ReturnType<typeof rotaryAngles> } | undefined;
function anglesOf(shape: AttentionShape): ReturnType<typeof rotaryAngles> {
  const key = `${shape.time}/${shape.rotary}/${shape.rotaryBase}`;
  if (cached?.key !== key) cached = { key, angles: rotaryAngles(shape) };
  return cached.angles;
}

/**
 * Copies one head's q, k or v of one sequence into `target` `[time, width]`, turned by `direction` (1, or -1 to turn
 * back, or 0 to leave as it is).
 */
function loadTurned(
  target: Float64Array,
  source: Float32Array | Float64Array,
  start: number,
  stride: number,
  width: number,
  shape: AttentionShape,
  direction: number,
): void {
  const { time, rotary } = shape;
  const half = rotary / 2;
  const { cos, sin } = anglesOf(shape);
  for (let t = 0; t < time; t++) {
    const from = start + t * stride;
    const to = t * width;
    for (let dimension = 0; dimension < width; dimension++) target[to + dimension] = source[from + dimension];
    if (direction === 0) continue;
    for (let i = 0; i < half; i++) {
      const c = cos[t * half + i];
      const s = sin[t * half + i] * direction;
      const first = source[from + i];
      const second = source[from + half + i];
      target[to + i] = first * c - second * s;
      target[to + half + i] = second * c + first * s;
    }
  }
}

/** Dot product of `width` elements; four sums, because one would wait for itself at every addition. */
function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, width: number): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let d = 0;
  for (; d + 3 < width; d += 4) {
    sum0 += a[aStart + d] * b[bStart + d];
    sum1 += a[aStart + d + 1] * b[bStart + d + 1];
    sum2 += a[aStart + d + 2] * b[bStart + d + 2];
    sum3 += a[aStart + d + 3] * b[bStart + d + 3];
  }
  for (; d < width; d++) sum0 += a[aStart + d] * b[bStart + d];
  return sum0 + sum1 + (sum2 + sum3);
}

registerLoop<'qkv', AttentionShape>({
  name: KERNEL,
  // The second output keeps the attention probabilities `[sequences, heads, time, time]` for the gradient.
  shapes: ({ qkv: { shape } }, { time, heads }) => [
    [shape[0], shape[1] / 3],
    [shape[0] / time, heads, time, time],
  ],
  run({ qkv }, [y, probabilities], shape, { qkv: [rows, columns] }) {
    const { time, heads } = shape;
    const hidden = columns / 3;
    const width = hidden / heads;
    const scale = 1 / Math.sqrt(width);
    const [q, k, v] = Array.from({ length: 3 }, () => new Float64Array(time * width));
    const mixed = new Float64Array(width);
    for (let sequence = 0; sequence < rows / time; sequence++) {
      for (let head = 0; head < heads; head++) {
        const start = sequence * time * columns + head * 3 * width;
        loadTurned(q, qkv, start, columns, width, shape, 1);
        loadTurned(k, qkv, start + width, columns, width, shape, 1);
        loadTurned(v, qkv, start + 2 * width, columns, width, shape, 0);
        for (let i = 0; i < time; i++) {
          const p = ((sequence * heads + head) * time + i) * time;
          let largest = Number.NEGATIVE_INFINITY;
          for (let j = 0; j <= i; j++) {
            const score = dot(q, i * width, k, j * width, width) * scale;
            probabilities[p + j] = score;
            if (score > largest) largest = score;
          }
          let sum = 0;
          for (let j = 0; j <= i; j++) {
            const weight = exponential(probabilities[p + j] - largest);
            probabilities[p + j] = weight;
            sum += weight;
          }
          const normaliser = 1 / sum;
          mixed.fill(0);
          for (let j = 0; j <= i; j++) {
            const weight = probabilities[p + j] * normaliser;
            probabilities[p + j] = weight;
            for (let d = 0; d < width; d++) mixed[d] += weight * v[j * width + d];
          }
          for (let j = i + 1; j < time; j++) probabilities[p + j] = 0;
          const target = (sequence * time + i) * hidden + head * width;
          for (let d = 0; d < width; d++) y[target + d] = mixed[d];
        }
      }
    }
  },
});

registerLoop<'dy' | 'qkv' | 'probabilities', AttentionShape>({
  name: GRADIENT,
  shapes: ({ qkv }) => [qkv.shape],
  run({ dy, qkv, probabilities }, [dQkv], shape, { qkv: [rows, columns] }) {
    const { time, heads } = shape;
    const hidden = columns / 3;
    const width = hidden / heads;
    const scale = 1 / Math.sqrt(width);
    const [q, k, v, dOut, dq, dk, dv, turned] = Array.from({ length: 8 }, () => new Float64Array(time * width));
    const dScore = new Float64Array(time);
    const store = (source: Float64Array, start: number) => {
      for (let t = 0; t < time; t++) {
        for (let d = 0; d < width; d++) dQkv[start + t * columns + d] = source[t * width + d];
      }
    };
    for (let sequence = 0; sequence < rows / time; sequence++) {
      for (let head = 0; head < heads; head++) {
        const start = sequence * time * columns + head * 3 * width;
        loadTurned(q, qkv, start, columns, width, shape, 1);
        loadTurned(k, qkv, start + width, columns, width, shape, 1);
        loadTurned(v, qkv, start + 2 * width, columns, width, shape, 0);
        loadTurned(dOut, dy, sequence * time * hidden + head * width, hidden, width, shape, 0);
        dq.fill(0);
        dk.fill(0);
        dv.fill(0);
        for (let i = 0; i < time; i++) {
          const p = ((sequence * heads + head) * time + i) * time;
          let expected = 0;
          for (let j = 0; j <= i; j++) {
            const weight = probabilities[p + j];
            dScore[j] = dot(dOut, i * width, v, j * width, width);
            expected += weight * dScore[j];
            for (let d = 0; d < width; d++) dv[j * width + d] += weight * dOut[i * width + d];
          }
          for (let j = 0; j <= i; j++) {
            const slope = probabilities[p + j] * (dScore[j] - expected) * scale;
            for (let d = 0; d < width; d++) {
              dq[i * width + d] += slope * k[j * width + d];
              dk[j * width + d] += slope * q[i * width + d];
            }
          }
        }
        loadTurned(turned, dq, 0, width, width, shape, -1);
        store(turned, start);
        loadTurned(turned, dk, 0, width, width, shape, -1);
        store(turned, start + width);
        store(dv, start + 2 * width);
      }
    }
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
