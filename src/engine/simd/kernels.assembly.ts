/**
 * The loops of ../operations in WebAssembly SIMD (AssemblyScript), on the TensorFlow.js WASM backend's own memory.
 * Every pointer is a byte offset of float32 numbers in that memory. build.ts compiles this file to
 * kernels.wasm, and a spec checks that the committed binary is what this source gives.
 * Nothing here may hold static data: it would be written over TensorFlow.js's.
 */

@inline
function at(base: usize, index: i32): usize {
  return base + ((<usize>index) << 2);
}

@inline
function splat(x: f32): v128 {
  return f32x4.splat(x);
}

@inline
function madd(a: v128, b: v128, c: v128): v128 {
  return f32x4.add(f32x4.mul(a, b), c);
}

@inline
function total(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  );
}

/**
 * e^x (Cephes expf: reduction by ln 2, polynomial of degree 5; relative error about 1e-7), x clamped to [-87, 88]. NaN
 * stays NaN. Adding 1.5 * 2^23 rounds to an integer, which the sum then has in its lowest bits.
 */
@inline
function exp4(value: v128): v128 {
  const x = f32x4.pmin(f32x4.pmax(value, splat(-87.0)), splat(88.0));
  const shifted = f32x4.add(f32x4.mul(x, splat(1.44269504088896341)), splat(12582912.0));
  const n = f32x4.sub(shifted, splat(12582912.0));
  let r = madd(n, splat(-0.693359375), x);
  r = madd(n, splat(2.12194440e-4), r);
  let p = splat(1.9875691500e-4);
  p = madd(p, r, splat(1.3981999507e-3));
  p = madd(p, r, splat(8.3334519073e-3));
  p = madd(p, r, splat(4.1665795894e-2));
  p = madd(p, r, splat(1.6666665459e-1));
  p = madd(p, r, splat(5.0000001201e-1));
  const y = f32x4.add(madd(p, f32x4.mul(r, r), r), splat(1.0));
  const power = i32x4.shl(i32x4.add(shifted, i32x4.splat(127)), 23);
  return f32x4.mul(y, power);
}

/** GELU of four numbers and its slope; Phi by Abramowitz & Stegun 7.1.26, as TensorFlow.js's own erf. */
@inline
function gelu4(xs: usize, ys: usize, slopes: usize): void {
  const x = v128.load(xs);
  const gauss = exp4(f32x4.mul(splat(-0.5), f32x4.mul(x, x)));
  const t = f32x4.div(splat(1.0), madd(splat(0.3275911 * 0.70710678118654752), f32x4.abs(x), splat(1.0)));
  let p = splat(1.061405429);
  p = madd(p, t, splat(-1.453152027));
  p = madd(p, t, splat(1.421413741));
  p = madd(p, t, splat(-0.284496736));
  p = madd(p, t, splat(0.254829592));
  const tail = f32x4.mul(f32x4.mul(splat(0.5), f32x4.mul(p, t)), gauss);
  const phi = v128.bitselect(f32x4.sub(splat(1.0), tail), tail, f32x4.ge(x, splat(0.0)));
  v128.store(ys, f32x4.mul(x, phi));
  v128.store(slopes, madd(f32x4.mul(x, splat(0.39894228040143268)), gauss, phi));
}

/** `size` numbers; `spare` is room for 12 more, where the last, incomplete four are worked on. */
export function gelu(x: usize, y: usize, slope: usize, size: i32, spare: usize): void {
  let index = 0;
  for (; index + 4 <= size; index += 4) gelu4(at(x, index), at(y, index), at(slope, index));
  const left = size - index;
  if (left == 0) return;
  for (let i = 0; i < left; i++) store<f32>(at(spare, i), load<f32>(at(x, index + i)));
  gelu4(spare, at(spare, 4), at(spare, 8));
  for (let i = 0; i < left; i++) {
    store<f32>(at(y, index + i), load<f32>(at(spare, 4 + i)));
    store<f32>(at(slope, index + i), load<f32>(at(spare, 8 + i)));
  }
}

