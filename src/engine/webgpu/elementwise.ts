/** Programs that take each element by itself, or each row of a table. */
import { eachElement, GROUP, reduction, type Shader } from './shader.ts';

/** The rows of a table that ids name. */
export const EMBEDDING: Shader = eachElement({
  numbers: { width: 'u32' },
  inputs: { ids: 'i32', table: 'f32' },
  outputs: { y: 'f32' },
  body: 'y[i] = table[u32(ids[i / n.width]) * n.width + i % n.width];',
});

const WIDE = 64;

/**
 * The gradient of a table: each of its rows is the sum of the rows of dy whose id it is, in their order. One workgroup a row,
 * which first looks whether there is any. Without atomic additions, whose order is another each time.
 */
export const EMBEDDING_GRADIENT: Shader = {
  numbers: { vocabulary: 'u32', rows: 'u32', width: 'u32' },
  inputs: { dy: 'f32', ids: 'i32' },
  outputs: { dTable: 'f32' },
  group: [WIDE, 1],
  before: reduction('smallest', WIDE, 'min(a, b)'),
  body: `
  let token = ${GROUP};
  var mine = n.rows;
  for (var row = index; row < n.rows; row += ${WIDE}u) {
    if (mine == n.rows && u32(ids[row]) == token) { mine = row; }
  }
  let first = u32(smallest(f32(mine), index));
  if (token >= n.vocabulary) { return; }
  for (var c = index; c < n.width; c += ${WIDE}u) {
    var sum = 0.0;
    for (var row = first; row < n.rows; row++) {
      if (u32(ids[row]) == token) { sum += dy[row * n.width + c]; }
    }
    dTable[token * n.width + c] = sum;
  }`,
};

const ROW = 128;

/** Log-probability of each row's label, and the logarithm of the sum of its exponentials. One workgroup a row. */
export const TOKEN_LOG_PROBABILITY: Shader = {
  numbers: { rows: 'u32', vocabulary: 'u32' },
  inputs: { logits: 'f32', labels: 'i32' },
  outputs: { logProbability: 'f32', logSum: 'f32' },
  group: [ROW, 1],
  before: `${reduction('largest', ROW, 'max(a, b)')}${reduction('summed', ROW, 'a + b')}`,
  body: `
  let row = ${GROUP};
  let start = row * n.vocabulary;
  let within = row < n.rows;
  var most = -3.4e38;
  if (within) { for (var token = index; token < n.vocabulary; token += ${ROW}u) { most = max(most, logits[start + token]); } }
  let top = largest(most, index);
  var sum = 0.0;
  if (within) { for (var token = index; token < n.vocabulary; token += ${ROW}u) { sum += exp(logits[start + token] - top); } }
  let normaliser = top + log(summed(sum, index));
  if (within && index == 0u) {
    logProbability[row] = logits[start + u32(labels[row])] - normaliser;
    logSum[row] = normaliser;
  }`,
};

export const TOKEN_LOG_PROBABILITY_GRADIENT: Shader = eachElement({
  numbers: { vocabulary: 'u32' },
  inputs: { dy: 'f32', logits: 'f32', labels: 'i32', logSum: 'f32' },
  outputs: { dLogits: 'f32' },
  body: `
    let row = i / n.vocabulary;
    let hit = select(0.0, 1.0, u32(labels[row]) == i % n.vocabulary);
    dLogits[i] = dy[row] * (hit - exp(logits[i] - logSum[row]));`,
});

/** GELU by its tables, and its derivative: see src/engine/operations/gelu.ts. */
export const gelu = (reach: number, nodesPerUnit: number): Shader =>
  eachElement({
    numbers: {},
    inputs: { x: 'f32', distribution: 'f32', density: 'f32' },
    outputs: { y: 'f32', slope: 'f32' },
    body: `
    let value = x[i];
    // By its bits: a compiler may take for granted that there is no NaN.
    let none = (bitcast<u32>(value) & 0x7fffffffu) > 0x7f800000u;
    if (none || abs(value) >= ${reach}.0) {
      let large = value > 0.0;
      y[i] = select(select(0.0, value, large), value, none);
      slope[i] = select(select(0.0, 1.0, large), value, none);
      return;
    }
    let nearest = u32(value * ${nodesPerUnit}.0 + ${reach * nodesPerUnit}.5);
    let node = f32(i32(nearest) - ${reach * nodesPerUnit}) / ${nodesPerUnit}.0;
    let phi = density[nearest];
    let h = value - node;
    let second = 0.5 * (node * node - 1.0);
    let third = node * (3.0 - node * node) / 6.0;
    let cumulative = distribution[nearest]
      + phi * h * (1.0 + h * (-0.5 * node + h * (second * (1.0 / 3.0) + h * third * 0.25)));
    y[i] = value * cumulative;
    slope[i] = cumulative + value * phi * (1.0 + h * (-node + h * (second + h * third)));`,
  });
