/** Files that are no files, too large, too deep, or written to keep whoever reads them busy: each is refused by name, at once. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { readCheckpoint } from '../../src/lab/checkpoint.ts';
import { ModelError } from '../../src/model/config.ts';
import { loadValues, modelDigest, readConfig, weightFiles } from '../../src/model/pretrained.ts';
import { bytesSource, SafetensorsError, SafetensorsReader, withSafetensors } from '../../src/model/safetensors.ts';
import { tokenIdsOf } from '../../src/model/tokenizer.ts';
import { parseRunRecord, RecordError } from '../../src/records/record.ts';
import { readStudy } from '../../src/records/study.ts';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { SetupError } from '../../src/setup/schema.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';

const MODEL = path.join('fixtures', 'parity', 'quick');
const TOKENIZER = readFileSync(path.join('fixtures', 'tokenizer', 'tokenizer.json'), 'utf8');

/** A file of so many bytes that takes no room. */
function sparse(file: string, size: number): void {
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, size);
  closeSync(descriptor);
}

/** What may stand where a file belongs. */
const NO_FILES: [string, (place: string) => void][] = [
  ['a folder', (place) => mkdirSync(place)],
  ['a pipe that no one writes to', (place) => execFileSync('mkfifo', [place])],
  ['a device that never ends', (place) => symlinkSync('/dev/zero', place)],
  ['a link that leads to itself', (place) => symlinkSync(path.basename(place), place)],
];

describe.each(NO_FILES)('%s', (what, put) => {
  it.each([
    'config.json',
    'model.safetensors',
    'model.safetensors.index.json',
  ])('in the place of a model’s %s is refused', (name) => {
    const folder = temporaryFolder();
    cpSync(MODEL, folder, { recursive: true });
    execFileSync('rm', ['-rf', path.join(folder, name)]);
    put(path.join(folder, name));
    // A link to nowhere is no index, and a model without one has its weights in one file.
    if (name.endsWith('index.json') && what.startsWith('a link')) return expect(weightFiles(folder)).toHaveLength(1);
    expect(() => {
      readConfig(folder);
      weightFiles(folder);
      modelDigest(folder);
      const shape = readConfig(folder);
      loadValues({ ...studySetup(), model: { ...studySetup().model, ...shape, vocabulary: shape.vocabulary } }, folder);
    }).toThrow(ModelError);
  });

  it('in the place of a configuration is refused', () => {
    const place = path.join(temporaryFolder(), 'setup.json');
    put(place);
    expect(() => resolveSetup({ preset: 'pocket', config: place })).toThrow(SetupError);
  });

  it('in the place of a checkpoint is refused', () => {
    const place = path.join(temporaryFolder(), 'run.safetensors');
    put(place);
    expect(() => readCheckpoint(place, 'identity')).toThrow(
      /cannot be used: .*(folder|no regular file|cannot be read)|ENOENT|ELOOP/,
    );
  });

  it('in the place of a study, of its head or of a record is refused', async () => {
    const place = path.join(temporaryFolder(), 'study.jsonl.br');
    put(place);
    await expect(readStudy(place)).rejects.toThrow(RecordError);
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'runs'));
    put(path.join(folder, 'study.json'));
    await expect(readStudy(folder)).rejects.toThrow(RecordError);
    const other = temporaryFolder();
    await fillFolder(other, [studySetup()]);
    put(path.join(other, 'runs', 'x.json'));
    await expect(readStudy(other)).rejects.toThrow(RecordError);
  });
});

describe('a file that is larger than anything of its kind', () => {
  it('is refused by its size, before it is read', async () => {
    const folder = temporaryFolder();
    cpSync(MODEL, folder, { recursive: true });
    sparse(path.join(folder, 'config.json'), 2 ** 33);
    expect(() => readConfig(folder)).toThrow(/config\.json has 8192 MiB, and at most 64 MiB are read/);
    const setup = path.join(folder, 'setup.json');
    sparse(setup, 2 ** 33);
    expect(() => resolveSetup({ preset: 'pocket', config: setup })).toThrow(/has 8192 MiB, and at most 1 MiB are read/);
    const archive = path.join(folder, 'a.jsonl.br');
    sparse(archive, 2 ** 33);
    await expect(readStudy(archive)).rejects.toThrow(/has 8192 MiB, and at most 256 MiB are read/);
    const weights = path.join(folder, 'w.safetensors');
    sparse(weights, 2 ** 33);
    expect(() => withSafetensors(weights, () => {})).toThrow(SafetensorsError);
  });
});