/** `moments`: mean and inverse deviation of each row. */
export function layerNorm(
  x: usize,
  gain: usize,
  bias: usize,
  y: usize,
  moments: usize,
  rows: i32,
  width: i32,
  epsilon: f32,
): void {
  const whole = width & ~3;
  for (let row = 0; row < rows; row++) {
    const from = at(x, row * width);
    const to = at(y, row * width);
    let sums = splat(0);
    let column = 0;
    for (; column < whole; column += 4) sums = f32x4.add(sums, v128.load(at(from, column)));
    let sum = total(sums);
    for (; column < width; column++) sum += load<f32>(at(from, column));
    const mean = sum / <f32>width;
    let squares = splat(0);
    for (column = 0; column < whole; column += 4) {
      const centred = f32x4.sub(v128.load(at(from, column)), splat(mean));
      squares = madd(centred, centred, squares);
    }
    let square = total(squares);
    for (; column < width; column++) {
      const centred = load<f32>(at(from, column)) - mean;
      square += centred * centred;
    }
    const inverse: f32 = 1 / sqrt<f32>(square / <f32>width + epsilon);
    for (column = 0; column < whole; column += 4) {
      const normal = f32x4.mul(f32x4.sub(v128.load(at(from, column)), splat(mean)), splat(inverse));
      v128.store(at(to, column), madd(normal, v128.load(at(gain, column)), v128.load(at(bias, column))));
    }
    for (; column < width; column++) {
      const normal = (load<f32>(at(from, column)) - mean) * inverse;
      store<f32>(at(to, column), normal * load<f32>(at(gain, column)) + load<f32>(at(bias, column)));
    }
    store<f32>(at(moments, 2 * row), mean);
    store<f32>(at(moments, 2 * row + 1), inverse);
  }
}

/** All three gradients in one pass over the rows. */
export function layerNormGradient(
  dy: usize,
  x: usize,
  gain: usize,
  moments: usize,
  dx: usize,
  dGain: usize,
  dBias: usize,
  rows: i32,
  width: i32,
): void {
  const whole = width & ~3;
  memory.fill(dGain, 0, (<usize>width) << 2);
  memory.fill(dBias, 0, (<usize>width) << 2);
  for (let row = 0; row < rows; row++) {
    const upstream = at(dy, row * width);
    const from = at(x, row * width);
    const to = at(dx, row * width);
    const mean = load<f32>(at(moments, 2 * row));
    const inverse = load<f32>(at(moments, 2 * row + 1));
    let sums = splat(0);
    let projections = splat(0);
    let column = 0;
    for (; column < whole; column += 4) {
      const dy4 = v128.load(at(upstream, column));
      const centred = f32x4.sub(v128.load(at(from, column)), splat(mean));
      const scaled = f32x4.mul(dy4, v128.load(at(gain, column)));
      sums = f32x4.add(sums, scaled);
      projections = madd(scaled, centred, projections);
      const normal = f32x4.mul(centred, splat(inverse));
      v128.store(at(dGain, column), madd(dy4, normal, v128.load(at(dGain, column))));
      v128.store(at(dBias, column), f32x4.add(v128.load(at(dBias, column)), dy4));
    }
    let sum = total(sums);
    let projection = total(projections);
    for (; column < width; column++) {
      const dy1 = load<f32>(at(upstream, column));
      const centred = load<f32>(at(from, column)) - mean;
      const scaled = dy1 * load<f32>(at(gain, column));
      sum += scaled;
      projection += scaled * centred;
      store<f32>(at(dGain, column), load<f32>(at(dGain, column)) + dy1 * (centred * inverse));
      store<f32>(at(dBias, column), load<f32>(at(dBias, column)) + dy1);
    }
    // dx = inverse * (scaled - sum / width - normal * (projection * inverse) / width)
    const shift = sum / <f32>width;
    const slope = (projection * inverse * inverse) / <f32>width;
    for (column = 0; column < whole; column += 4) {
      const scaled = f32x4.mul(v128.load(at(upstream, column)), v128.load(at(gain, column)));
      const centred = f32x4.sub(v128.load(at(from, column)), splat(mean));
      const inner = f32x4.sub(f32x4.sub(scaled, splat(shift)), f32x4.mul(centred, splat(slope)));
      v128.store(at(to, column), f32x4.mul(splat(inverse), inner));
    }
    for (; column < width; column++) {
      const scaled = load<f32>(at(upstream, column)) * load<f32>(at(gain, column));
      const centred = load<f32>(at(from, column)) - mean;
      store<f32>(at(to, column), inverse * (scaled - shift - centred * slope));
    }
  }
}

