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

/** e^x (Cephes expf: reduction by ln 2, polynomial of degree 5; relative error about 1e-7), x clamped to [-87, 88]. */
@inline
function exp4(value: v128): v128 {
  const x = f32x4.min(f32x4.max(value, splat(-87.0)), splat(88.0));
  const n = f32x4.nearest(f32x4.mul(x, splat(1.44269504088896341)));
  let r = madd(n, splat(-0.693359375), x);
  r = madd(n, splat(2.12194440e-4), r);
  let p = splat(1.9875691500e-4);
  p = madd(p, r, splat(1.3981999507e-3));
  p = madd(p, r, splat(8.3334519073e-3));
  p = madd(p, r, splat(4.1665795894e-2));
  p = madd(p, r, splat(1.6666665459e-1));
  p = madd(p, r, splat(5.0000001201e-1));
  const y = f32x4.add(madd(p, f32x4.mul(r, r), r), splat(1.0));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
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

export function columnSums(x: usize, sums: usize, rows: i32, columns: i32): void {
  let column = 0;
  for (; column + 16 <= columns; column += 16) {
    let a = splat(0);
    let b = splat(0);
    let c = splat(0);
    let d = splat(0);
    for (let row = 0, from = at(x, column); row < rows; row++, from = at(from, columns)) {
      a = f32x4.add(a, v128.load(from));
      b = f32x4.add(b, v128.load(from, 16));
      c = f32x4.add(c, v128.load(from, 32));
      d = f32x4.add(d, v128.load(from, 48));
    }
    v128.store(at(sums, column), a);
    v128.store(at(sums, column), b, 16);
    v128.store(at(sums, column), c, 32);
    v128.store(at(sums, column), d, 48);
  }
  for (; column < columns; column++) {
    let sum: f32 = 0;
    for (let row = 0; row < rows; row++) sum += load<f32>(at(x, row * columns + column));
    store<f32>(at(sums, column), sum);
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

export function layerNormGradientOfX(
  dy: usize,
  x: usize,
  gain: usize,
  moments: usize,
  dx: usize,
  rows: i32,
  width: i32,
): void {
  const whole = width & ~3;
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
      const scaled = f32x4.mul(v128.load(at(upstream, column)), v128.load(at(gain, column)));
      sums = f32x4.add(sums, scaled);
      projections = madd(scaled, f32x4.sub(v128.load(at(from, column)), splat(mean)), projections);
    }
    let sum = total(sums);
    let projection = total(projections);
    for (; column < width; column++) {
      const scaled = load<f32>(at(upstream, column)) * load<f32>(at(gain, column));
      sum += scaled;
      projection += scaled * (load<f32>(at(from, column)) - mean);
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

export function layerNormGradientOfGain(
  dy: usize,
  x: usize,
  moments: usize,
  dGain: usize,
  rows: i32,
  width: i32,
): void {
  let column = 0;
  for (; column + 4 <= width; column += 4) {
    let sums = splat(0);
    for (let row = 0; row < rows; row++) {
      const index = row * width + column;
      const mean = load<f32>(at(moments, 2 * row));
      const inverse = load<f32>(at(moments, 2 * row + 1));
      const normal = f32x4.mul(f32x4.sub(v128.load(at(x, index)), splat(mean)), splat(inverse));
      sums = madd(v128.load(at(dy, index)), normal, sums);
    }
    v128.store(at(dGain, column), sums);
  }
  for (; column < width; column++) {
    let sum: f32 = 0;
    for (let row = 0; row < rows; row++) {
      const index = row * width + column;
      const normal = (load<f32>(at(x, index)) - load<f32>(at(moments, 2 * row))) * load<f32>(at(moments, 2 * row + 1));
      sum += load<f32>(at(dy, index)) * normal;
    }
    store<f32>(at(dGain, column), sum);
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

/** y += factor * x. */
@inline
function addScaled(y: usize, factor: f32, x: usize, width: i32): void {
  const whole = width & ~3;
  let d = 0;
  for (; d < whole; d += 4) v128.store(at(y, d), madd(splat(factor), v128.load(at(x, d)), v128.load(at(y, d))));
  for (; d < width; d++) store<f32>(at(y, d), load<f32>(at(y, d)) + factor * load<f32>(at(x, d)));
}

/** Copies `time` rows of `width` numbers between strides. */
@inline
function copy(target: usize, targetStride: i32, source: usize, sourceStride: i32, time: i32, width: i32): void {
  for (let t = 0; t < time; t++) {
    memory.copy(at(target, t * targetStride), at(source, t * sourceStride), (<usize>width) << 2);
  }
}

@inline
function turn(x: usize, time: i32, width: i32, cos: usize, sin: usize, half: i32, direction: f32): void {
  for (let t = 0; t < time; t++) {
    for (let i = 0; i < half; i++) {
      const first = at(x, t * width + i);
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
      copy(q, width, start, columns, time, width);
      copy(k, width, at(start, width), columns, time, width);
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
        const target = at(y, (sequence * time + i) * hidden + head * width);
        memory.fill(target, 0, (<usize>width) << 2);
        for (let j = 0; j < time; j++) {
          const weight: f32 = j <= i ? load<f32>(at(scores, j)) * normaliser : 0;
          store<f32>(at(p, j), weight);
          if (j <= i) addScaled(target, weight, at(v, j * columns), width);
        }
      }
    }
  }
}

/** `scratch`: room for 4 * time * width + time numbers. */
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
  const dq = at(k, time * width);
  const dk = at(dq, time * width);
  const dWeights = at(dk, time * width);
  const scale: f32 = 1 / sqrt<f32>(<f32>width);
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let head = 0; head < heads; head++) {
      const start = at(qkv, sequence * time * columns + head * 3 * width);
      const v = at(start, 2 * width);
      const dStart = at(dQkv, sequence * time * columns + head * 3 * width);
      const dv = at(dStart, 2 * width);
      copy(q, width, start, columns, time, width);
      copy(k, width, at(start, width), columns, time, width);
      turn(q, time, width, cos, sin, half, 1);
      turn(k, time, width, cos, sin, half, 1);
      memory.fill(dq, 0, (<usize>(2 * time * width)) << 2);
      for (let t = 0; t < time; t++) memory.fill(at(dv, t * columns), 0, (<usize>width) << 2);
      for (let i = 0; i < time; i++) {
        const p = at(probabilities, ((sequence * heads + head) * time + i) * time);
        const upstream = at(dy, (sequence * time + i) * hidden + head * width);
        let expected: f32 = 0;
        for (let j = 0; j <= i; j++) {
          const weight = load<f32>(at(p, j));
          const dWeight = dot(upstream, at(v, j * columns), width);
          store<f32>(at(dWeights, j), dWeight);
          expected += weight * dWeight;
          addScaled(at(dv, j * columns), weight, upstream, width);
        }
        for (let j = 0; j <= i; j++) {
          const dScore = load<f32>(at(p, j)) * (load<f32>(at(dWeights, j)) - expected) * scale;
          addScaled(at(dq, i * width), dScore, at(k, j * width), width);
          addScaled(at(dk, j * width), dScore, at(q, i * width), width);
        }
      }
      turn(dq, time, width, cos, sin, half, -1);
      turn(dk, time, width, cos, sin, half, -1);
      copy(dStart, columns, dq, width, time, width);
      copy(at(dStart, width), columns, dk, width, time, width);
    }
  }
}

/** y `[columns, rows]` = x `[rows, columns]`, turned over in blocks of four by four. */
export function transpose(x: usize, y: usize, rows: i32, columns: i32): void {
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (let row = 0; row < wholeRows; row += 4) {
    for (let column = 0; column < wholeColumns; column += 4) {
      const from = at(x, row * columns + column);
      const a = v128.load(from);
      const b = v128.load(at(from, columns));
      const c = v128.load(at(from, 2 * columns));
      const d = v128.load(at(from, 3 * columns));
      const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
      const ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
      const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
      const cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
      const to = at(y, column * rows + row);
      v128.store(to, v128.shuffle<f64>(ab0, cd0, 0, 2));
      v128.store(at(to, rows), v128.shuffle<f64>(ab0, cd0, 1, 3));
      v128.store(at(to, 2 * rows), v128.shuffle<f64>(ab1, cd1, 0, 2));
      v128.store(at(to, 3 * rows), v128.shuffle<f64>(ab1, cd1, 1, 3));
    }
  }
  for (let row = 0; row < rows; row++) {
    for (let column = row < wholeRows ? wholeColumns : 0; column < columns; column++) {
      store<f32>(at(y, column * rows + row), load<f32>(at(x, row * columns + column)));
    }
  }
}