describe('JSON nested a hundred thousand deep', () => {
  const deep = (open: string, close: string) => open.repeat(100_000) + close.repeat(100_000);

  it.each([
    ['arrays', deep('[', ']')],
    ['objects', `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`],
    ['never closed', '['.repeat(100_000)],
  ])('is refused: %s', (_, text) => {
    const folder = temporaryFolder();
    const setup = path.join(folder, 'setup.json');
    writeFileSync(setup, text);
    expect(() => resolveSetup({ preset: 'pocket', config: setup })).toThrow(/nested more than 64 deep/);
    expect(() => resolveSetup({ preset: 'pocket', set: [`passwords=${text}`] })).toThrow(SetupError);
    expect(() => tokenIdsOf(text, 'ab', 'tokenizer.json')).toThrow(/nested more than 64 deep/);
    const header = Buffer.alloc(8);
    header.writeBigUInt64LE(BigInt(text.length));
    expect(() => new SafetensorsReader(bytesSource(Buffer.concat([header, Buffer.from(text)])))).toThrow(
      /nested more than 64 deep/,
    );
    expect(() => parseRunRecord(text, 'a record')).toThrow(RecordError);
  });
});

describe('a tokenizer', () => {
  const changed = (
    change: (
      tokenizer: Record<string, unknown> & { model: Record<string, unknown>; added_tokens: Record<string, unknown>[] },
    ) => void,
  ) => {
    const tokenizer = JSON.parse(TOKENIZER);
    change(tokenizer);
    return () => tokenIdsOf(JSON.stringify(tokenizer), 'abcdef', 'tokenizer.json');
  };
  const many = '(.*)'.repeat(26);

  it('as it is gives its tokens', () => {
    expect([...changed(() => {})().letters]).toEqual([
      ['a', 247],
      ['b', 270],
      ['c', 260],
      ['d', 277],
      ['e', 299],
      ['f', 269],
    ]);
  });

  // Patterns that take for ever on some text: none of them is ever run.
  it.each([
    many,
    '(a+)+$',
    '(a|a)*b',
    '(?:(?:(?:x*)*)*)*y',
    '\\p{L}+',
  ])('that brings the pattern %s is refused without running it', (pattern) => {
    for (const [part, value] of [
      ['pre_tokenizer', { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }],
      [
        'pre_tokenizer',
        {
          type: 'Sequence',
          pretokenizers: [{ type: 'Split', pattern: { Regex: pattern }, behavior: 'Removed' }, { type: 'ByteLevel' }],
        },
      ],
      ['pre_tokenizer', { type: 'Punctuation', behavior: pattern }],
      ['normalizer', { type: 'Replace', pattern: { Regex: pattern }, content: '' }],
      [
        'normalizer',
        {
          type: 'Sequence',
          normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: pattern }, content: pattern }],
        },
      ],
      ['decoder', { type: 'Replace', pattern: { Regex: pattern }, content: '' }],
    ] as const)
      expect(
        changed((tokenizer) => {
          tokenizer[part] = value;
        }),
      ).toThrow(new RegExp(`^tokenizer\\.json: its ${part} is not supported`));
  });

  it('whose added tokens are patterns takes them as text', () => {
    const before = Date.now();
    const ids = changed((tokenizer) => {
      for (let token = 0; token < 200; token++)
        tokenizer.added_tokens.push({ id: 60_000 + token, content: `${many}${token}`, special: false });
    })();
    expect(ids.letters.get('a')).toBe(247);
    expect(Date.now()).toBeGreaterThanOrEqual(before);
  });

  it.each([
    [
      'a fractional id',
      (t: { model: Record<string, unknown> }) => {
        (t.model.vocab as Record<string, number>).Ġa = 247.5;
      },
    ],
    [
      'a negative id',
      (t: { model: Record<string, unknown> }) => {
        (t.model.vocab as Record<string, number>).Ġa = -1;
      },
    ],
    [
      'an id beyond 32 bits',
      (t: { model: Record<string, unknown> }) => {
        (t.model.vocab as Record<string, number>).Ġa = 2 ** 40;
      },
    ],
    [
      'an id that is text',
      (t: { model: Record<string, unknown> }) => {
        (t.model.vocab as Record<string, unknown>).Ġa = '247';
      },
    ],
    [
      'no vocabulary',
      (t: { model: Record<string, unknown> }) => {
        delete t.model.vocab;
      },
    ],
    [
      'a list as vocabulary',
      (t: { model: Record<string, unknown> }) => {
        t.model.vocab = [1, 2];
      },
    ],
    [
      'merges of three',
      (t: { model: Record<string, unknown> }) => {
        t.model.merges = [['a', 'b', 'c']];
      },
    ],
    [
      'merges that are numbers',
      (t: { model: Record<string, unknown> }) => {
        t.model.merges = [7];
      },
    ],
    [
      'another kind of model',
      (t: { model: Record<string, unknown> }) => {
        t.model.type = 'Unigram';
      },
    ],
    [
      'an added token without text',
      (t: { added_tokens: unknown[] }) => {
        t.added_tokens.push({ id: 1, content: '' });
      },
    ],
    [
      'an added token with a fractional id',
      (t: { added_tokens: unknown[] }) => {
        t.added_tokens.push({ id: 1.5, content: 'x' });
      },
    ],
  ])('with %s is refused by name', (_, change) => {
    expect(changed(change as never)).toThrow(ModelError);
  });
});

