/** What is done with the logits of a part of the vocabulary: see src/engine/operations/unembedding.ts. */
import { eachElement, GROUP, reduction, type Shader } from './shader.ts';

const WIDE = 128;

/**
 * Goes on with each row's sum of exponentials, relative to the largest logit so far, and takes its label's logit if it is in
 * this part. After the last part both are logarithms of probabilities. One workgroup a row.
 */
export const LOGIT_SUMS: Shader = {
  numbers: { rows: 'u32', width: 'u32', begin: 'u32', first: 'u32', last: 'u32' },
  inputs: { logits: 'f32', labels: 'i32' },
  // Until the last part: the label's logit, the largest logit, and the sum.
  outputs: { logProbability: 'f32', logSum: 'f32', sums: 'f32' },
  group: [WIDE, 1],
  before: `${reduction('largest', WIDE, 'max(a, b)')}${reduction('summed', WIDE, 'a + b')}`,
  body: `
  let row = ${GROUP};
  let start = row * n.width;
  let within = row < n.rows;
  var most = -3.4e38;
  var before = 0.0;
  if (within) {
    for (var token = index; token < n.width; token += ${WIDE}u) { most = max(most, logits[start + token]); }
    if (n.first == 0u) { most = max(most, logSum[row]); }
  }
  let top = largest(most, index);
  if (within && n.first == 0u) { before = sums[row] * exp(logSum[row] - top); }
  var sum = 0.0;
  if (within) { for (var token = index; token < n.width; token += ${WIDE}u) { sum += exp(logits[start + token] - top); } }
  let total = summed(sum, index) + before;
  if (!within || index > 0u) { return; }
  let label = u32(labels[row]);
  if (label >= n.begin && label < n.begin + n.width) { logProbability[row] = logits[start + label - n.begin]; }
  if (n.last == 1u) {
    let normaliser = top + log(total);
    logProbability[row] -= normaliser;
    logSum[row] = normaliser;
  } else {
    logSum[row] = top;
    sums[row] = total;
  }`,
};

/** Gradients of logits, in their place. */
export const LOGIT_GRADIENT: Shader = eachElement({
  numbers: { width: 'u32', begin: 'u32' },
  inputs: { dy: 'f32', labels: 'i32', logSum: 'f32' },
  outputs: { logits: 'f32' },
  body: `
    let row = i / n.width;
    let hit = select(0.0, 1.0, u32(labels[row]) == n.begin + i % n.width);
    logits[i] = dy[row] * (hit - exp(logits[i] - logSum[row]));`,
});