/** Each row's largest logit, and the sum of the exponentials of what logits are less than that. */
export function exponentialSums(logits: usize, largest: usize, sums: usize, rows: i32, vocabulary: i32): void {
  const whole = vocabulary & ~3;
  for (let row = 0; row < rows; row++) {
    const from = at(logits, row * vocabulary);
    let most: f32 = load<f32>(from);
    let token = 0;
    if (whole > 0) {
      let most4 = v128.load(from);
      for (token = 4; token < whole; token += 4) most4 = f32x4.max(most4, v128.load(at(from, token)));
      most = max<f32>(
        max<f32>(f32x4.extract_lane(most4, 0), f32x4.extract_lane(most4, 1)),
        max<f32>(f32x4.extract_lane(most4, 2), f32x4.extract_lane(most4, 3)),
      );
    }
    for (token = whole; token < vocabulary; token++) most = max<f32>(most, load<f32>(at(from, token)));
    let sum4 = splat(0);
    for (token = 0; token < whole; token += 4) {
      sum4 = f32x4.add(sum4, exp4(f32x4.sub(v128.load(at(from, token)), splat(most))));
    }
    let sum = total(sum4);
    for (; token < vocabulary; token++) {
      sum += f32x4.extract_lane(exp4(splat(load<f32>(at(from, token)) - most)), 0);
    }
    store<f32>(at(largest, row), most);
    store<f32>(at(sums, row), sum);
  }
}

/** dy (1 at the label - probability), where probability = e^(logit - logSum) and each row has a dy, a label and a logSum. */
export function tokenLogProbabilityGradient(
  dy: usize,
  logits: usize,
  labels: usize,
  logSum: usize,
  dLogits: usize,
  rows: i32,
  vocabulary: i32,
): void {
  const whole = vocabulary & ~3;
  for (let row = 0; row < rows; row++) {
    const from = at(logits, row * vocabulary);
    const to = at(dLogits, row * vocabulary);
    const upstream = load<f32>(at(dy, row));
    const shift = load<f32>(at(logSum, row));
    let token = 0;
    for (; token < whole; token += 4) {
      const probability = exp4(f32x4.sub(v128.load(at(from, token)), splat(shift)));
      v128.store(at(to, token), f32x4.mul(splat(-upstream), probability));
    }
    for (; token < vocabulary; token++) {
      store<f32>(at(to, token), -upstream * f32x4.extract_lane(exp4(splat(load<f32>(at(from, token)) - shift)), 0));
    }
    const label = at(to, load<i32>(at(labels, row)));
    store<f32>(label, load<f32>(label) + upstream);
  }
}

@inline
function dot(a: usize, b: usize, width: i32): f32 {
  const whole = width & ~3;
  let sums = splat(0);
  let d = 0;
  for (; d < whole; d += 4) sums = madd(v128.load(at(a, d)), v128.load(at(b, d)), sums);
  let sum = total(sums);
  for (; d < width; d++) sum += load<f32>(at(a, d)) * load<f32>(at(b, d));
  return sum;
}

/**
 * y = the sum of `count` rows of `width` numbers, each times its factor. Factors are `factorStep` numbers apart, rows
 * `rowStep`.
 */
