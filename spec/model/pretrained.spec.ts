import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ModelError } from '../../src/model/config.ts';
import { type ParameterValues, parameterSpecifications } from '../../src/model/parameters.ts';
import { idsFor, loadPretrained, loadValues, modelDigest, readConfig, saveModel } from '../../src/model/pretrained.ts';
import { type NamedTensor, safetensorsBytes, withSafetensors, writePieces } from '../../src/model/safetensors.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { saveTinyModel } from '../helpers/model.ts';
import { asLlama, tinySetup } from '../helpers/setups.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-model-'));
const folder = path.join(root, 'model');
let setup: Setup;
let values: ParameterValues;
beforeAll(() => {
  ({ setup, values } = saveTinyModel(folder));
});
afterAll(() => rmSync(root, { recursive: true }));

/** All tensors of the model as they are on disk. */
const stored = (): Map<string, NamedTensor> =>
  withSafetensors(
    path.join(folder, 'model.safetensors'),
    (reader) =>
      new Map(reader.names.map((name) => [name, { shape: reader.entry(name).shape, data: reader.read(name) }])),
  );

let copies = 0;
/** A copy of the model with other tensors, in files of the given names. */
function modelOf(files: Record<string, ReadonlyMap<string, NamedTensor>>, index?: object): string {
  copies += 1;
  const copy = path.join(root, `copy-${copies}`);
  cpSync(folder, copy, { recursive: true });
  rmSync(path.join(copy, 'model.safetensors'));
  for (const [name, tensors] of Object.entries(files)) {
    writePieces(path.join(copy, name), safetensorsBytes(tensors, {}));
  }
  if (index !== undefined) writeFileSync(path.join(copy, 'model.safetensors.index.json'), JSON.stringify(index));
  return copy;
}

const changed = (change: (tensors: Map<string, NamedTensor>) => void): string => {
  const tensors = stored();
  change(tensors);
  return modelOf({ 'model.safetensors': tensors });
};

describe('a model in a folder', () => {
  it('gives back the values that were saved, in every bit and in the order of parameters', () => {
    const read = loadPretrained(setup, folder);
    expect(read).toEqual(values);
    expect([...read.keys()]).toEqual(parameterSpecifications(setup).map(({ name }) => name));
  });

  it('has weights of linear layers as [out, in], as Hugging Face does', () => {
    const tensors = stored();
    const { hidden } = setup.model;
    expect(tensors.get('gpt_neox.layers.0.attention.query_key_value.weight')?.shape).toEqual([3 * hidden, hidden]);
    expect(tensors.get('gpt_neox.layers.1.mlp.dense_h_to_4h.weight')?.shape).toEqual([4 * hidden, hidden]);
    expect(tensors.get('embed_out.weight')?.shape).toEqual([8200, hidden]);
    expect(tensors.get('gpt_neox.embed_in.weight')?.shape).toEqual([8200, hidden]);
    // Entry (in 1, out 2) of ours.
    const ours = values.get('gpt_neox.layers.0.attention.dense.weight') as Float32Array;
    const theirs = tensors.get('gpt_neox.layers.0.attention.dense.weight')?.data as Float32Array;
    expect(theirs[2 * hidden + 1]).toBe(ours[1 * hidden + 2]);
  });

  it('in several files with an index reads the same', () => {
    const tensors = [...stored()];
    const [first, second] = [new Map(tensors.slice(0, 9)), new Map(tensors.slice(9))];
    const index = {
      weight_map: Object.fromEntries([
        ...[...first.keys()].map((name) => [name, 'model-00001-of-00002.safetensors']),
        ...[...second.keys()].map((name) => [name, 'model-00002-of-00002.safetensors']),
      ]),
    };
    const files = { 'model-00001-of-00002.safetensors': first, 'model-00002-of-00002.safetensors': second };
    expect(loadPretrained(setup, modelOf(files, index))).toEqual(values);
    const lacking = modelOf({ 'model-00001-of-00002.safetensors': first }, index);
    expect(() => loadPretrained(setup, lacking)).toThrow(/lacks model-00002-of-00002\.safetensors/);
    const escaping = modelOf(files, { weight_map: { a: '../../secret.safetensors' } });
    expect(() => loadPretrained(setup, escaping)).toThrow(
      /names "\.\.\/\.\.\/secret\.safetensors", which is no file beside it/,
    );
    const twice = { 'model-00001-of-00002.safetensors': first, 'model-00002-of-00002.safetensors': stored() };
    expect(() => loadPretrained(setup, modelOf(twice, index))).toThrow(/is also in another file/);
    expect(() => loadPretrained(setup, modelOf(files, { weight_map: 5 }))).toThrow(/is no index of weights/);
  });

  it("of the paper's time has buffers beside its parameters, which are constants and are passed over", () => {
    const buffers = { shape: [4], data: new Float32Array(4) };
    const model = changed((tensors) => {
      tensors.set('gpt_neox.layers.0.attention.bias', buffers);
      tensors.set('gpt_neox.layers.1.attention.masked_bias', buffers);
      tensors.set('gpt_neox.layers.1.attention.rotary_emb.inv_freq', buffers);
    });
    expect(loadPretrained(setup, model)).toEqual(values);
  });

  it('with tied embeddings has one table', () => {
    const tied = path.join(root, 'tied');
    const { setup: tiedSetup, values: one } = saveTinyModel(tied, ({ model }) =>
      Object.assign(model, { tiedEmbeddings: true }),
    );
    expect(loadPretrained(tiedSetup, tied)).toEqual(one);
    expect(one.has('embed_out.weight')).toBe(false);
  });

  it('has a digest that changes with any of its files', () => {
    const digest = modelDigest(folder);
    expect(loadPretrained(parseSetup({ ...setup, model: { ...setup.model, weights: digest } }), folder)).toEqual(
      values,
    );
    const other = changed((tensors) => {
      const { shape, data } = tensors.get('embed_out.weight') as NamedTensor;
      tensors.set('embed_out.weight', { shape, data: data.with(7, data[7] + 1) });
    });
    expect(modelDigest(other)).not.toBe(digest);
    const begunElsewhere = parseSetup({ ...setup, model: { ...setup.model, weights: modelDigest(other) } });
    expect(() => loadPretrained(begunElsewhere, folder)).toThrow(/holds other files than this run began with/);
  });
});

