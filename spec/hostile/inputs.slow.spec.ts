/**
 * Input that no one should be trusted with: damaged files, absurd numbers, names that are paths, keys that are prototypes.
 * Each must be refused with a typed error that says what is wrong, or be read as what it still is; nothing else may happen.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { parseClaims, parseDuration, parseKnobs, parseSeeds } from '../../src/cli/options.ts';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import { CheckpointError, decodeCheckpoint } from '../../src/lab/checkpoint.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore, runId } from '../../src/lab/store.ts';
import { ModelError, parseConfig } from '../../src/model/config.ts';
import { weightFiles } from '../../src/model/pretrained.ts';
import {
  bytesSource,
  type NamedTensor,
  SafetensorsError,
  SafetensorsReader,
  safetensorsBytes,
} from '../../src/model/safetensors.ts';
import { tokenIdsOf } from '../../src/model/tokenizer.ts';
import { nearlyValidSetups, setups } from '../../src/properties/arbitraries.ts';
import { parseRunRecord, RecordError } from '../../src/records/record.ts';
import { archiveStudy, noteStudy, readStudy } from '../../src/records/study.ts';
import { readProcedures } from '../../src/report/procedures.ts';
import { leaves, withValue } from '../../src/setup/fields.ts';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, SetupError } from '../../src/setup/schema.ts';
import { atCheckpoints, type TrainerState, trainToEnd } from '../../src/training/trainer.ts';
import { branches } from '../helpers/branches.ts';
import { encodeCheckpoint } from '../helpers/checkpoint.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { tinySetup } from '../helpers/setups.ts';
import { DRAWS, type InputKind, REFUSED } from './counts.ts';

/** Values that no field expects. */
const absurd = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      1e308,
      -1e308,
      5e-324,
      -0,
      2 ** 53,
      -1,
      0.5,
      null,
      true,
      '',
      '__proto__',
      '../../etc/passwd',
      'a\0b',
      '💥',
      [],
      {},
    ],
    ...[
      { __proto__: { polluted: 1 } },
      JSON.parse('{"__proto__":{"polluted":1}}'),
      JSON.parse('{"constructor":{"prototype":{"polluted":1}}}'),
    ],
  ),
  fc.jsonValue(),
);

/** A copy of `tree` with something absurd in it: as a field's value, or under a key that no one asked for. */
const spoiled = (tree: unknown): fc.Arbitrary<unknown> => {
  const fields = fc.constantFrom(...leaves(tree).map(([at]) => at));
  const objects = fc.constantFrom(...branches(tree));
  const keys = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'unknown', '');
  return fc.oneof(
    fc.tuple(fields, absurd).map(([at, value]) => withValue(tree, at, value)),
    fc.tuple(fields).map(([at]) => withValue(tree, at, undefined)),
    fc.tuple(objects, keys, absurd).map(([at, key, value]) => withValue(tree, [...at, key], value)),
  );
};

/** Text cut short, or with characters changed. */
const garbled = (text: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.nat(text.length - 1).map((end) => text.slice(0, end)),
    fc
      .tuple(fc.nat(text.length - 1), fc.string({ minLength: 1, maxLength: 5 }))
      .map(([at, noise]) => text.slice(0, at) + noise + text.slice(at + noise.length)),
  );

/** Bytes cut short, or with some changed. */
const corrupted = (bytes: Buffer): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.nat(bytes.length - 1).map((end) => bytes.subarray(0, end)),
    fc
      .array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
      .map((changes) => {
        const copy = Buffer.from(bytes);
        for (const [at, by] of changes) copy[at] ^= by;
        return copy;
      }),
  );

const notPolluted = () => expect(({} as Record<string, unknown>).polluted).toBeUndefined();

/** The distinct inputs of each kind that were refused. */
const refused = new Map<InputKind, Set<string>>();

function countRefused(kind: InputKind, input: string | Uint8Array): void {
  const inputs = refused.get(kind) ?? new Set();
  refused.set(kind, inputs.add(createHash('sha256').update(input).digest('base64')));
}

/** Runs `body` on an input; whatever it throws must be one of `Faults`, with a message that says something. */
async function refusedOr<Value>(
  kind: InputKind,
  input: string | Uint8Array,
  Faults: (new (...given: never[]) => Error)[],
  body: () => Value | Promise<Value>,
): Promise<Value | null> {
  try {
    return await body();
  } catch (error) {
    if (!Faults.some((Fault) => error instanceof Fault)) throw error;
    expect((error as Error).message.length).toBeGreaterThan(10);
    countRefused(kind, input);
    return null;
  } finally {
    notPolluted();
  }
}

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => vi.restoreAllMocks());