describe('a record that is odd', () => {
  let record: string;
  beforeAll(async () => {
    await startEngine();
    record = JSON.stringify((await fillFolder(sharedFolder(), [studySetup()]))[0]);
  });

  // biome-ignore lint/suspicious/noExplicitAny: records are spoiled here in ways that no type allows
  type Odd = Record<string, any>;
  it.each<[string, (run: Odd) => void, RegExp]>([
    [
      'no evaluations',
      (run) => {
        run.evaluations = [];
      },
      /evaluations/,
    ],
    [
      'no evaluation of phase 3',
      (run) => {
        run.evaluations = run.evaluations.filter(({ phase }: Odd) => phase !== 'joint');
      },
      /evaluations: do not end with one of phase 3/,
    ],
    [
      'no snapshots',
      (run) => {
        run.snapshots = [];
      },
      /snapshots/,
    ],
    [
      'no snapshot of phase 3',
      (run) => {
        run.snapshots = run.snapshots.filter(({ phase }: Odd) => phase !== 'joint');
      },
      /snapshots: have none of the end of phase 3/,
    ],
    [
      'log-probabilities above 0',
      (run) => {
        run.snapshots[1].sets.heldOut.logProbabilities[0][0] = 0.3;
      },
      /logProbabilities\.0\.0: must be the logarithm of a probability/,
    ],
    [
      'no passwords',
      (run) => {
        run.snapshots[1].sets.heldOut.logProbabilities = [];
      },
      /logProbabilities/,
    ],
    [
      'passwords of no letters',
      (run) => {
        run.snapshots[1].sets.heldOut.logProbabilities = [[]];
      },
      /logProbabilities/,
    ],
    [
      'passwords of different lengths',
      (run) => {
        run.snapshots[1].sets.heldOut.logProbabilities[1].pop();
      },
      /are of passwords of different lengths/,
    ],
    [
      'ranks of other letters',
      (run) => {
        run.snapshots[1].sets.random.ranks.pop();
      },
      /ranks: are not of the letters/,
    ],
    [
      'names of other passwords',
      (run) => {
        run.snapshots[1].sets.random.passwords.pop();
      },
      /passwords: are not as many/,
    ],
    [
      'a rank below 0',
      (run) => {
        run.snapshots[1].sets.random.ranks[0][0] = -1;
      },
      /ranks\.0\.0/,
    ],
    [
      'a negative guess rate',
      (run) => {
        run.evaluations[0].sets.heldOut.guessRate = -1;
      },
      /guessRate/,
    ],
    [
      'a count that is none',
      (run) => {
        run.ledger.heldOut.rejected = 1.5;
      },
      /rejected/,
    ],
    [
      'no ledger',
      (run) => {
        delete run.ledger;
      },
      /ledger/,
    ],
    [
      'no digests',
      (run) => {
        delete run.digests;
      },
      /digests: are missing/,
    ],
    [
      'a digest that is none',
      (run) => {
        run.digests.initialParameters = 'x';
      },
      /must be a SHA-256/,
    ],
    [
      'overlaps of an earlier version',
      (run) => {
        run.overlap = [{ span: 1, heldOut: 1, control: 1, expected: 1 }];
      },
      /overlap: is not by kind of text/,
    ],
    [
      'another version',
      (run) => {
        run.schemaVersion = 6;
      },
      /schemaVersion/,
    ],
    [
      'a version that keeps less than it does',
      (run) => {
        run.schemaVersion = 3;
        for (const evaluation of run.evaluations) delete evaluation.parameterNorm;
      },
      /letterShares: are in every record since version 4, and in none before/,
    ],
    [
      'norms in a version that has none',
      (run) => {
        run.schemaVersion = 4;
      },
      /parameterNorm: is in every record since version 5, and in none before/,
    ],
    [
      'an evaluation without the norm of its parameters',
      (run) => {
        delete run.evaluations[1].parameterNorm;
      },
      /evaluations\.1\.parameterNorm: is in every record since version 5/,
    ],
    [
      'a norm below 0',
      (run) => {
        run.evaluations[0].parameterNorm = -1;
      },
      /evaluations\.0\.parameterNorm/,
    ],
    [
      'no share of its letters',
      (run) => {
        delete run.snapshots[0].sets.heldOut.letterShares;
      },
      /letterShares: are in every record since version 4/,
    ],
    [
      'shares of fewer letters',
      (run) => {
        run.snapshots[0].sets.heldOut.letterShares[0].pop();
      },
      /letterShares: are not of the letters/,
    ],
    [
      'a hash of another setup',
      (run) => {
        run.setup.beta = 0.4;
      },
      /setupHash: is not that of its setup/,
    ],
    [
      'an unknown field',
      (run) => {
        run.verdict = 'reproduced';
      },
      /verdict/i,
    ],
    [
      'an unknown status',
      (run) => {
        run.status = 'perfect';
      },
      /status/,
    ],
    [
      'an unknown engine',
      (run) => {
        run.engine.name = 'quantum';
      },
      /engine\.name/,
    ],
  ])('in having %s is refused with the field', (_, change, message) => {
    const run = JSON.parse(record);
    change(run);
    expect(() => parseRunRecord(JSON.stringify(run), 'x.json')).toThrow(RecordError);
    expect(() => parseRunRecord(JSON.stringify(run), 'x.json')).toThrow(message);
  });
});