@inline
function mix(
  y: usize,
  factors: usize,
  factorStep: i32,
  rows: usize,
  rowStep: i32,
  count: i32,
  width: i32,
): void {
  let d = 0;
  for (; d + 16 <= width; d += 16) {
    let a = splat(0);
    let b = splat(0);
    let c = splat(0);
    let e = splat(0);
    let factor = factors;
    let row = at(rows, d);
    for (let j = 0; j < count; j++) {
      const f = v128.load_splat<f32>(factor);
      a = madd(f, v128.load(row), a);
      b = madd(f, v128.load(row, 16), b);
      c = madd(f, v128.load(row, 32), c);
      e = madd(f, v128.load(row, 48), e);
      factor = at(factor, factorStep);
      row = at(row, rowStep);
    }
    v128.store(at(y, d), a);
    v128.store(at(y, d), b, 16);
    v128.store(at(y, d), c, 32);
    v128.store(at(y, d), e, 48);
  }
  for (; d < width; d++) {
    let sum: f32 = 0;
    for (let j = 0; j < count; j++) {
      sum += load<f32>(at(factors, j * factorStep)) * load<f32>(at(rows, j * rowStep + d));
    }
    store<f32>(at(y, d), sum);
  }
}

/** Copies `width` numbers. */
@inline
function copyRow(to: usize, from: usize, width: i32): void {
  let d = 0;
  for (; d + 4 <= width; d += 4) v128.store(at(to, d), v128.load(at(from, d)));
  for (; d < width; d++) store<f32>(at(to, d), load<f32>(at(from, d)));
}

/** Turns the first dimensions of `time` rows, `stride` numbers apart, by their angles; `direction` -1 turns back. */
@inline
function turn(x: usize, time: i32, stride: i32, cos: usize, sin: usize, half: i32, direction: f32): void {
  for (let t = 0; t < time; t++) {
    for (let i = 0; i < half; i++) {
      const first = at(x, t * stride + i);
      const second = at(first, half);
      const a = load<f32>(first);
      const b = load<f32>(second);
      const c = load<f32>(at(cos, t * half + i));
      const s = load<f32>(at(sin, t * half + i)) * direction;
      store<f32>(first, a * c - b * s);
      store<f32>(second, b * c + a * s);
    }
  }
}

/** `scratch`: room for 2 * time * width + time + 4 numbers. */
export function attention(
  qkv: usize,
  y: usize,
  probabilities: usize,
  cos: usize,
  sin: usize,
  scratch: usize,
  sequences: i32,
  time: i32,
  heads: i32,
  width: i32,
  half: i32,
): void {
  const hidden = heads * width;
  const columns = 3 * hidden;
  const q = scratch;
  const k = at(q, time * width);
  const scores = at(k, time * width);
  const scale: f32 = 1 / sqrt<f32>(<f32>width);
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let head = 0; head < heads; head++) {
      const start = at(qkv, sequence * time * columns + head * 3 * width);
      const v = at(start, 2 * width);
      for (let t = 0; t < time; t++) {
        copyRow(at(q, t * width), at(start, t * columns), width);
        copyRow(at(k, t * width), at(start, t * columns + width), width);
      }
      turn(q, time, width, cos, sin, half, 1);
      turn(k, time, width, cos, sin, half, 1);
      for (let i = 0; i < time; i++) {
        const p = at(probabilities, ((sequence * heads + head) * time + i) * time);
        let largest: f32 = -f32.MAX_VALUE;
        for (let j = 0; j <= i; j++) {
          const score = dot(at(q, i * width), at(k, j * width), width) * scale;
          store<f32>(at(scores, j), score);
          largest = max<f32>(largest, score);
        }
        for (let j = 0; j <= i; j += 4) {
          v128.store(at(scores, j), exp4(f32x4.sub(v128.load(at(scores, j)), splat(largest))));
        }
        let sum: f32 = 0;
        for (let j = 0; j <= i; j++) sum += load<f32>(at(scores, j));
        const normaliser: f32 = 1 / sum;
        for (let j = 0; j < time; j++) store<f32>(at(p, j), j <= i ? load<f32>(at(scores, j)) * normaliser : 0);
        mix(at(y, (sequence * time + i) * hidden + head * width), p, 1, v, columns, i + 1, width);
      }
    }
  }
}

