/**
 * A model in a folder, as Hugging Face keeps it: config.json, tokenizer.json and weights in safetensors, in one file or
 * in several with an index. Weights are read tensor by tensor into the layout that training uses.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import { readTextFile, withRegularFile } from '../files.ts';
import { scratchTokenIds, type TokenIds } from '../passwords/tokens.ts';
import type { Family, Setup } from '../setup/schema.ts';
import { innerWidth, vocabulary } from '../setup/sizes.ts';
import { orRefuse, parseJson } from '../untrusted.ts';
import { type ConfiguredShape, configJson, MOST_TEXT, ModelError, parseConfig } from './config.ts';
import {
  type ModelSetup,
  type ParameterSpecification,
  type ParameterValues,
  parameterSpecifications,
  TABLES,
} from './parameters.ts';
import {
  SafetensorsError,
  type SafetensorsReader,
  safetensorsBytes,
  withSafetensors,
  writePieces,
} from './safetensors.ts';
import { tokenIdsOf } from './tokenizer.ts';

const CONFIG = 'config.json';
const TOKENIZER = 'tokenizer.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** Buffers that older files hold beside the parameters: constants, which are computed here. */
const BUFFERS: Readonly<Record<Family, RegExp>> = {
  'gpt-neox': /^gpt_neox\.layers\.\d+\.attention\.(bias|masked_bias|rotary_emb\.inv_freq)$/,
  llama: /^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/,
};

/** Reads one of a model's files. @throws ModelError for what may not be read */
const reading = <Result>(file: string, body: () => Result): Result =>
  orRefuse(body, (why) => new ModelError(`${file} ${why}`));

function readText(folder: string, name: string): string {
  const file = path.join(folder, name);
  if (!existsSync(file)) throw new ModelError(`${folder} has no ${name}: is it the folder of a model?`);
  return reading(file, () => readTextFile(file, MOST_TEXT));
}

/** What config.json in a model's folder says. @throws ModelError */
export const readConfig = (folder: string): ConfiguredShape =>
  parseConfig(readText(folder, CONFIG), path.join(folder, CONFIG));

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

/** The files that hold a model's weights. @throws ModelError */
export function weightFiles(folder: string): string[] {
  const indexFile = path.join(folder, INDEX);
  if (!existsSync(indexFile)) {
    const file = path.join(folder, WEIGHTS);
    if (existsSync(file)) return [file];
    const pickled = existsSync(path.join(folder, 'pytorch_model.bin'));
    const other = pickled ? ', only a pytorch_model.bin, which cannot be read here' : '';
    throw new ModelError(
      `${folder} has neither ${WEIGHTS} nor ${INDEX}${other}; \`negative-knowledge fetch\` gets them`,
    );
  }
  let index: z.infer<typeof indexSchema>;
  try {
    index = indexSchema.parse(parseJson(readText(folder, INDEX)));
  } catch (error) {
    if (error instanceof ModelError) throw error;
    throw new ModelError(`${indexFile}: is no index of weights (${(error as Error).message.slice(0, 200)})`);
  }
  const names = [...new Set(Object.values(index.weight_map))].sort();
  const strange = names.find((name) => path.basename(name) !== name || !name.endsWith('.safetensors'));
  if (strange !== undefined)
    throw new ModelError(`${indexFile}: names "${strange.slice(0, 200)}", which is no file beside it`);
  const lost = names.find((name) => !existsSync(path.join(folder, name)));
  if (lost !== undefined)
    throw new ModelError(`${folder} lacks ${lost}, which ${INDEX} names: an unfinished download?`);
  if (names.length === 0) throw new ModelError(`${indexFile}: names no file`);
  return names.map((name) => path.join(folder, name));
}

/** SHA-256 of a file. @throws ModelError where it is no regular file */
const fileDigest = (file: string): string =>
  reading(file, () =>
    withRegularFile(file, (descriptor) => {
      const hash = createHash('sha256');
      const piece = Buffer.alloc(2 ** 22);
      for (let read = readSync(descriptor, piece); read > 0; read = readSync(descriptor, piece)) {
        hash.update(piece.subarray(0, read));
      }
      return hash.digest('hex');
    }),
  );