describe('only the letters and prefixes of a model', () => {
  it('are the rows of the embedding and the columns of the unembedding that stand for them', () => {
    const few = parseSetup({ ...setup, model: { ...setup.model, vocabulary: null } });
    const part = loadPretrained(few, folder);
    const { hidden } = setup.model;
    const tokens = idsFor(setup, folder);
    const [letter, place] = ['q', 16];
    const token = tokens.letters.get(letter) as number;
    expect(token).toBe(2805);
    expect(idsFor(few, folder).letters.get(letter)).toBe(place);
    const rows = (table: Float32Array | undefined, index: number) => table?.slice(index * hidden, (index + 1) * hidden);
    const embedding = 'gpt_neox.embed_in.weight';
    expect(part.get(embedding)?.length).toBe(28 * hidden);
    expect(rows(part.get(embedding), place)).toEqual(rows(values.get(embedding), token));
    expect(rows(part.get(embedding), 27)).toEqual(rows(values.get(embedding), tokens.prefixes.reverse));
    const column = (table: Float32Array | undefined, width: number, index: number) =>
      Array.from({ length: hidden }, (_, row) => table?.[row * width + index]);
    expect(column(part.get('embed_out.weight'), 28, place)).toEqual(
      column(values.get('embed_out.weight'), 8200, token),
    );
    for (const [name, data] of values) if (!name.includes('embed')) expect(part.get(name)).toEqual(data);
  });
});