describe('setups', () => {
  it('with one thing wrong are refused, with the field', () => {
    fc.assert(
      fc.property(nearlyValidSetups({ size: 'any' }), ({ input, field }) => {
        expect(() => parseSetup(input)).toThrow(`  ${field}:`);
        countRefused('setups', JSON.stringify(input));
      }),
      { numRuns: DRAWS.setups },
    );
  });

  it('of a configuration file are refused with the file and the field, or valid', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'setup.json');
    const text = JSON.stringify(PRESETS.pocket);
    const contents = fc.oneof(
      garbled(text),
      spoiled(PRESETS.pocket).map((value) => JSON.stringify(value)),
      fc.json(),
    );
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        writeFileSync(file, content);
        const setup = await refusedOr('configurations', content, [SetupError], () =>
          resolveSetup({ preset: 'pocket', config: file }),
        );
        if (setup !== null) expect(parseSetup(setup)).toEqual(setup);
      }),
      { numRuns: DRAWS.configurations },
    );
  });

  it('never give a run a name that leads out of its folder', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        expect(runId(setup, 'wasm')).toMatch(/^[a-z0-9][a-z0-9-]*$/);
      }),
    );
  });
});

describe('the command line', () => {
  const words = fc.oneof(
    fc.string(),
    fc.constantFrom(
      '__proto__',
      'constructor',
      '-1',
      '1e9',
      '1e308',
      'NaN',
      '',
      '0x10',
      '1,2,2',
      '99999999999',
      '../..',
      '--',
      'a=b=c',
      'null',
    ),
  );
  const parsers = [
    (text: string) => parseSeeds({ seeds: text }),
    parseClaims,
    (text: string) => parseDuration(text, '--budget'),
    (text: string) => parseKnobs(text, '--knobs'),
  ];

  it('reads options, or says which one it cannot read', () => {
    fc.assert(
      fc.property(words, fc.constantFrom(...parsers), (text, parse) => {
        try {
          parse(text);
        } catch (error) {
          expect((error as Error).name).toBe('UsageError');
          expect((error as Error).message).toMatch(/^--\w+: /);
          countRefused('options', `${parsers.indexOf(parse)} ${text}`);
        }
        notPolluted();
      }),
      { numRuns: DRAWS.options },
    );
  });

  it('that is wrong somewhere exits with 2, a sentence on standard error and nothing on standard output', async () => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const wrong = fc.constantFrom<string[]>(
      ['--seeds', 'x'],
      ['--seeds', '0'],
      ['--jobs', '-3'],
      ['--jobs', '1e9'],
      ['--set', '__proto__.polluted=1'],
      ['--set', 'constructor.prototype.polluted=1'],
      ['--set', 'beta=1e999'],
      ['--set', 'name="../up"'],
      ['--set', 'passwords.length=1e308'],
      ['--set', 'passwords=[]'],
      ['--config', '/nowhere/at/all'],
      ['--config', '/'],
      ['--preset', '__proto__'],
      ['--preset', 'paper'],
      ['--resume'],
      ['--nonsense'],
    );
    const command = fc.constantFrom<[string, string[][]]>(
      ['reproduce', [['--claims', 'all'], ['--json'], ['--seeds', '3']]],
      [
        'reproduce',
        [
          ['--set', 'beta=0.1'],
          ['--set', 'batch=8'],
        ],
      ],
    );
    const others = fc.constantFrom<[string, ...string[]]>(
      ['explore', '--knobs', 'sharp'],
      ['explore', '--map', 'share'],
      ['explore', '--budget', 'soon'],
      ['explore', '--seeds', '0'],
      ['search', '--vary', '__proto__=1..2'],
      ['search', '--vary', 'constructor.prototype=1|2'],
      ['search', '--objective', '__proto__'],
      ['search', '--draws', '1e9'],
      ['sweep', '__proto__'],
      ['sweep', '/nowhere.yaml'],
      ['sweep', '/'],
      ['sweep', 'seeds', '--preset', '__proto__'],
      ['sweep', 'seeds', '--set', '__proto__.polluted=1'],
      ['sweep', 'seeds', '--seeds', '1e9'],
      ['sweep', 'seeds', '--task', '2/2', '--out', '/nowhere'],
      ['sweep', 'seeds', '--resume'],
      ['fuzz', '--runs', '0'],
      ['fuzz', '--seed', '-1'],
      ['fuzz', '--budget', '10'],
      ['fuzz', '--path', '0:1'],
      ['fuzz', '--property', '__proto__'],
      ['fuzz', '--jobs', 'all'],
      ['fuzz', '--null', '1'],
      ['fuzz', '--null', '0,1'],
      ['fuzz', '--null', '1,1e3'],
      ['engine', '__proto__'],
      ['engine', 'native', '--tensorflow', '../up'],
      ['report', '--from', '/nowhere'],
      ['archive', '/nowhere', '/tmp/never.jsonl.br'],
      ['archive'],
      ['unknown'],
    );
    /** Any field of a setup, with a value that it cannot have. */
    const badField = fc
      .tuple(fc.constantFrom(...leaves(PRESETS.pocket).map(([at]) => at.join('.'))), fc.oneof(absurd, fc.string()))
      .filter(([, value]) => JSON.stringify(value) !== undefined)
      .map(([at, value]) => ['--set', `${at}=${JSON.stringify(value)}`])
      .filter(([, text]) => {
        try {
          resolveSetup({ preset: 'pocket', set: [text] });
          return false; // some absurd values are possible all the same
        } catch {
          return true;
        }
      });
    const badWord = fc
      .tuple(fc.constantFrom('--seeds', '--seed-list', '--claims', '--jobs', '--preset'), words)
      .filter(([option, word]) => {
        if (option === '--jobs') return !/^[1-9]\d{0,3}$/.test(word);
        if (option === '--preset') return !Object.hasOwn(PRESETS, word);
        try {
          if (option === '--claims') parseClaims(word);
          else parseSeeds(option === '--seeds' ? { seeds: word } : { seeds: '5', seedList: word });
          return false;
        } catch {
          return true;
        }
      })
      .map(([option, word]) => [option, `${word}`])
      // What begins with a dash is another option, or the end of them.
      .filter(([, word]) => !word.startsWith('-'));
    const line = fc.oneof(
      fc
        .tuple(fc.oneof(badField, badWord), fc.nat(2))
        // No other change of the setup beside it, which could mend what it breaks.
        .map(([fault, most]) => [
          'reproduce',
          ...['--claims', 'all', '--json'].slice(0, most === 1 ? 2 : 3 * most),
          ...fault,
        ]),
      fc
        .tuple(command, wrong, fc.nat(3))
        // The fault comes last, or an option after it would have the last word.
        .map(([[name, options], fault, most]) => [name, ...options.slice(0, most).flat(), ...fault]),
      others,
      fc
        .array(words, { minLength: 1, maxLength: 4 })
        // Who asks for help gets it, and exit code 0, whatever else the line says.
        .filter((junk) => !junk.some((word) => word === '--help' || word.startsWith('-h')))
        .map((junk) => ['nonsense', ...junk]),
    );
    await fc.assert(
      fc.asyncProperty(line, async (argv) => {
        written.length = 0;
        expect(await runCli(argv)).toBe(2);
        expect(written.join('')).toMatch(/error: ./);
        expect(written.join('')).not.toMatch(/\n {4}at /);
        countRefused('commands', JSON.stringify(argv));
        notPolluted();
      }),
      { numRuns: DRAWS.commands },
    );
    expect(stdout).not.toHaveBeenCalled();
  });
});