/** SHA-256 over the files of a folder that a run depends on: a setup's `model.weights`. @throws ModelError */
export function modelDigest(folder: string): string {
  const hash = createHash('sha256');
  for (const file of [path.join(folder, CONFIG), path.join(folder, TOKENIZER), ...weightFiles(folder)]) {
    if (existsSync(file)) hash.update(`${path.basename(file)} ${fileDigest(file)}\n`);
  }
  return hash.digest('hex');
}

/**
 * Checks that a folder's config.json describes the setup's model.
 * @throws ModelError that names each field that differs
 */
export function assertSameShape(setup: Setup, folder: string): void {
  const { positions, ...shape } = readConfig(folder);
  const { model, passwords } = setup;
  const asked = { ...model, vocabulary: model.vocabulary ?? shape.vocabulary };
  // Factors that give the same width are those of the same model.
  const isSame = (key: keyof typeof shape) =>
    key === 'intermediateFactor' ? innerWidth(model) === innerWidth(shape) : asked[key] === shape[key];
  const wrong = (Object.keys(shape) as (keyof typeof shape)[])
    .filter((key) => !isSame(key))
    .map((key) => `model.${key} is ${asked[key]} and ${shape[key]} there`);
  if (wrong.length > 0)
    throw new ModelError(`the setup does not fit ${path.join(folder, CONFIG)}: ${wrong.join('; ')}`);
  if (passwords.length + 1 > positions) {
    throw new ModelError(`passwords of ${passwords.length} letters are longer than the model's ${positions} positions`);
  }
}

/** The model's own tokens for a setup's letters and prefixes. @throws ModelError */
export const pretrainedTokenIds = (
  folder: string,
  { passwords, prefixes }: Pick<Setup, 'passwords' | 'prefixes'>,
): TokenIds => tokenIdsOf(readText(folder, TOKENIZER), passwords.alphabet, path.join(folder, TOKENIZER), prefixes);

/** Hugging Face keeps weights of linear layers `[out, in]`, the transpose of ours; the embedding is a table in both. */
const isTransposed = ({ name, shape }: ParameterSpecification): boolean =>
  shape.length === 2 && Object.values(TABLES).every(({ embedding }) => embedding !== name);

const storedShape = (specification: ParameterSpecification): number[] =>
  isTransposed(specification) ? specification.shape.toReversed() : [...specification.shape];

/** Reads one parameter in our layout. */
function readParameter(reader: SafetensorsReader, specification: ParameterSpecification): Float32Array {
  const { name } = specification;
  const expected = storedShape(specification);
  const { shape } = reader.entry(name);
  if (shape.join() !== expected.join()) {
    throw new SafetensorsError(`${name} is of shape [${shape}], and the model's is [${expected}]`);
  }
  if (!isTransposed(specification)) return reader.read(name);
  const [rows, columns] = expected;
  const data = new Float32Array(rows * columns);
  reader.readPieces(name, (piece, start) => {
    let [row, column] = [Math.floor(start / columns), start % columns];
    for (let index = 0; index < piece.length; index++) {
      data[column * rows + row] = piece[index];
      column += 1;
      if (column === columns) [row, column] = [row + 1, 0];
    }
  });
  return data;
}

/** All parameters of a model in a folder, in our layout. @throws ModelError naming the tensor and the file */
export function loadValues(setup: ModelSetup, folder: string): ParameterValues {
  const specifications = parameterSpecifications(setup);
  const { family, tiedEmbeddings } = setup.model;
  const isLeftOut = (name: string) =>
    BUFFERS[family].test(name) || (tiedEmbeddings && name === TABLES[family].unembedding);
  const wanted = new Map(specifications.map((specification) => [specification.name, specification]));
  const values: ParameterValues = new Map();
  const readFrom = (reader: SafetensorsReader): void => {
    for (const name of reader.names) {
      const specification = wanted.get(name);
      if (specification !== undefined) {
        if (values.has(name)) throw new SafetensorsError(`${name} is also in another file`);
        values.set(name, readParameter(reader, specification));
      } else if (!isLeftOut(name)) {
        throw new SafetensorsError(`has the tensor ${name.slice(0, 200)}, which the model has not`);
      }
    }
  };
  for (const file of weightFiles(folder)) {
    try {
      withSafetensors(file, readFrom);
    } catch (error) {
      throw error instanceof SafetensorsError ? new ModelError(error.message) : error;
    }
  }
  const lost = specifications.find(({ name }) => !values.has(name));
  if (lost !== undefined) throw new ModelError(`${folder}: the tensor ${lost.name} is missing from its weights`);
  return new Map(specifications.map(({ name }) => [name, values.get(name) as Float32Array])); // in the fixed order
}