describe('a model that does not fit is refused, and the refusal names it:', () => {
  const name = 'gpt_neox.layers.1.mlp.dense_4h_to_h.weight';

  it('a missing tensor', () => {
    expect(() =>
      loadPretrained(
        setup,
        changed((tensors) => tensors.delete(name)),
      ),
    ).toThrow(ModelError);
    expect(() =>
      loadPretrained(
        setup,
        changed((tensors) => tensors.delete(name)),
      ),
    ).toThrow(`the tensor ${name} is missing`);
  });

  it('an unexpected tensor', () => {
    const odd = { shape: [1], data: new Float32Array(1) };
    for (const unexpected of ['gpt_neox.layers.2.mlp.dense_4h_to_h.weight', '__proto__x', 'lm_head.weight']) {
      expect(() =>
        loadPretrained(
          setup,
          changed((tensors) => tensors.set(unexpected, odd)),
        ),
      ).toThrow(new RegExp(`has the tensor ${unexpected.replaceAll('.', '\\.')}, which the model has not`));
    }
  });

  it('a tensor of another shape', () => {
    const model = changed((tensors) => {
      const { shape, data } = tensors.get(name) as NamedTensor;
      tensors.set(name, { shape: shape.toReversed(), data });
    });
    expect(() => loadPretrained(setup, model)).toThrow(`${name} is of shape [64,16], and the model's is [16,64]`);
  });

  it('truncated weights', () => {
    const model = changed(() => {});
    const file = path.join(model, 'model.safetensors');
    writeFileSync(file, readFileSync(file).subarray(0, -10));
    expect(() => loadPretrained(setup, model)).toThrow(/model\.safetensors: .* truncated\?/);
  });

  it('no weights, or only those of another format', () => {
    const model = modelOf({});
    expect(() => loadPretrained(setup, model)).toThrow(/has neither model\.safetensors nor/);
    writeFileSync(path.join(model, 'pytorch_model.bin'), '');
    expect(() => loadPretrained(setup, model)).toThrow(/only a pytorch_model\.bin, which cannot be read here/);
  });

  it('no config, or one of another shape', () => {
    const wider = parseSetup({ ...setup, model: { ...setup.model, hidden: 32, layers: 3 } });
    expect(() => loadPretrained(wider, folder)).toThrow(
      /model\.hidden is 32 and 16 there; model\.layers is 3 and 2 there/,
    );
    expect(() => loadPretrained(setup, root)).toThrow(/has no config\.json: is it the folder of a model/);
  });
});

describe('a Llama in a folder', () => {
  const llama = path.join(root, 'llama');
  let own: ReturnType<typeof saveTinyModel>;
  beforeAll(() => {
    own = saveTinyModel(llama, (draft) => asLlama(draft, { heads: 4, keyValueHeads: 2, intermediateFactor: 2.75 }));
  });

  it('gives back the values that were saved, and keeps of its tables what letters and prefixes need', () => {
    expect(loadPretrained(own.setup, llama)).toEqual(own.values);
    const few = parseSetup({ ...own.setup, model: { ...own.setup.model, vocabulary: null } });
    const part = loadPretrained(few, llama);
    expect([...part].map(([name, { length }]) => [name, length])).toEqual(
      parameterSpecifications(few).map(({ name, shape }) => [name, shape.reduce((a, b) => a * b)]),
    );
    const { hidden } = few.model;
    const token = idsFor(own.setup, llama).letters.get('q') as number;
    const table = own.values.get('model.embed_tokens.weight') as Float32Array;
    expect(part.get('model.embed_tokens.weight')?.slice(16 * hidden, 17 * hidden)).toEqual(
      table.slice(token * hidden, (token + 1) * hidden),
    );
    const last = own.values.get('lm_head.weight') as Float32Array;
    expect(Array.from({ length: hidden }, (_, row) => part.get('lm_head.weight')?.[row * 28 + 16])).toEqual(
      Array.from({ length: hidden }, (_, row) => last[row * 8200 + token]),
    );
  });

  it('is no GPT-NeoX', () => {
    expect(() => loadPretrained(setup, llama)).toThrow(/model\.family is gpt-neox and llama there/);
  });
});

it.each([
  'sequential',
  'llama-grouped',
])('what transformers itself saved as %s is written again as it was, tensor by tensor', (name) => {
  const recorded = fileURLToPath(new URL(`../../fixtures/parity/${name}`, import.meta.url));
  const { positions: _, ...shape } = readConfig(recorded);
  const theirs = tinySetup((tiny) => Object.assign(tiny.model, shape));
  const copy = path.join(root, `again-${name}`);
  saveModel(copy, theirs, loadValues(theirs, recorded));
  const tensorsOf = (from: string) =>
    withSafetensors(path.join(from, 'model.safetensors'), (reader) =>
      Object.fromEntries(
        reader.names
          .filter((name) => parameterSpecifications(theirs).some((known) => known.name === name))
          .map((name) => [name, [reader.entry(name).shape, reader.read(name)]]),
      ),
    );
  expect(tensorsOf(copy)).toEqual(tensorsOf(recorded));
  expect(readConfig(copy)).toMatchObject(shape);
});
