/** Layer norm and its gradient. */
import { GROUP, inRows, reduction, type Shader } from './shader.ts';

const WIDE = 64;

/** One workgroup a row. */
export const LAYER_NORM: Shader = {
  numbers: { rows: 'u32', width: 'u32', epsilon: 'f32' },
  inputs: { x: 'f32', gain: 'f32', bias: 'f32' },
  outputs: { y: 'f32', moments: 'f32' },
  group: [WIDE, 1],
  before: reduction('summed', WIDE, 'a + b'),
  body: `
  let row = ${GROUP};
  let start = row * n.width;
  let within = row < n.rows;
  var sum = 0.0;
  if (within) { for (var c = index; c < n.width; c += ${WIDE}u) { sum += x[start + c]; } }
  let mean = summed(sum, index) / f32(n.width);
  var squares = 0.0;
  if (within) {
    for (var c = index; c < n.width; c += ${WIDE}u) {
      let centred = x[start + c] - mean;
      squares += centred * centred;
    }
  }
  let inverse = 1.0 / sqrt(summed(squares, index) / f32(n.width) + n.epsilon);
  if (!within) { return; }
  for (var c = index; c < n.width; c += ${WIDE}u) { y[start + c] = (x[start + c] - mean) * inverse * gain[c] + bias[c]; }
  if (index == 0u) {
    moments[2u * row] = mean;
    moments[2u * row + 1u] = inverse;
  }`,
};

/** Of x; one workgroup a row. */
export const LAYER_NORM_GRADIENT: Shader = {
  numbers: { rows: 'u32', width: 'u32' },
  inputs: { dy: 'f32', x: 'f32', gain: 'f32', moments: 'f32' },
  outputs: { dx: 'f32' },
  group: [WIDE, 1],
  before: reduction('summed', WIDE, 'a + b'),
  body: `
  let row = ${GROUP};
  let start = row * n.width;
  let within = row < n.rows;
  var mean = 0.0;
  var inverse = 0.0;
  var sum = 0.0;
  var projection = 0.0;
  if (within) {
    mean = moments[2u * row];
    inverse = moments[2u * row + 1u];
    for (var c = index; c < n.width; c += ${WIDE}u) {
      let scaled = dy[start + c] * gain[c];
      sum += scaled;
      projection += scaled * ((x[start + c] - mean) * inverse);
    }
  }
  let all = summed(sum, index) / f32(n.width);
  let along = summed(projection, index) / f32(n.width);
  if (!within) { return; }
  for (var c = index; c < n.width; c += ${WIDE}u) {
    let normal = (x[start + c] - mean) * inverse;
    dx[start + c] = inverse * (dy[start + c] * gain[c] - all - normal * along);
  }`,
};

const [COLUMNS, LANES] = [16, 16];

/** Of the gain and the bias: sums down columns. A workgroup has 16 columns, and 16 invocations share each. */
export const LAYER_NORM_SUMS: Shader = {
  numbers: { rows: 'u32', width: 'u32' },
  inputs: { dy: 'f32', x: 'f32', moments: 'f32' },
  outputs: { dGain: 'f32', dBias: 'f32' },
  group: [COLUMNS, LANES],
  before: `
  var<workgroup> gains: array<f32, ${COLUMNS * LANES}>;
  var<workgroup> biases: array<f32, ${COLUMNS * LANES}>;`,
  body: `
  let c = group.x * ${COLUMNS}u + at.x;
  var ofGain = 0.0;
  var ofBias = 0.0;
  if (c < n.width) {
    for (var row = at.y; row < n.rows; row += ${LANES}u) {
      let upstream = dy[row * n.width + c];
      ofGain += upstream * (x[row * n.width + c] - moments[2u * row]) * moments[2u * row + 1u];
      ofBias += upstream;
    }
  }
  gains[index] = ofGain;
  biases[index] = ofBias;
  workgroupBarrier();
  if (at.y > 0u || c >= n.width) { return; }
  var gain = 0.0;
  var bias = 0.0;
  for (var lane = 0u; lane < ${LANES}u; lane++) {
    gain += gains[lane * ${COLUMNS}u + at.x];
    bias += biases[lane * ${COLUMNS}u + at.x];
  }
  dGain[c] = gain;
  dBias[c] = bias;`,
};

export const rowGroups = (rows: number): [number, number] => inRows(rows);
export const columnGroups = (columns: number): [number, number] => [Math.ceil(columns / COLUMNS), 1];
