/** Scores passwords with a model: the only bridge from tensors to measures. */
import { tf } from '../engine/engine.ts';
import { OPERATION_BY_OPERATION } from '../engine/graphs.ts';
import { embedding } from '../engine/operations/embedding.ts';
import { tokenLogProbability } from '../engine/operations/token-log-probability.ts';
import type { Scores } from '../measure/measures.ts';
import { forward, inputsAndLabels, residualStream, unembed } from '../model/model.ts';
import { type LoadedModel, type Parameters, parameter, TABLES } from '../model/parameters.ts';
import type { Prefix } from '../passwords/roles.ts';
import { type TokenIds, tokenBatch } from '../passwords/tokens.ts';

/** Sequences in one forward pass, at most: enough to keep products large, few enough to keep memory small. */
const CHUNK = 128;
/** Logits in one forward pass, at most: 128 MiB of them. */
const LOGITS = 2 ** 25;

/** A model that scores passwords: it is on an engine, and its tokens are known. */
export interface Reader extends LoadedModel {
  readonly ids: TokenIds;
}

/** Tokens that the model knows. */
const vocabularyOf = ({ parameters, model }: Pick<LoadedModel, 'parameters' | 'model'>): number =>
  parameter(parameters, TABLES[model.family].embedding).shape[0];

/** A float32 as the shortest decimal number that reads back as the same float32. */
const exactDecimal = (value: number): number => Number(value.toPrecision(9));

/** Computes tensors of `[rows * time, ...]` for one chunk, from its token ids, labels and `extra` inputs. */
type Computation = (
  parameters: Parameters,
  ids: tf.Tensor1D,
  labels: tf.Tensor1D,
  ...extra: tf.Tensor[]
) => tf.Tensor[];

/**
 * Runs `compute` on passwords after a prefix, chunk by chunk.
 * @param what names the computation
 * @param extra further inputs of a chunk
 * @returns `[tensors][passwords][...]`: the numbers that each tensor has for each password
 */
async function readPasswords(
  { engine, parameters, model, ids, graphs = OPERATION_BY_OPERATION }: Reader,
  passwords: readonly string[],
  prefix: Prefix,
  what: string,
  compute: (time: number) => Computation,
  extra: (labels: Int32Array) => tf.Tensor[] = () => [],
): Promise<number[][][]> {
  const read: number[][][] = [];
  const names = [...parameters.keys()];
  const logits = (passwords[0]?.length ?? 1) * vocabularyOf({ parameters, model });
  const size = Math.max(1, Math.min(CHUNK, Math.floor(LOGITS / logits)));
  for (let start = 0; start < passwords.length; start += size) {
    const chunk = passwords.slice(start, start + size).map((password) => ({ password, prefix }));
    const batch = tokenBatch(chunk, ids);
    const time = batch.length - 1;
    const { inputs, labels } = inputsAndLabels(batch);
    const fed = [tf.tensor1d(inputs, 'int32'), tf.tensor1d(labels, 'int32'), ...extra(labels)];
    const body = (...tensors: tf.Tensor[]) => {
      const [tokens, next, ...others] = tensors.slice(0, fed.length);
      const given = new Map(names.map((name, index) => [name, tensors[fed.length + index]]));
      return compute(time)(given, tokens as tf.Tensor1D, next as tf.Tensor1D, ...others);
    };
    const computed = graphs.run(`${what} ${JSON.stringify({ model, time })}`, body, [...fed, ...parameters.values()]);
    for (const [which, tensor] of computed.entries()) {
      const values = await engine.read(tensor);
      const each = values.length / batch.rows;
      read[which] ??= [];
      for (let at = 0; at < values.length; at += each) read[which].push(Array.from(values.subarray(at, at + each)));
    }
    tf.dispose([...fed, ...computed]);
  }
  return read;
}

/** Picks the alphabet's letters out of all tokens. */
class Letters {
  readonly #tokens: readonly number[];
  readonly #vocabulary: number;

  constructor(reader: Reader) {
    this.#tokens = [...reader.ids.letters.values()];
    this.#vocabulary = vocabularyOf(reader);
  }

  get size(): number {
    return this.#tokens.length;
  }