/** `scratch`: room for 2 * time * width + time * time numbers. */
export function attentionGradient(
  dy: usize,
  qkv: usize,
  probabilities: usize,
  dQkv: usize,
  cos: usize,
  sin: usize,
  scratch: usize,
  sequences: i32,
  time: i32,
  heads: i32,
  width: i32,
  half: i32,
): void {
  const hidden = heads * width;
  const columns = 3 * hidden;
  const q = scratch;
  const k = at(q, time * width);
  const dScores = at(k, time * width);
  const scale: f32 = 1 / sqrt<f32>(<f32>width);
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let head = 0; head < heads; head++) {
      const start = at(qkv, sequence * time * columns + head * 3 * width);
      const v = at(start, 2 * width);
      const dq = at(dQkv, sequence * time * columns + head * 3 * width);
      const dk = at(dq, width);
      const dv = at(dq, 2 * width);
      const upstream = at(dy, sequence * time * hidden + head * width);
      const p = at(probabilities, (sequence * heads + head) * time * time);
      for (let t = 0; t < time; t++) {
        copyRow(at(q, t * width), at(start, t * columns), width);
        copyRow(at(k, t * width), at(start, t * columns + width), width);
      }
      turn(q, time, width, cos, sin, half, 1);
      turn(k, time, width, cos, sin, half, 1);
      for (let i = 0; i < time; i++) {
        const weights = at(p, i * time);
        const row = at(dScores, i * time);
        let expected: f32 = 0;
        for (let j = 0; j <= i; j++) {
          const dWeight = dot(at(upstream, i * hidden), at(v, j * columns), width);
          store<f32>(at(row, j), dWeight);
          expected += load<f32>(at(weights, j)) * dWeight;
        }
        for (let j = 0; j <= i; j++) {
          store<f32>(at(row, j), load<f32>(at(weights, j)) * (load<f32>(at(row, j)) - expected) * scale);
        }
        mix(at(dq, i * columns), row, 1, k, width, i + 1, width);
      }
      // A position is read by itself and those after it.
      for (let j = 0; j < time; j++) {
        const from = j * time + j;
        mix(at(dk, j * columns), at(dScores, from), time, at(q, j * width), width, time - j, width);
        mix(at(dv, j * columns), at(p, from), time, at(upstream, j * hidden), hidden, time - j, width);
      }
      turn(dq, time, columns, cos, sin, half, -1);
      turn(dk, time, columns, cos, sin, half, -1);
    }
  }
}

/** The sum of `size` squares, in double precision. */
export function squares(x: usize, size: i32): f64 {
  let a = f64x2.splat(0);
  let b = f64x2.splat(0);
  let index = 0;
  for (; index + 4 <= size; index += 4) {
    const low = f64x2.promote_low_f32x4(v128.load64_zero(at(x, index)));
    const high = f64x2.promote_low_f32x4(v128.load64_zero(at(x, index + 2)));
    a = f64x2.add(a, f64x2.mul(low, low));
    b = f64x2.add(b, f64x2.mul(high, high));
  }
  const both = f64x2.add(a, b);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; index < size; index++) {
    const value = <f64>load<f32>(at(x, index));
    sum += value * value;
  }
  return sum;
}

@inline
function two(x: usize): v128 {
  return f64x2.promote_low_f32x4(v128.load64_zero(x));
}

@inline
function storeTwo(at: usize, x: v128): void {
  v128.store64_lane(at, f32x4.demote_f64x2_zero(x), 0);
}

/**
 * AdamW as src/training/adamw.ts has it, operation by operation in double precision, so that every bit is the same. The
 * moments change in place; `updated` gets the new parameter.
 */
