/**
 * Causal self-attention with rotary position embeddings (arXiv 2104.09864), as GPT-NeoX lays it out: the columns of
 * `qkv` are ordered (head, q|k|v, head dimension), and the first `rotary` dimensions of each head's q and k turn in
 * split halves (dimension i with i + rotary/2).
 */
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import { exponential } from '../exponential.ts';
import { hasKernel, registerLoop, runKernel } from '../loops.ts';
import { integerAttribute } from '../native/backend.ts';
import { type NativeKernel, registerNative } from '../native/kernels.ts';
import { place, withScratch } from '../simd/kernels.ts';
import { ATTENDED, ATTENTION_GRADIENT, ATTENTION_WEIGHTS, SCORE_GRADIENT } from '../webgpu/attention.ts';
import { keptBuffer, type WebgpuBackend } from '../webgpu/backend.ts';
import { groupsOf } from '../webgpu/shader.ts';
import { withGradient } from './with-gradient.ts';

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
const BIASED = 'NegativeKnowledge/BiasAttention';
const BIASED_GRADIENT = 'NegativeKnowledge/BiasAttentionGradient';

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
  withScratch(backend, 2 * cos.length + 2 * time * width + time * time + time + 4, (at) => {
    place(backend, cos, at);
    place(backend, sin, at + cos.byteLength);
    body({ cos: at, sin: at + cos.byteLength, scratch: at + 2 * cos.byteLength, width, half: rotary / 2 });
  });
}

/** The angles in a GPU's memory. Without any there is one number, which nothing reads: a buffer has to have some. */
function anglesOnGpu(backend: WebgpuBackend, shape: AttentionShape): GPUBuffer[] {
  const { cos, sin } = anglesOf(shape);
  const key = `${shape.time}/${shape.rotary}/${shape.rotaryBase}`;
  const kept = (name: string, values: Float32Array) =>
    keptBuffer(backend, `${name} ${key}`, GPUBufferUsage.STORAGE, () =>
      values.length > 0 ? values.slice().buffer : new ArrayBuffer(4),
    );
  return [kept('cosines', cos), kept('sines', sin)];
}

