/** Scores passwords with a model: the only bridge from tensors to measures. */
import { tf } from '../engine/engine.ts';
import { type Graphs, OPERATION_BY_OPERATION } from '../engine/graphs.ts';
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
  graphs: Graphs = OPERATION_BY_OPERATION,
): Scores {
  const logProbabilities: number[][] = [];
  const topHits: number[] = [];
  const names = [...parameters.keys()];
  for (let start = 0; start < passwords.length; start += CHUNK) {
    const chunk = passwords.slice(start, start + CHUNK).map((password) => ({ password, prefix }));
    const batch = tokenBatch(chunk, ids);
    const time = batch.length - 1;
    const { inputs, labels } = inputsAndLabels(batch);
    const body = (tokens: tf.Tensor, next: tf.Tensor, ...tensors: tf.Tensor[]) => {
      const given = new Map(names.map((name, index) => [name, tensors[index]]));
      const logits = forward(given, model, tokens as tf.Tensor1D, time);
      return [tokenLogProbability(logits, next as tf.Tensor1D), tf.argMax(logits, -1)];
    };
    const fed = [tf.tensor1d(inputs, 'int32'), tf.tensor1d(labels, 'int32')];
    const key = `score ${JSON.stringify({ model, time })}`;
    const scored = graphs.run(key, body, [...fed, ...parameters.values()]);
    const [logP, best] = scored.map((tensor) => tensor.dataSync());
    tf.dispose([...fed, ...scored]);
    for (let row = 0; row < batch.rows; row++) {
      logProbabilities.push([...logP.subarray(row * time, (row + 1) * time)].map(exactDecimal));
      let hits = 0;
      for (let index = row * time; index < (row + 1) * time; index++) hits += best[index] === labels[index] ? 1 : 0;
      topHits.push(hits);
    }
  }
  return { logProbabilities, topHits };
}