export function adamw(
  parameter: usize,
  gradient: usize,
  first: usize,
  second: usize,
  updated: usize,
  size: i32,
  scale: f64,
  beta1: f64,
  beta2: f64,
  epsilon: f64,
  keep: f64,
  stepSize: f64,
  correction: f64,
): void {
  const rest1 = 1 - beta1;
  const rest2 = 1 - beta2;
  let index = 0;
  for (; index + 2 <= size; index += 2) {
    const g = f64x2.mul(two(at(gradient, index)), f64x2.splat(scale));
    const m = f64x2.add(f64x2.mul(f64x2.splat(beta1), two(at(first, index))), f64x2.mul(f64x2.splat(rest1), g));
    const v = f64x2.add(
      f64x2.mul(f64x2.splat(beta2), two(at(second, index))),
      f64x2.mul(f64x2.mul(f64x2.splat(rest2), g), g),
    );
    storeTwo(at(first, index), m);
    storeTwo(at(second, index), v);
    const root = f64x2.add(f64x2.mul(f64x2.sqrt(v), f64x2.splat(correction)), f64x2.splat(epsilon));
    const step = f64x2.div(f64x2.mul(f64x2.splat(stepSize), m), root);
    storeTwo(at(updated, index), f64x2.sub(f64x2.mul(two(at(parameter, index)), f64x2.splat(keep)), step));
  }
  if (index < size) {
    const g = <f64>load<f32>(at(gradient, index)) * scale;
    const m = beta1 * <f64>load<f32>(at(first, index)) + rest1 * g;
    const v = beta2 * <f64>load<f32>(at(second, index)) + rest2 * g * g;
    store<f32>(at(first, index), <f32>m);
    store<f32>(at(second, index), <f32>v);
    const step = (stepSize * m) / (sqrt<f64>(v) * correction + epsilon);
    store<f32>(at(updated, index), <f32>(<f64>load<f32>(at(parameter, index)) * keep - step));
  }
}

// Matrix products. All three that a linear layer needs work on blocks of 4 rows by 8 columns, whose 32 sums stay in
// registers. The right-hand side is packed eight columns at a time, `[depth, 8]`, so that the blocks of all rows read it
// from one place in the nearest cache. Sums run in the order of the depth, whatever the other sizes are.

/** Numbers in a packed row. */
const PANEL = 8;
/** Depth of a packed panel: 8 KiB, a quarter of the smallest first-level cache. */
const DEPTH = 256;
/** Rows of the left-hand side that all panels go over before the next rows: with DEPTH, 512 KiB. */
const ROWS = 512;

/**
 * A block c (4 by 8, rows `cRow` bytes apart) = initial + a b. The initial sums stand in rows `initialRow` bytes apart,
 * which may be c's own. Row r of a begins at `a<r>`; its next number is `step` bytes on. b is packed.
 */
@inline
function block(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  step: usize,
  b: usize,
  depth: i32,
  initial: usize,
  initialRow: usize,
  c: usize,
  cRow: usize,
): void {
  let c00 = v128.load(initial);
  let c01 = v128.load(initial, 16);
  let c10 = v128.load(initial + initialRow);
  let c11 = v128.load(initial + initialRow, 16);
  let c20 = v128.load(initial + 2 * initialRow);
  let c21 = v128.load(initial + 2 * initialRow, 16);
  let c30 = v128.load(initial + 3 * initialRow);
  let c31 = v128.load(initial + 3 * initialRow, 16);
  const end = b + ((<usize>depth) << 5);
  for (; b < end; b += 32) {
    const b0 = v128.load(b);
    const b1 = v128.load(b, 16);
    const x0 = v128.load_splat<f32>(a0);
    c00 = madd(x0, b0, c00);
    c01 = madd(x0, b1, c01);
    const x1 = v128.load_splat<f32>(a1);
    c10 = madd(x1, b0, c10);
    c11 = madd(x1, b1, c11);
    const x2 = v128.load_splat<f32>(a2);
    c20 = madd(x2, b0, c20);
    c21 = madd(x2, b1, c21);
    const x3 = v128.load_splat<f32>(a3);
    c30 = madd(x3, b0, c30);
    c31 = madd(x3, b1, c31);
    a0 += step;
    a1 += step;
    a2 += step;
    a3 += step;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c + cRow, c10);
  v128.store(c + cRow, c11, 16);
  v128.store(c + 2 * cRow, c20);
  v128.store(c + 2 * cRow, c21, 16);
  v128.store(c + 3 * cRow, c30);
  v128.store(c + 3 * cRow, c31, 16);
}

/** Copies `rows` by up to 8 `columns` numbers; rows are that many bytes apart. */
function copyNumbers(to: usize, toRow: usize, from: usize, fromRow: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++, to += toRow, from += fromRow) {
    let column = 0;
    if (columns >= 4) {
      v128.store(to, v128.load(from));
      column = 4;
    }
    for (; column < columns; column++) store<f32>(at(to, column), load<f32>(at(from, column)));
  }
}

