/** Writes a setup's corpus and initial weights for another program to train on. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { group } from 'd3-array';
import { initialValues, parameterSpecifications, trainableNames } from '../../../src/model/parameters.ts';
import { safetensorsBytes, writePieces } from '../../../src/model/safetensors.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import { type Example, PHASES } from '../../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../../src/passwords/tokens.ts';
import { prefixOf } from '../../../src/recipe/recipe.ts';
import type { Setup } from '../../../src/setup/schema.ts';
import { vocabulary } from '../../../src/setup/sizes.ts';

/** First row and number of rows in tokens.bin. */
type Span = [start: number, rows: number];

const kindOf = ({ reward, role }: Example): string =>
  reward === 'imitated' ? (role === 'useful' ? 'useful' : 'random') : reward;

/** Writes job.json, tokens.bin (int32, row by row) and weights.safetensors. */
export function writeJob(folder: string, setup: Setup): void {
  const ids = scratchTokenIds(setup);
  const corpus = buildCorpus(setup);
  const chunks: Int32Array[] = [];
  let rows = 0;
  const store = (examples: readonly Pick<Example, 'prefix' | 'password'>[]): Span => {
    const batch = tokenBatch(examples, ids);
    chunks.push(batch.tokens);
    rows += batch.rows;
    return [rows - batch.rows, batch.rows];
  };
  const evaluated = (prefix: 'regular' | 'reverse') =>
    [
      corpus.heldOut.slice(0, setup.evaluation.heldOut),
      corpus.useful.slice(0, setup.evaluation.useful),
      corpus.control,
    ].map((passwords) => store(passwords.map((password) => ({ password, prefix: prefixOf(setup, prefix) }))));
  const phases = PHASES.map((name) => ({
    name,
    trainable: trainableNames(setup, name === 'dpo' ? setup.phases.dpo.trainable : 'all'),
    weights: name === 'joint' ? setup.phases.joint.weights : { dpo: 1, useful: 1, random: 1, randomReverse: 0 },
    steps: Array.from({ length: setup.phases[name].steps }, (_, step) => {
      const kinds = group(corpus.examples(name, step), kindOf);
      return Object.fromEntries([...kinds].map(([kind, examples]) => [kind, store(examples)]));
    }),
    evaluated: evaluated(name === 'joint' ? 'reverse' : 'regular'),
  }));
  mkdirSync(folder, { recursive: true });
  const { beta, optimiser, model } = setup;
  const length = chunks[0].length / (phases[0].steps[0].random as Span)[1];
  const { every } = setup.evaluation;
  const job = { length, beta, optimiser, every, model: { ...model, vocabulary: vocabulary(setup) }, phases };
  writeFileSync(path.join(folder, 'job.json'), JSON.stringify(job));
  writeFileSync(path.join(folder, 'tokens.bin'), Buffer.concat(chunks.map((chunk) => new Uint8Array(chunk.buffer))));
  const values = initialValues(setup);
  const tensors = new Map(
    parameterSpecifications(setup).map(({ name, shape }) => [name, { shape, data: values.get(name) as Float32Array }]),
  );
  writePieces(path.join(folder, 'weights.safetensors'), safetensorsBytes(tensors, {}));
}
