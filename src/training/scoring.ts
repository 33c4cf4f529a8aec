/** Scores passwords with a model: the only bridge from tensors to measures. */
import { tf } from '../engine/engine.ts';
import { tokenLogProbability } from '../engine/operations/token-log-probability.ts';
import type { Scores } from '../measure/measures.ts';
import { forward, inputsAndLabels, type ModelShape } from '../model/gpt-neox.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Prefix } from '../passwords/roles.ts';
import { type TokenIds, tokenBatch } from '../passwords/tokens.ts';

/** Sequences in one forward pass: enough to keep products large, few enough to keep memory small. */
const CHUNK = 128;

/** A float32 as the shortest decimal number that reads back as the same float32. */
const exactDecimal = (value: number): number => Number(value.toPrecision(9));

/** Log-probabilities and top-1 hits of passwords after a prefix. */
export function score(
  parameters: Parameters,
  model: ModelShape,
  ids: TokenIds,
  passwords: readonly string[],
  prefix: Prefix,
): Scores {
  const logProbabilities: number[][] = [];
  const topHits: number[] = [];
  for (let start = 0; start < passwords.length; start += CHUNK) {
    const chunk = passwords.slice(start, start + CHUNK).map((password) => ({ password, prefix }));
    const batch = tokenBatch(chunk, ids);
    const time = batch.length - 1;
    const { inputs, labels } = inputsAndLabels(batch);
    const [logP, best] = tf.tidy(() => {
      const logits = forward(parameters, model, tf.tensor1d(inputs, 'int32'), time);
      const ofLabels = tokenLogProbability(logits, tf.tensor1d(labels, 'int32'));
      return [ofLabels.dataSync<'float32'>(), tf.argMax(logits, -1).dataSync<'int32'>()];
    });
    for (let row = 0; row < batch.rows; row++) {
      logProbabilities.push([...logP.subarray(row * time, (row + 1) * time)].map(exactDecimal));
      let hits = 0;
      for (let index = row * time; index < (row + 1) * time; index++) hits += best[index] === labels[index] ? 1 : 0;
      topHits.push(hits);
    }
  }
  return { logProbabilities, topHits };
}