/** Packs `depth` rows, `stride` numbers apart, of up to 8 columns; zeros fill a panel up. */
function pack(from: usize, stride: i32, depth: i32, columns: i32, panel: usize): void {
  if (columns == PANEL) {
    for (let k = 0; k < depth; k++, panel += 32, from = at(from, stride)) {
      v128.store(panel, v128.load(from));
      v128.store(panel, v128.load(from, 16), 16);
    }
  } else {
    memory.fill(panel, 0, (<usize>depth) << 5);
    copyNumbers(panel, 32, from, (<usize>stride) << 2, depth, columns);
  }
}

/** The same of the transpose: up to 8 rows, `stride` numbers apart, become columns. */
function packTransposed(from: usize, stride: i32, depth: i32, columns: i32, panel: usize): void {
  if (columns < PANEL) memory.fill(panel, 0, (<usize>depth) << 5);
  const whole = columns & ~3;
  let column = 0;
  for (; column < whole; column += 4) {
    const a = at(from, column * stride);
    const b = at(a, stride);
    const c = at(b, stride);
    const d = at(c, stride);
    let to = at(panel, column);
    let k = 0;
    for (; k + 4 <= depth; k += 4, to += 128) {
      const w = v128.load(at(a, k));
      const x = v128.load(at(b, k));
      const y = v128.load(at(c, k));
      const z = v128.load(at(d, k));
      const wx0 = v128.shuffle<f32>(w, x, 0, 4, 1, 5);
      const wx1 = v128.shuffle<f32>(w, x, 2, 6, 3, 7);
      const yz0 = v128.shuffle<f32>(y, z, 0, 4, 1, 5);
      const yz1 = v128.shuffle<f32>(y, z, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<f64>(wx0, yz0, 0, 2));
      v128.store(to, v128.shuffle<f64>(wx0, yz0, 1, 3), 32);
      v128.store(to, v128.shuffle<f64>(wx1, yz1, 0, 2), 64);
      v128.store(to, v128.shuffle<f64>(wx1, yz1, 1, 3), 96);
    }
    for (; k < depth; k++, to += 32) {
      store<f32>(to, load<f32>(at(a, k)));
      store<f32>(to, load<f32>(at(b, k)), 4);
      store<f32>(to, load<f32>(at(c, k)), 8);
      store<f32>(to, load<f32>(at(d, k)), 12);
    }
  }
  for (; column < columns; column++) {
    for (let k = 0; k < depth; k++) store<f32>(at(panel, k * PANEL + column), load<f32>(at(from, column * stride + k)));
  }
}

export function productScratch(): i32 {
  return DEPTH * PANEL + 48;
}

/**
 * y `[rows, columns]` = x `[rows, depth]` w + bias. w is `[depth, columns]`, or the transpose of such a matrix where
 * `transposed` is not 0. `bias` is 0 where there is none. `scratch`: room for `productScratch` numbers.
 */
export function product(
  x: usize,
  w: usize,
  bias: usize,
  y: usize,
  rows: i32,
  depth: i32,
  columns: i32,
  transposed: i32,
  scratch: usize,
): void {
  const start = at(scratch, 40); // of a row: the bias
  const tile = at(scratch, 8); // a block that is not whole
  const panel = at(scratch, 48);
  const xRow = (<usize>depth) << 2;
  const yRow = (<usize>columns) << 2;
  for (let row0 = 0; row0 < rows; row0 += ROWS) {
    const row1 = min<i32>(rows, row0 + ROWS);
    for (let k0 = 0; k0 < depth; k0 += DEPTH) {
      const deep = min<i32>(DEPTH, depth - k0);
      for (let column = 0; column < columns; column += PANEL) {
        const wide = min<i32>(PANEL, columns - column);
        if (transposed) packTransposed(at(w, column * depth + k0), depth, deep, wide, panel);
        else pack(at(w, k0 * columns + column), columns, deep, wide, panel);
        if (k0 == 0) {
          memory.fill(start, 0, 32);
          if (bias) copyNumbers(start, 32, at(bias, column), 0, 1, wide);
        }
        for (let row = row0; row < row1; row += 4) {
          const high = min<i32>(4, row1 - row);
          const a0 = at(x, row * depth + k0);
          const a1 = high > 1 ? a0 + xRow : a0;
          const a2 = high > 2 ? a0 + 2 * xRow : a0;
          const a3 = high > 3 ? a0 + 3 * xRow : a0;
          let c = at(y, row * columns + column);
          let cRow = yRow;
          const whole = wide == PANEL && high == 4;
          if (!whole) {
            if (k0 > 0) copyNumbers(tile, 32, c, yRow, high, wide);
            c = tile;
            cRow = 32;
          }
          block(a0, a1, a2, a3, 4, panel, deep, k0 == 0 ? start : c, k0 == 0 ? 0 : cRow, c, cRow);
          if (!whole) copyNumbers(at(y, row * columns + column), yRow, tile, 32, high, wide);
        }
      }
    }
  }
}