/** Sizes that the programs for GPUs are given. */
const sizesOnGpu = ({ time, heads, rotary }: AttentionShape, columns: number) => ({
  time,
  heads,
  width: columns / 3 / heads,
  half: rotary / 2,
});

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
  simd(kernels, { qkv }, [y, probabilities], attributes, { qkv: [rows, columns] }, backend) {
    withAngles(backend, attributes, columns, ({ cos, sin, scratch, width, half }) => {
      const { time, heads } = attributes;
      kernels.attention(qkv, y, probabilities, cos, sin, scratch, rows / time, time, heads, width, half);
    });
  },
  gpu(run, { qkv }, [y, probabilities], shape, { qkv: [rows, columns] }, backend) {
    const sizes = sizesOnGpu(shape, columns);
    const [weights, elements] = [rows * shape.heads, (rows * columns) / 3];
    const angles = anglesOnGpu(backend, shape);
    run(ATTENTION_WEIGHTS, [qkv, ...angles], [probabilities], { ...sizes, size: weights }, groupsOf(weights));
    run(ATTENDED, [qkv, probabilities], [y], { ...sizes, size: elements }, groupsOf(elements));
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
  simd(kernels, inputs, [dQkv], attributes, { qkv: [rows, columns] }, backend) {
    withAngles(backend, attributes, columns, ({ cos, sin, scratch, width, half }) => {
      const { dy, qkv, probabilities } = inputs;
      const { time, heads } = attributes;
      kernels.attentionGradient(dy, qkv, probabilities, dQkv, cos, sin, scratch, rows / time, time, heads, width, half);
    });
  },
  gpu(run, { dy, qkv, probabilities }, [dQkv], shape, { qkv: [rows, columns] }, backend) {
    const sizes = sizesOnGpu(shape, columns);
    const [weights, elements] = [rows * shape.heads, (rows * columns) / 3];
    const dScores = backend.makeTensorInfo(probabilities.shape, 'float32');
    run(SCORE_GRADIENT, [dy, qkv, probabilities], [dScores], { ...sizes, size: weights }, groupsOf(weights));
    run(
      ATTENTION_GRADIENT,
      [dy, qkv, probabilities, dScores, ...anglesOnGpu(backend, shape)],
      [dQkv],
      { ...sizes, size: elements },
      groupsOf(elements),
    );
    backend.disposeData(dScores.dataId);
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

/** What the native operation and its gradient are given beside tensors. */
const given: Pick<NativeKernel<never, AttentionShape>, 'constants' | 'attributes'> = {
  constants(shape) {
    const { cos, sin } = anglesOf(shape);
    const size: [number, number] = [shape.time, shape.rotary / 2];
    return [tf.tensor2d(cos, size), tf.tensor2d(sin, size)];
  },
  attributes: ({ time, heads }) => [integerAttribute('time', time), integerAttribute('heads', heads)],
};

registerNative<'qkv' | 'bias', AttentionShape>({ name: BIASED, inputs: ['qkv', 'bias'], outputs: 2, ...given });
registerNative<'dy' | 'qkv' | 'bias' | 'probabilities', AttentionShape>({
  name: BIASED_GRADIENT,
  inputs: ['dy', 'qkv', 'bias', 'probabilities'],
  outputs: 2,
  ...given,
});

tf.registerGradient({
  kernelName: BIASED,
  inputsToSave: ['qkv', 'bias'],
  outputsToSave: [false, true],
  gradFunc: (upstream, [qkv, bias, probabilities], attributes) => {
    const dy = (upstream as tf.Tensor[])[0];
    const inputs = { dy, qkv, bias, probabilities };
    const [dQkv, dBias] = runKernel<tf.Tensor[]>(BIASED_GRADIENT, inputs, attributes);
    return { qkv: () => dQkv, bias: () => dBias };
  },
});

/**
 * Rotary embedding of q and k together as two products with constants, x * cos + (x turn) * sin, with q's angles scaled
 * by width^-0.5 as well: constants `[2, 1, 1, time, width]`, and `turn`, `[width, width]`, which moves dimension i to
 * i + rotary/2 and dimension i + rotary/2 to -i.
 */
function rotaryConstants(shape: AttentionShape, width: number): Record<'cos' | 'sin' | 'turn', tf.Tensor> {
  const { time, rotary } = shape;
  const half = rotary / 2;
  const { cos, sin } = rotaryAngles(shape);
  const both = (of: (position: number, d: number) => number) =>
    tf.tensor(
      Float32Array.from({ length: 2 * time * width }, (_, index) => {
        const scale = index < time * width ? 1 / Math.sqrt(width) : 1;
        return scale * of(Math.floor(index / width) % time, index % width);
      }),
      [2, 1, 1, time, width],
    );
  const turn = new Float32Array(width * width);
  for (let i = 0; i < half; i++) {
    turn[(i + half) * width + i] = -1;
    turn[i * width + i + half] = 1;
  }
  return {
    cos: both((position, d) => (d < rotary ? cos[position * half + (d % half)] : 1)),
    sin: both((position, d) => (d < rotary ? sin[position * half + (d % half)] : 0)),
    turn: tf.tensor(turn, [width, width]),
  };
}

/** The same attention as TensorFlow.js operations, all heads and sequences at once. */
function composed(qkv: tf.Tensor, shape: AttentionShape): tf.Tensor {
  const { time, heads, rotary } = shape;
  const [rows, columns] = qkv.shape as [number, number];
  const sequences = rows / time;
  const hidden = columns / 3;
  const width = hidden / heads;
  const { cos, sin, turn } = rotaryConstants(shape, width);
  const product = (x: tf.Tensor, matrix: tf.Tensor, transposed: boolean) =>
    tf.reshape(tf.matMul(tf.reshape(x, [-1, width]), matrix, false, transposed), x.shape);
  const perHead = [sequences, heads, time, width];
  const part = (parts: tf.Tensor, which: number) =>
    tf.reshape(tf.slice(parts, [which, 0, 0, 0, 0], [1, ...perHead]), perHead);
  return withGradient(
    [qkv],
    () => {
      const parts = tf.transpose(tf.reshape(qkv, [sequences, time, heads, 3, width]), [3, 0, 2, 1, 4]);
      const plain = tf.slice(parts, [0, 0, 0, 0, 0], [2, ...perHead]);
      const turned =
        rotary === 0 ? tf.mul(plain, cos) : tf.add(tf.mul(plain, cos), tf.mul(product(plain, turn, false), sin));
      const [q, k, v] = [part(turned, 0), part(turned, 1), part(parts, 2)];
      const future = tf.tensor(
        Float32Array.from({ length: time * time }, (_, index) => (index % time > Math.floor(index / time) ? -1e9 : 0)),
        [time, time],
      );
      const weights = tf.softmax(tf.add(tf.matMul(q, k, false, true), future));
      const mixed = tf.matMul(weights, v); // [sequences, heads, time, width]
      return {
        value: tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [rows, hidden]),
        saved: [q, k, v, weights, cos, sin, turn],
      };
    },
    (dy, [q, k, v, weights, cos, sin, turn]) => {
      const dMixed = tf.transpose(tf.reshape(dy, [sequences, time, heads, width]), [0, 2, 1, 3]);
      const dWeights = tf.matMul(dMixed, v, false, true);
      const expected = tf.sum(tf.mul(dWeights, weights), -1, true);
      const dScores = tf.mul(weights, tf.sub(dWeights, expected));
      const dTurned = tf.stack([tf.matMul(dScores, k), tf.matMul(dScores, q, true, false)]);
      const dPlain =
        rotary === 0 ? tf.mul(dTurned, cos) : tf.add(tf.mul(dTurned, cos), product(tf.mul(dTurned, sin), turn, true));
      const dV = tf.reshape(tf.matMul(weights, dMixed, true, false), [1, ...perHead]);
      return [tf.reshape(tf.transpose(tf.concat([dPlain, dV]), [1, 3, 2, 0, 4]), [rows, columns])];
    },
  );
}

/**
 * Every position attends to itself and earlier ones, scores scaled by width^-0.5.
 * @param qkv `[sequences * time, 3 * hidden]`
 * @param bias `[3 * hidden]`, which is still to be added to qkv; or none
 * @returns `[sequences * time, hidden]`
 */
export function attention(qkv: tf.Tensor, shape: AttentionShape, bias?: tf.Tensor): tf.Tensor {
  if (hasKernel(BIASED)) {
    const added = bias ?? tf.zeros([qkv.shape[1] as number]);
    return runKernel<tf.Tensor[]>(BIASED, { qkv, bias: added }, shape)[0];
  }
  if (bias !== undefined) return attention(tf.add(qkv, bias), shape);
  return hasKernel(KERNEL) ? runKernel<tf.Tensor[]>(KERNEL, { qkv }, shape)[0] : composed(qkv, shape);
}