describe('files', () => {
  let folder: string;
  let record: string;
  let checkpoint: Buffer;
  let state: TrainerState;
  const identity = 'a run/wasm';

  beforeAll(async () => {
    const store = new RunStore(
      path.join((await import('node:os')).tmpdir(), `negative-knowledge-hostile-${process.pid}`),
    );
    folder = store.folder;
    const setup = tinySetup();
    await store.open();
    await noteStudy(folder, setup, 'a command');
    const { file } = await run(setup, engine, store);
    store.close();
    record = readFileSync(file, 'utf8');
    const states: TrainerState[] = [];
    await trainToEnd(
      setup,
      { engine },
      atCheckpoints((now) => states.push(now)),
    );
    state = states[3];
    checkpoint = encodeCheckpoint(state, identity);
    return () => import('node:fs').then(({ rmSync }) => rmSync(folder, { recursive: true, force: true }));
  });

  it('of run records are refused with the field, or read as a record that is equal to what is written there', async () => {
    const parsed = JSON.parse(record);
    const { passwords: _letters, ...small } = parsed.setup; // fields of the setup are tried more often than thousands of letters
    const contents = fc.oneof(
      garbled(record),
      spoiled({ ...parsed, trajectories: parsed.trajectories }).map((value) => JSON.stringify(value)),
      spoiled(small).map((setup) =>
        JSON.stringify({ ...parsed, setup: { ...(setup as object), passwords: parsed.setup.passwords } }),
      ),
      absurd.map((value) => JSON.stringify({ ...parsed, schemaVersion: value })),
    );
    await fc.assert(
      fc.asyncProperty(contents, async (text) => {
        const read = await refusedOr('records', text, [RecordError], () => parseRunRecord(text, 'the record'));
        if (read === null) return;
        const there = JSON.parse(text);
        // Fields that setups did not have from the start may be left out.
        expect(read).toEqual({ ...there, setup: parseSetup(there.setup) });
      }),
      { numRuns: DRAWS.records },
    );
  });

  it('of checkpoints are refused, or decode to the state that was saved', async () => {
    await fc.assert(
      fc.asyncProperty(corrupted(checkpoint), async (bytes) => {
        const decoded = await refusedOr('checkpoints', bytes, [CheckpointError], () =>
          decodeCheckpoint(bytes, identity),
        );
        if (decoded !== null) expect(decoded).toEqual(state);
      }),
      { numRuns: DRAWS.checkpoints },
    );
  });

  it('of checkpoints whose digest was put right are refused as well, wherever their state is none', async () => {
    // Without what a checkpoint keeps as tensors.
    const { values: _v, optimiser: _o, before: _b, referenceValues: _r, reference, ...plain } = state;
    const text = { ...plain, reference: reference === null ? null : [...reference].slice(0, 2) };
    await fc.assert(
      fc.asyncProperty(spoiled(text), async (changed) => {
        const bytes = encodeCheckpoint({ ...state, ...(changed as object), reference: null }, identity);
        const decoded = await refusedOr('states', bytes, [CheckpointError], () => decodeCheckpoint(bytes, identity));
        if (decoded !== null) expect(Number.isInteger(decoded.step)).toBe(true);
      }),
      { numRuns: DRAWS.states },
    );
  });

  it('of tensors are refused, or decode to tensors that encode again', async () => {
    const encode = (tensors: Map<string, NamedTensor>) =>
      Buffer.concat([...safetensorsBytes(tensors, { version: '1' })]);
    const decode = (file: Buffer) => {
      const reader = new SafetensorsReader(bytesSource(file));
      return new Map(
        reader.names.map((name) => [name, { shape: reader.entry(name).shape, data: reader.read(name) }] as const),
      );
    };
    const bytes = encode(
      new Map([
        ['a', { shape: [2], data: Float32Array.of(1, 2) }],
        ['b', { shape: [], data: Float32Array.of(3) }],
      ]),
    );
    const headers = fc.oneof(
      fc.json(),
      spoiled({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] } }).map((value) => JSON.stringify(value)),
    );
    const files = fc.oneof(
      corrupted(bytes),
      fc.tuple(headers, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.boolean()).map(([header, length, honest]) => {
        const head = Buffer.alloc(8);
        head.writeBigUInt64LE(honest ? BigInt(Buffer.byteLength(header)) : length);
        return Buffer.concat([head, Buffer.from(header), Buffer.alloc(8)]);
      }),
    );
    await fc.assert(
      fc.asyncProperty(files, async (file) => {
        const decoded = await refusedOr('tensors', file, [SafetensorsError], () => decode(file));
        if (decoded !== null) expect(decode(encode(decoded))).toEqual(decoded);
      }),
      { numRuns: DRAWS.tensors },
    );
  });

  it('of a model are refused by name, or mean what they say: config.json, tokenizer.json, an index of weights', async () => {
    const parity = path.join('fixtures', 'parity', 'quick');
    const config = readFileSync(path.join(parity, 'config.json'), 'utf8');
    const tokenizer = readFileSync(path.join('fixtures', 'tokenizer', 'tokenizer.json'), 'utf8');
    const index = JSON.stringify({
      metadata: { total_size: 8 },
      weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
    });
    const contents = (text: string) =>
      fc.oneof(
        garbled(text),
        spoiled(JSON.parse(text)).map((value) => JSON.stringify(value)),
        fc.json(),
        // Deeper than any stack, and longer than any word.
        fc.nat(100_000).map((depth) => '['.repeat(depth + 65) + ']'.repeat(depth + 65)),
        fc
          .constantFrom('', 'null', '{}', '[]', '"x"')
          .chain((tiny) => fc.nat(50).map((blanks) => tiny + ' '.repeat(blanks))),
      );
    const typed = [ModelError];
    await fc.assert(
      fc.asyncProperty(contents(config), async (text) => {
        const shape = await refusedOr('configs', text, typed, () => parseConfig(text, 'config.json'));
        if (shape !== null)
          expect(Number.isInteger(shape.hidden / shape.heads) || shape.hidden % shape.heads > 0).toBe(true);
      }),
      { numRuns: DRAWS.configs },
    );
    await fc.assert(
      fc.asyncProperty(contents(tokenizer), async (text) => {
        const ids = await refusedOr('tokenizers', text, typed, () => tokenIdsOf(text, 'abcdef', 'tokenizer.json'));
        for (const id of ids?.letters.values() ?? []) expect(Number.isInteger(id) && id >= 0).toBe(true);
      }),
      { numRuns: DRAWS.tokenizers },
    );
    const beside = temporaryFolder();
    await fc.assert(
      fc.asyncProperty(contents(index), async (text) => {
        writeFileSync(path.join(beside, 'model.safetensors.index.json'), text);
        await refusedOr('indexes', text, typed, () => weightFiles(beside)); // the files that it names are not there
      }),
      { numRuns: DRAWS.indexes },
    );
  });

  it('of studies, and archives, are refused by name, or hold valid records', async () => {
    const archive = path.join(folder, 'study.jsonl.br');
    await archiveStudy(await readStudy(folder), archive);
    const bytes = readFileSync(archive);
    const text = brotliDecompressSync(bytes).toString('utf8');
    const spoiledArchive = path.join(folder, 'spoiled.jsonl.br');
    const contents = fc.oneof(
      corrupted(bytes),
      garbled(text).map((garbage) => brotliCompressSync(garbage)),
      fc.string().map((junk) => brotliCompressSync(junk)),
    );
    await fc.assert(
      fc.asyncProperty(contents, async (content) => {
        writeFileSync(spoiledArchive, content);
        const study = await refusedOr('archives', content, [RecordError], () => readStudy(spoiledArchive));
        if (study !== null) for (const { setup } of study.records) expect(parseSetup(setup)).toEqual(setup);
      }),
      { numRuns: DRAWS.archives },
    );
    const head = path.join(folder, 'study.json');
    const note = readFileSync(head, 'utf8');
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          garbled(note),
          spoiled(JSON.parse(note)).map((value) => JSON.stringify(value)),
        ),
        async (content) => {
          writeFileSync(head, content);
          await refusedOr('notes', content, [RecordError], () => readStudy(folder));
          await refusedOr('notes', content, [RecordError], () => noteStudy(folder, tinySetup(), 'another command'));
        },
      ),
      { numRuns: DRAWS.notes },
    );
    writeFileSync(head, note);
  });

  it('of simulated rates are refused by name, or valid', async () => {
    const file = path.join(folder, 'procedures.json');
    const text = JSON.stringify({
      command: 'a',
      rows: JSON.parse(readFileSync('reports/procedures.json', 'utf8')).rows.slice(0, 3),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          garbled(text),
          spoiled(JSON.parse(text)).map((value) => JSON.stringify(value)),
        ),
        async (content) => {
          writeFileSync(file, content);
          await refusedOr('rates', content, [RecordError], () => readProcedures(file));
        },
      ),
      { numRuns: DRAWS.rates },
    );
  });
});

it.each(
  Object.keys(DRAWS) as InputKind[],
)('distinct %s were refused, at least as many as spec/README.md counts', (kind) => {
  const count = refused.get(kind)?.size ?? 0;
  expect(count, `${count} distinct ${kind} were refused`).toBeGreaterThanOrEqual(Math.max(1, REFUSED[kind]));
  expect(count).toBeLessThanOrEqual(2 * DRAWS[kind]);
});