export function weightGradientScratch(): i32 {
  return productScratch() + DEPTH * DEPTH;
}

/**
 * The gradient of the weights, dw `[from, to]` = the transpose of x `[rows, from]` times dy `[rows, to]`, and that of the
 * bias, db `[to]` = the sums down the columns of dy. `scratch`: room for `weightGradientScratch` numbers.
 */
export function weightGradient(
  x: usize,
  dy: usize,
  dw: usize,
  db: usize,
  rows: i32,
  from: i32,
  to: i32,
  scratch: usize,
): void {
  const zeros = scratch;
  const tile = at(scratch, 8);
  const panel = at(scratch, 48);
  const packed = at(panel, DEPTH * PANEL); // 4 columns of x at a time
  const dwRow = (<usize>to) << 2;
  memory.fill(zeros, 0, 32);
  for (let row0 = 0; row0 < rows; row0 += DEPTH) {
    const deep = min<i32>(DEPTH, rows - row0);
    for (let from0 = 0; from0 < from; from0 += DEPTH) {
      const from1 = min<i32>(from, from0 + DEPTH);
      for (let k = from0; k < from1; k += 4) {
        const target = at(packed, (k - from0) * DEPTH);
        const high = min<i32>(4, from1 - k);
        if (high == 4) {
          let source = at(x, row0 * from + k);
          for (let row = 0; row < deep; row++, source = at(source, from)) {
            v128.store(at(target, 4 * row), v128.load(source));
          }
        } else {
          memory.fill(target, 0, (<usize>deep) << 4);
          copyNumbers(target, 16, at(x, row0 * from + k), (<usize>from) << 2, deep, high);
        }
      }
      for (let column = 0; column < to; column += PANEL) {
        const wide = min<i32>(PANEL, to - column);
        pack(at(dy, row0 * to + column), to, deep, wide, panel);
        if (from0 == 0) {
          let s0 = splat(0);
          let s1 = splat(0);
          if (row0 > 0) {
            copyNumbers(tile, 32, at(db, column), 0, 1, wide);
            s0 = v128.load(tile);
            s1 = v128.load(tile, 16);
          }
          for (let row = 0; row < deep; row++) {
            s0 = f32x4.add(s0, v128.load(at(panel, row * PANEL)));
            s1 = f32x4.add(s1, v128.load(at(panel, row * PANEL), 16));
          }
          v128.store(tile, s0);
          v128.store(tile, s1, 16);
          copyNumbers(at(db, column), 0, tile, 32, 1, wide);
        }
        for (let k = from0; k < from1; k += 4) {
          const high = min<i32>(4, from1 - k);
          const a = at(packed, (k - from0) * DEPTH);
          let c = at(dw, k * to + column);
          let cRow = dwRow;
          const whole = wide == PANEL && high == 4;
          if (!whole) {
            if (row0 > 0) copyNumbers(tile, 32, c, dwRow, high, wide);
            c = tile;
            cRow = 32;
          }
          block(a, a + 4, a + 8, a + 12, 16, panel, deep, row0 == 0 ? zeros : c, row0 == 0 ? 0 : cRow, c, cRow);
          if (!whole) copyNumbers(at(dw, k * to + column), dwRow, tile, 32, high, wide);
        }
      }
    }
  }
}
