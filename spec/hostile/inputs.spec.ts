/**
 * Input that no one should be trusted with: damaged files, absurd numbers, names that are paths, keys that are prototypes.
 * Each must be refused with a typed error that says what is wrong, or be read as what it still is; nothing else may happen.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseClaims, parseDuration, parseKnobs, parseSeeds, runCli } from '../../src/cli.ts';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import {
  bytesSource,
  type NamedTensor,
  SafetensorsError,
  SafetensorsReader,
  safetensorsBytes,
} from '../../src/model/safetensors.ts';
import { readProcedures } from '../../src/report/procedures/file.ts';
import { CheckpointError, decodeCheckpoint, encodeCheckpoint } from '../../src/runs/checkpoint.ts';
import { parseRunRecord, RecordError } from '../../src/runs/record.ts';
import { run } from '../../src/runs/run.ts';
import { RunStore, runId } from '../../src/runs/store.ts';
import { archiveStudy, noteStudy, readStudy } from '../../src/runs/study.ts';
import { nearlyValidSetups, setups } from '../../src/setup/arbitraries.ts';
import { branches, leaves, withValue } from '../../src/setup/fields.ts';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, SetupError } from '../../src/setup/schema.ts';
import { type TrainerState, train } from '../../src/training/trainer.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { tinySetup } from '../helpers/setups.ts';
import { INPUTS } from './counts.ts';

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

/** Runs `body`; whatever it throws must be one of `Faults`, with a message that says something. */
async function refusedOr<Value>(
  Faults: (new (...given: never[]) => Error)[],
  body: () => Value | Promise<Value>,
): Promise<Value | null> {
  try {
    return await body();
  } catch (error) {
    if (!Faults.some((Fault) => error instanceof Fault)) throw error;
    expect((error as Error).message.length).toBeGreaterThan(10);
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
      }),
      { numRuns: INPUTS.setups },
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
        const setup = await refusedOr([SetupError], () => resolveSetup({ preset: 'pocket', config: file }));
        if (setup !== null) expect(parseSetup(setup)).toEqual(setup);
      }),
      { numRuns: INPUTS.configurations },
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
    parseSeeds,
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
        }
        notPolluted();
      }),
      { numRuns: INPUTS.options },
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
      ['fuzz', '--runs', '0'],
      ['fuzz', '--seed', '-1'],
      ['fuzz', '--budget', '10'],
      ['fuzz', '--path', '0:1'],
      ['fuzz', '--property', '__proto__'],
      ['fuzz', '--jobs', 'all'],
      ['report', '--from', '/nowhere'],
      ['archive', '/nowhere', '/tmp/never.jsonl.br'],
      ['archive'],
      ['unknown'],
    );
    const line = fc.oneof(
      fc
        .tuple(command, wrong, fc.nat(3))
        // The fault comes last, or an option after it would have the last word.
        .map(([[name, options], fault, most]) => [name, ...options.slice(0, most).flat(), ...fault]),
      others,
      fc.array(words, { minLength: 1, maxLength: 4 }).map((junk) => ['nonsense', ...junk]),
    );
    await fc.assert(
      fc.asyncProperty(line, async (argv) => {
        written.length = 0;
        expect(await runCli(argv)).toBe(2);
        expect(written.join('')).toMatch(/error: ./);
        expect(written.join('')).not.toMatch(/\n {4}at /);
        notPolluted();
      }),
      { numRuns: INPUTS.commands },
    );
    expect(stdout).not.toHaveBeenCalled();
  }, 300_000);
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
    await train(setup, { onCheckpoint: (now) => void states.push(structuredClone(now)) });
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
        const read = await refusedOr([RecordError], () => parseRunRecord(text, 'the record'));
        if (read === null) return;
        const there = JSON.parse(text);
        // Fields that setups did not have from the start may be left out.
        expect(read).toEqual({ ...there, setup: parseSetup(there.setup) });
      }),
      { numRuns: INPUTS.records },
    );
  });

  it('of checkpoints are refused, or decode to the state that was saved', async () => {
    await fc.assert(
      fc.asyncProperty(corrupted(checkpoint), async (bytes) => {
        const decoded = await refusedOr([CheckpointError], () => decodeCheckpoint(bytes, identity));
        if (decoded !== null) expect(decoded).toEqual(state);
      }),
      { numRuns: INPUTS.checkpoints },
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
        const decoded = await refusedOr([SafetensorsError], () => decode(file));
        if (decoded !== null) expect(decode(encode(decoded))).toEqual(decoded);
      }),
      { numRuns: INPUTS.tensors },
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
        const study = await refusedOr([RecordError], () => readStudy(spoiledArchive));
        if (study !== null) for (const { setup } of study.records) expect(parseSetup(setup)).toEqual(setup);
      }),
      { numRuns: INPUTS.archives },
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
          await refusedOr([RecordError], () => readStudy(folder));
          await refusedOr([RecordError], () => noteStudy(folder, tinySetup(), 'another command'));
        },
      ),
      { numRuns: INPUTS.notes },
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
          await refusedOr([RecordError], () => readProcedures(file));
        },
      ),
      { numRuns: INPUTS.rates },
    );
  });
});
