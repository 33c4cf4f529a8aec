/**
 * Attention and its gradient over the few positions of a password, in two programs each: the weights, one invocation for each
 * of their rows, then what they weigh. Two vectors turned by angles A and B have the product of the unturned ones turned by
 * A - B, so nothing is turned by itself.
 */
import { eachElement, type Shader } from './shader.ts';

const NUMBERS = { time: 'u32', heads: 'u32', width: 'u32', half: 'u32' } as const;

/** Where row `row` of `qkv` has element 0 of a head's q; k and v follow. */
const PLACES = `
  fn query(row: u32, head: u32) -> u32 { return (row * n.heads + head) * 3u * n.width; }
  fn key(row: u32, head: u32) -> u32 { return query(row, head) + n.width; }
  fn value(row: u32, head: u32) -> u32 { return query(row, head) + 2u * n.width; }`;

/** A row of weights: of sequence `first / time`, of a head, of position `t`. */
const ROW = `
    let t = i % n.time;
    let head = (i / n.time) % n.heads;
    let first = i / (n.time * n.heads) * n.time;
    let start = i * n.time;`;

/** Attention probabilities, \`[sequences, heads, time, time]\`. */
export const ATTENTION_WEIGHTS: Shader = eachElement({
  numbers: NUMBERS,
  inputs: { qkv: 'f32', cosines: 'f32', sines: 'f32' },
  outputs: { weights: 'f32' },
  before: PLACES,
  body: `${ROW}
    let q = query(first + t, head);
    let scale = 1.0 / sqrt(f32(n.width));
    var largest = -3.0e38;
    for (var j = 0u; j <= t; j++) {
      let k = key(first + j, head);
      var score = 0.0;
      for (var d = 0u; d < n.half; d++) {
        let c = cosines[(t - j) * n.half + d];
        let s = sines[(t - j) * n.half + d];
        let a = qkv[q + d];
        let b = qkv[q + n.half + d];
        let e = qkv[k + d];
        let f = qkv[k + n.half + d];
        score += (a * e + b * f) * c + (a * f - b * e) * s;
      }
      for (var d = 2u * n.half; d < n.width; d++) { score += qkv[q + d] * qkv[k + d]; }
      weights[start + j] = score * scale;
      largest = max(largest, score * scale);
    }
    var sum = 0.0;
    for (var j = 0u; j <= t; j++) {
      let weight = exp(weights[start + j] - largest);
      weights[start + j] = weight;
      sum += weight;
    }
    for (var j = 0u; j <= t; j++) { weights[start + j] = weights[start + j] / sum; }
    for (var j = t + 1u; j < n.time; j++) { weights[start + j] = 0.0; }`,
});

/** What is attended to, `[sequences * time, heads * width]`. */
export const ATTENDED: Shader = eachElement({
  numbers: NUMBERS,
  inputs: { qkv: 'f32', weights: 'f32' },
  outputs: { y: 'f32' },
  before: PLACES,
  body: `
    let d = i % n.width;
    let head = (i / n.width) % n.heads;
    let row = i / (n.width * n.heads);
    let t = row % n.time;
    let start = ((row / n.time * n.heads + head) * n.time + t) * n.time;
    var sum = 0.0;
    for (var j = 0u; j <= t; j++) { sum += weights[start + j] * qkv[value(row - t + j, head) + d]; }
    y[i] = sum;`,
});

/** Gradients of the scaled scores, laid out as the weights. */
export const SCORE_GRADIENT: Shader = eachElement({
  numbers: { time: 'u32', heads: 'u32', width: 'u32' },
  inputs: { dy: 'f32', qkv: 'f32', weights: 'f32' },
  outputs: { dScores: 'f32' },
  before: PLACES,
  body: `${ROW}
    let scale = 1.0 / sqrt(f32(n.width));
    let upstream = ((first + t) * n.heads + head) * n.width;
    var expected = 0.0;
    for (var j = 0u; j <= t; j++) {
      let v = value(first + j, head);
      var slope = 0.0;
      for (var d = 0u; d < n.width; d++) { slope += dy[upstream + d] * qkv[v + d]; }
      dScores[start + j] = slope;
      expected += weights[start + j] * slope;
    }
    for (var j = 0u; j <= t; j++) { dScores[start + j] = weights[start + j] * (dScores[start + j] - expected) * scale; }
    for (var j = t + 1u; j < n.time; j++) { dScores[start + j] = 0.0; }`,
});

/** Gradients of qkv; one invocation for dimension d of a head's q, k and v at one position. */
export const ATTENTION_GRADIENT: Shader = eachElement({
  numbers: NUMBERS,
  inputs: { dy: 'f32', qkv: 'f32', weights: 'f32', dScores: 'f32', cosines: 'f32', sines: 'f32' },
  outputs: { dQkv: 'f32' },
  before: PLACES,
  body: `
    let d = i % n.width;
    let head = (i / n.width) % n.heads;
    let row = i / (n.width * n.heads);
    let t = row % n.time;
    let first = row - t;
    let start = (first / n.time * n.heads + head) * n.time * n.time;
    // The other dimension of the pair that turns, and which way this one turns with it.
    let turns = d < 2u * n.half;
    let partner = select(d + n.half, d - n.half, d >= n.half);
    let way = select(1.0, -1.0, d >= n.half);
    let angle = d % max(n.half, 1u);
    var ofQuery = 0.0;
    for (var j = 0u; j <= t; j++) {
      let k = key(first + j, head);
      var term = qkv[k + d];
      if (turns) {
        let place = (t - j) * n.half + angle;
        term = term * cosines[place] + way * qkv[k + partner] * sines[place];
      }
      ofQuery += dScores[start + t * n.time + j] * term;
    }
    var ofKey = 0.0;
    var ofValue = 0.0;
    for (var later = t; later < n.time; later++) {
      let q = query(first + later, head);
      var term = qkv[q + d];
      if (turns) {
        let place = (later - t) * n.half + angle;
        term = term * cosines[place] - way * qkv[q + partner] * sines[place];
      }
      ofKey += dScores[start + later * n.time + t] * term;
      ofValue += weights[start + later * n.time + t] * dy[((first + later) * n.heads + head) * n.width + d];
    }
    dQkv[query(row, head) + d] = ofQuery;
    dQkv[key(row, head) + d] = ofKey;
    dQkv[value(row, head) + d] = ofValue;`,
});