/** Where tables of `tokens` tokens by `hidden` numbers keep number `unit` of a token. */
const PLACES = {
  embedding: (token: number, unit: number, _: number, hidden: number) => token * hidden + unit,
  unembedding: (token: number, unit: number, tokens: number, _: number) => unit * tokens + token,
};

/**
 * Tokens of letters and prefixes in the model that is trained: the pretrained model's own, or those of a from-scratch
 * model where the setup keeps only these tokens.
 */
export const idsFor = (setup: Setup, folder: string): TokenIds =>
  setup.model.vocabulary === null ? scratchTokenIds(setup) : pretrainedTokenIds(folder, setup);

/**
 * Loads the parameters that a setup starts from.
 * @param folder of the model `setup.model.pretrained`
 * @throws ModelError when it is not what the setup says, or is damaged
 */
export function loadPretrained(setup: Setup, folder: string): ParameterValues {
  assertSameShape(setup, folder);
  const { model, passwords } = setup;
  if (model.weights !== null && modelDigest(folder) !== model.weights) {
    throw new ModelError(`${folder} holds other files than this run began with (model.weights is not their digest)`);
  }
  const ids = pretrainedTokenIds(folder, setup);
  const tokens = [...ids.letters.values(), ...Object.values(ids.prefixes).map((token) => Math.max(token, 0))];
  const known = readConfig(folder).vocabulary;
  const beyond = tokens.find((token) => token >= known);
  if (beyond !== undefined) {
    throw new ModelError(`${folder}: its tokenizer knows a token ${beyond}, and its model only ${known}`);
  }
  const values = loadValues({ passwords, model: { ...model, vocabulary: known } }, folder);
  if (model.vocabulary !== null) return values;
  // A softmax over the used tokens only: their embeddings, in the order of a from-scratch model's tokens.
  const { hidden } = model;
  for (const which of ['embedding', 'unembedding'] as const) {
    const [name, place] = [TABLES[model.family][which], PLACES[which]];
    const table = values.get(name);
    if (table === undefined) continue; // tied embeddings have one table
    const kept = new Float32Array(tokens.length * hidden);
    for (const [index, token] of tokens.entries()) {
      for (let unit = 0; unit < hidden; unit++)
        kept[place(index, unit, tokens.length, hidden)] = table[place(token, unit, known, hidden)];
    }
    values.set(name, kept);
  }
  return values;
}

/**
 * Writes a model as Hugging Face reads it: config.json and model.safetensors, float32.
 * @param tokenizerFrom a folder whose tokenizer goes with it
 */
export function saveModel(folder: string, setup: ModelSetup, values: ParameterValues, tokenizerFrom?: string): void {
  mkdirSync(folder, { recursive: true });
  const tensors = parameterSpecifications(setup).map((specification) => {
    const data = values.get(specification.name) as Float32Array;
    const shape = storedShape(specification);
    const stored = isTransposed(specification) ? transposedCopy(data, shape) : data;
    return [specification.name, { shape, data: stored }] as const;
  });
  writePieces(path.join(folder, WEIGHTS), safetensorsBytes(new Map(tensors), { format: 'pt' }));
  writeFileSync(path.join(folder, CONFIG), configJson(setup.model, vocabulary(setup)));
  if (tokenizerFrom !== undefined) writeFileSync(path.join(folder, TOKENIZER), readText(tokenizerFrom, TOKENIZER));
}

/** `[columns, rows]` data as `[rows, columns]`. */
function transposedCopy(data: Float32Array, [rows, columns]: readonly number[]): Float32Array {
  const copy = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) copy[row * columns + column] = data[column * rows + row];
  }
  return copy;
}