  /** `[vocabulary, letters]`: logits times this are those of the letters. */
  selection(): tf.Tensor2D {
    const ones = new Float32Array(this.#vocabulary * this.size);
    this.#tokens.forEach((token, letter) => {
      ones[token * this.size + letter] = 1;
    });
    return tf.tensor2d(ones, [this.#vocabulary, this.size]);
  }

  /** Places of the tokens in the alphabet. */
  places(tokens: Int32Array): tf.Tensor1D {
    return tf.tensor1d(
      tokens.map((token) => this.#tokens.indexOf(token)),
      'int32',
    );
  }
}

/** Log-probabilities of letters among all tokens and among letters; the share of the letters is their difference. */
const sharesOf = (logP: number[][], amongLetters: number[][]): number[][] =>
  logP.map((row, password) =>
    row.map((value, place) => exactDecimal(Math.fround(value - amongLetters[password][place]))),
  );

/**
 * Log-probability of every letter of passwords after a prefix, the letters' share of all tokens, and how many tokens the model thought
 * likelier.
 */
export async function score(reader: Reader, passwords: readonly string[], prefix: Prefix): Promise<Required<Scores>> {
  const vocabulary = vocabularyOf(reader);
  const letters = new Letters(reader);
  const compute =
    (time: number): Computation =>
    (parameters, tokens, labels, at, selection, letterLabels) => {
      const logits = forward(parameters, reader.model, tokens, time);
      // The true letter's logit, looked up as a row of a table of single logits.
      const logit = embedding(tf.reshape(logits, [-1, 1]), at as tf.Tensor1D);
      return [
        tokenLogProbability(logits, labels),
        tf.sum(tf.cast(tf.greater(logits, logit), 'float32'), 1),
        tokenLogProbability(tf.matMul(logits, selection as tf.Tensor2D), letterLabels as tf.Tensor1D),
      ];
    };
  const extra = (labels: Int32Array) => [
    tf.tensor1d(
      labels.map((label, row) => row * vocabulary + label),
      'int32',
    ),
    letters.selection(),
    letters.places(labels),
  ];
  const [logP = [], ranks = [], amongLetters = []] = await readPasswords(
    reader,
    passwords,
    prefix,
    'score',
    compute,
    extra,
  );
  return {
    logProbabilities: logP.map((row) => row.map(exactDecimal)),
    letterShares: sharesOf(logP, amongLetters),
    ranks,
  };
}

/**
 * The logit lens: scores of every letter as the embedding and then each block leave it in the residual stream.
 * @returns of each of `layers + 1`
 */
export async function lens(
  reader: Reader,
  passwords: readonly string[],
  prefix: Prefix,
): Promise<Required<Pick<Scores, 'logProbabilities' | 'letterShares'>>[]> {
  const letters = new Letters(reader);
  const read = await readPasswords(
    reader,
    passwords,
    prefix,
    'lens',
    (time) => (parameters, tokens, labels, selection, letterLabels) =>
      residualStream(parameters, reader.model, tokens, time).flatMap((x) =>
        // One layer's logits at a time: they are what takes memory.
        tf.tidy(() => {
          const logits = unembed(parameters, reader.model, x);
          const ofLetters = tf.matMul(logits, selection as tf.Tensor2D);
          return [tokenLogProbability(logits, labels), tokenLogProbability(ofLetters, letterLabels as tf.Tensor1D)];
        }),
      ),
    (labels) => [letters.selection(), letters.places(labels)],
  );
  return Array.from({ length: read.length / 2 }, (_, layer) => {
    const [logProbabilities, amongLetters] = [read[2 * layer], read[2 * layer + 1]];
    return { logProbabilities, letterShares: sharesOf(logProbabilities, amongLetters) };
  });
}

/**
 * The residual stream at the places where at least half of a password's letters have been read, as a mean over them.
 * @returns of each of `layers + 1`, by password: `hidden` numbers
 */
export const residuals = (reader: Reader, passwords: readonly string[], prefix: Prefix): Promise<number[][][]> =>
  readPasswords(reader, passwords, prefix, 'residuals', (time) => (parameters, tokens) => {
    const from = Math.floor(time / 2);
    const { hidden } = reader.model;
    return residualStream(parameters, reader.model, tokens, time).map((x) =>
      tf.mean(tf.slice(tf.reshape(x, [-1, time, hidden]), [0, from, 0], [-1, time - from, hidden]), 1),
    );
  });

/**
 * Log-probabilities of all tokens at every place of passwords after a prefix.
 * @returns by password: `time * vocabulary` numbers, place by place; nats
 */
export async function tokenDistributions(
  reader: Reader,
  passwords: readonly string[],
  prefix: Prefix,
): Promise<Float32Array[]> {
  const [read = []] = await readPasswords(reader, passwords, prefix, 'distributions', (time) => (given, inputs) => {
    const logits = forward(given, reader.model, inputs, time);
    return [tf.sub(logits, tf.logSumExp(logits, 1, true))];
  });
  return read.map((row) => Float32Array.from(row));
}

/**
 * The logits of the alphabet's letters at every place of passwords after a prefix.
 * @returns by password and letter: the logit of each letter of the alphabet
 */
export async function letterLogits(
  reader: Reader,
  passwords: readonly string[],
  prefix: Prefix,
): Promise<number[][][]> {
  const { model } = reader;
  const letters = new Letters(reader);
  const [logits = []] = await readPasswords(
    reader,
    passwords,
    prefix,
    'letters',
    (time) => (given, inputs, _, chosen) => [tf.matMul(forward(given, model, inputs, time), chosen as tf.Tensor2D)],
    () => [letters.selection()],
  );
  const { size } = letters;
  return logits.map((row) =>
    Array.from({ length: row.length / size }, (_, place) => row.slice(place * size, (place + 1) * size)),
  );
}
