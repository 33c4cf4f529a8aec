/** A store that machines share: what a run is there, and what becomes of several attempts at one. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Engine, startEngine } from '../../../src/engine/engine.ts';
import type { RecordStore } from '../../../src/lab/record-store.ts';
import { run } from '../../../src/lab/run.ts';
import { type Bucket, StoreError } from '../../../src/lab/shared/bucket.ts';
import {
  AttemptStore,
  type Kind,
  kindId,
  kindText,
  openShared,
  readShared,
  runKey,
  SharedStore,
} from '../../../src/lab/shared/shared-store.ts';
import { AT_ONCE } from '../../../src/records/execution.ts';
import { comparable, RecordError, type RunRecord } from '../../../src/records/record.ts';
import { StorageError } from '../../../src/records/storing.ts';
import { setupHash } from '../../../src/setup/hash.ts';
import type { TrainerState } from '../../../src/training/trainer.ts';
import { smallDisk } from '../../helpers/disk.ts';
import { sharedFolder, temporaryFolder } from '../../helpers/folder.ts';
import { startS3, type TestS3 } from '../../helpers/s3.ts';
import { tinySetup } from '../../helpers/setups.ts';

const setup = tinySetup();
const KIND: Kind = { engine: { name: 'wasm', version: '4.22.0' }, processorKind: 'x64 some' };
const CODE = '0.1.0-0123456789';
const KEY = runKey(setup, KIND, AT_ONCE, CODE);

const folder = sharedFolder();
let engine: Engine;
let s3: TestS3;
/** An uninterrupted run, and its states on the way. */
let whole: RunRecord;
const states: TrainerState[] = [];

const everywhere = { checkpointDue: () => true };

beforeAll(async () => {
  s3 = await startS3(path.join(folder, 's3'));
  engine = await startEngine();
  const nowhere: RecordStore = {
    readCheckpoint: async () => null,
    writeCheckpoint: async (_setup, _engine, state) => void states.push(state),
    writeModel: async () => {},
    writeRecord: async () => '',
  };
  whole = (await run(setup, engine, nowhere, everywhere)).record;
});
afterAll(() => s3.close());
afterEach(() => vi.unstubAllEnvs());

/** As a record reads back. */
const stored = (record: RunRecord): RunRecord => JSON.parse(JSON.stringify(record));
const failed = (message: string, name = 'DivergenceError'): RunRecord => {
  const { schemaVersion, setupHash: hash, engine: on, execution, environment, times } = whole;
  const about = { schemaVersion, setup, setupHash: hash, engine: on, execution, environment, times };
  return { ...about, status: 'failed', error: { name, message } };
};

const PLACES = [
  ['a folder', () => path.join(temporaryFolder(), 'new', 'store')],
  [
    'S3',
    () => {
      s3.stub();
      return s3.place();
    },
  ],
] as const;

describe.each(PLACES)('a store in %s', (_, newPlace) => {
  let place: string;
  beforeEach(() => {
    place = newPlace();
  });

  it('is made once: all who open it, at once or later, agree which it is', async () => {
    const ids = (await Promise.all(Array.from({ length: 8 }, () => openShared(place)))).map(({ id }) => id);
    expect(new Set([...ids, (await openShared(place)).id]).size).toBe(1);
    expect((await openShared(newPlace())).id).not.toBe(ids[0]);
  });

  it('is not made by who only looks', async () => {
    const none = path.join(temporaryFolder(), 'none');
    await expect(readShared(none)).rejects.toThrow(`--store: ${none} is no store of runs`);
    expect(existsSync(none)).toBe(false);
    const { id } = await openShared(none);
    expect((await readShared(none)).id).toBe(id);
  });

  it('is refused where a file of its name is not its own, which stays as it is', async () => {
    const { bucket } = await openShared(place);
    for (const other of ['{"name":"a shop"}', '{"negativeKnowledge":"store"}', 'no JSON', '', '['.repeat(1000)]) {
      await bucket.remove('store.json');
      await bucket.create('store.json', new TextEncoder().encode(other));
      const fault = await openShared(place).catch((error: Error) => error);
      expect(fault).toBeInstanceOf(StoreError);
      expect((fault as Error).message).toMatch(/^store\.json in .* is not of a store of runs; choose another place/);
      expect(new TextDecoder().decode((await bucket.read('store.json')) as Uint8Array)).toBe(other);
    }
  });

  it('keeps a setup, under its content, for whoever takes the run', async () => {
    const store = await openShared(place);
    await store.saveSetup(setup);
    await store.saveSetup({ ...setup, name: 'called otherwise' });
    expect(await (await openShared(place)).readSetup(setupHash(setup))).toEqual(setup);
    await expect(store.readSetup('0'.repeat(64))).rejects.toThrow(/has no setup 0000000000; the command/);
  });

  it('takes no damaged setup, and no other one, for that of a run', async () => {
    const store = await openShared(place);
    const hash = setupHash(setup);
    for (const [content, why] of [
      [JSON.stringify(setup).slice(0, 50), /is damaged; remove it/],
      ['{"name":"no setup"}', /is damaged; remove it/],
      [JSON.stringify({ ...setup, seed: 8 }), /holds another setup; remove it/],
    ] as const) {
      await store.bucket.remove(`setups/${hash}.json`);
      await store.bucket.create(`setups/${hash}.json`, new TextEncoder().encode(content));
      await expect(store.readSetup(hash)).rejects.toThrow(StoreError);
      await expect(store.readSetup(hash)).rejects.toThrow(why);
    }
  });

  it('knows the runs of each code that have ended', async () => {
    const store = await openShared(place);
    expect(await store.ended(CODE)).toEqual(new Set());
    expect(await store.readRecord(CODE, KEY)).toBeNull();
    expect(await store.saveRecord(CODE, KEY, whole)).toBeNull();
    expect(await store.ended(CODE)).toEqual(new Set([KEY]));
    expect(await store.ended('0.1.0-other')).toEqual(new Set());
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(whole));
    expect(await store.readRecord('0.1.0-other', KEY)).toBeNull();
  });
});

describe('a store', () => {
  it('whose machine can only read it is refused before anything is trained', async (context) => {
    const disk = smallDisk(context, 'size=1m');
    await openShared(disk);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    await expect(openShared(disk)).rejects.toThrow(StorageError);
    await expect(openShared(disk)).rejects.toThrow(
      /may not be written here: see to its rights, or choose another place/,
    );
  });

  it('where nothing that is written can be found again is refused', async () => {
    const place = temporaryFolder();
    mkdirSync(path.join(place, 'store.json'));
    await expect(openShared(place)).rejects.toThrow(/Cannot read .*store\.json/);
  });

  it('names the file of a damaged record', async () => {
    const store = await openShared(temporaryFolder());
    await store.bucket.create(`runs/${CODE}/${KEY}.json`, new TextEncoder().encode('{"status":'));
    await expect(store.readRecord(CODE, KEY)).rejects.toThrow(RecordError);
    await expect(store.readRecord(CODE, KEY)).rejects.toThrow(
      `${store.bucket.place}/runs/${CODE}/${KEY}.json is no JSON`,
    );
  });

  it('does not take a record for saved that can neither be written nor read', async () => {
    const { bucket } = await openShared(temporaryFolder());
    const deaf: Bucket = Object.assign(Object.create(bucket), { create: async () => false, read: async () => null });
    await expect(new SharedStore(deaf, 'x').saveRecord(CODE, KEY, whole)).rejects.toThrow(
      /neither be written nor read/,
    );
  });

  it('saves a record again where the one that was there is removed meanwhile', async () => {
    const store = await openShared(temporaryFolder());
    const { bucket } = store;
    await store.saveRecord(CODE, KEY, failed('old'));
    const create = bucket.create.bind(bucket);
    bucket.create = async (name, content) => {
      const done = await create(name, content);
      if (!done) await bucket.remove(name); // as another attempt does that replaces a failed record
      return done;
    };
    expect(await store.saveRecord(CODE, KEY, whole)).toBeNull();
    expect(await store.readRecord(CODE, KEY)).toMatchObject({ status: 'finished' });
  });
});

describe('the key of a run', () => {
  it('is another for another setup, kind, passes or code', () => {
    const { engine: on } = KIND;
    const others = [
      runKey(
        tinySetup(({ phases }) => void Object.assign(phases.joint, { steps: 9 })),
        KIND,
        AT_ONCE,
        CODE,
      ),
      runKey({ ...setup, seed: 8 }, KIND, AT_ONCE, CODE),
      runKey(setup, { ...KIND, engine: { ...on, name: 'cpu' } }, AT_ONCE, CODE),
      runKey(setup, { ...KIND, engine: { ...on, version: '4.23.0' } }, AT_ONCE, CODE),
      runKey(setup, { ...KIND, engine: { ...on, name: 'native' } }, AT_ONCE, CODE),
      runKey(setup, { engine: { ...on, name: 'native' }, processorKind: 'x64 other' }, AT_ONCE, CODE),
      runKey(setup, KIND, { microBatch: 1 }, CODE),
      runKey(setup, KIND, { microBatch: 2 }, CODE),
      runKey(setup, KIND, AT_ONCE, `${CODE}1`),
    ];
    expect(new Set([KEY, ...others]).size).toBe(1 + others.length);
    for (const key of others) expect(key).toMatch(/^[0-9a-f]{32}$/);
  });

  it('is the same under another name, for passes that hold the whole step, and on processors that make no difference', () => {
    expect(runKey({ ...setup, name: 'called otherwise' }, KIND, AT_ONCE, CODE)).toBe(KEY);
    expect(runKey(setup, KIND, { microBatch: setup.batch }, CODE)).toBe(KEY);
    expect(runKey(setup, { ...KIND, processorKind: 'arm64 other' }, AT_ONCE, CODE)).toBe(KEY);
  });

  it('has a kind in words, and a short name of it', () => {
    expect(kindText(KIND)).toBe('wasm 4.22.0');
    expect(kindText({ ...KIND, engine: { ...KIND.engine, name: 'native' } })).toBe('native 4.22.0 on x64 some');
    expect(kindId(KIND)).toMatch(/^[0-9a-f]{8}$/);
    expect(kindId({ ...KIND, processorKind: 'other' })).toBe(kindId(KIND));
  });
});

describe.each(PLACES)('attempts at a run in %s', (_, newPlace) => {
  let store: SharedStore;
  let warned: string[];
  beforeEach(async () => {
    store = await openShared(newPlace());
    warned = [];
  });
  const attempt = (name: string, refresh = false): AttemptStore =>
    new AttemptStore(
      store,
      { place: store.bucket.place, code: CODE, key: KEY, attempt: name, refresh },
      (warning) => void warned.push(warning),
    );
  const write = (one: AttemptStore, index: number) => one.writeCheckpoint(setup, engine.name, states[index], AT_ONCE);
  const read = (one: AttemptStore) => one.readCheckpoint(setup, engine.name, AT_ONCE);
  const names = async () => (await store.checkpoints(KEY)).map(({ name }) => path.posix.basename(name));
  const damage = (name: string) =>
    store.bucket.put(`checkpoints/${KEY}/${name}`, (file) => writeFileSync(file, 'damaged'));

  it('go on from the furthest state of any', async () => {
    expect(await read(attempt('one'))).toBeNull();
    await write(attempt('two'), 3);
    await write(attempt('one'), 1); // one that is behind, and has not heard of it
    expect(await read(attempt('three'))).toEqual(states[3]);
    await write(attempt('one'), 5);
    expect(await read(attempt('two'))).toEqual(states[5]);
    expect(warned).toEqual([]);
  });

  it('keep no checkpoint that another is further than', async () => {
    const [one, two] = [attempt('one'), attempt('two')];
    const seen: string[][] = [];
    for (const [who, index] of [
      [one, 0],
      [one, 1],
      [two, 1],
      [one, 2],
      [two, 0],
    ] as const) {
      await write(who, index);
      seen.push(await names());
    }
    const at = (index: number, who: string) => {
      const phase = ['pretrain', 'dpo', 'joint'].indexOf(states[index].phase);
      return `${phase}-${String(states[index].step).padStart(8, '0')}-${who}`;
    };
    expect(seen.map((list) => list.sort())).toEqual([
      [at(0, 'one')],
      [at(1, 'one')],
      [at(1, 'one'), at(1, 'two')],
      [at(2, 'one')],
      [at(0, 'two'), at(2, 'one')],
    ]);
  });

  it('have come the further the later their furthest state is', async () => {
    const progress = [await store.progress(KEY)];
    for (let index = 0; index < states.length; index++) {
      await write(attempt('one'), index);
      progress.push(await store.progress(KEY));
    }
    expect(progress[0]).toBe(0);
    for (let index = 1; index < progress.length; index++) expect(progress[index]).toBeGreaterThan(progress[index - 1]);
  });

  it('leave out a damaged checkpoint with a warning, and go on from the next one', async () => {
    await write(attempt('one'), 2);
    await damage('2-00000099-two');
    await damage('2-00000098-three');
    expect(await read(attempt('four'))).toEqual(states[2]);
    expect(warned).toHaveLength(2);
    expect(warned[0]).toMatch(
      /^checkpoints\/\w+\/2-00000099-two in .* is left out and removed: .*too short for a header$/,
    );
    expect(warned[1]).toContain('2-00000098-three');
    expect(await names()).toEqual([expect.stringMatching(/-one$/)]);
    expect(await read(attempt('five'))).toEqual(states[2]);
    expect(warned).toHaveLength(2);
  });

  it('begin afresh where every checkpoint is damaged', async () => {
    await damage('1-00000002-one');
    expect(await read(attempt('two'))).toBeNull();
    expect(await store.progress(KEY)).toBe(0);
  });

  it('end in the record of an uninterrupted run, where one goes on from the checkpoint of another', async () => {
    // A store that takes no fifth checkpoint stands for a machine that is lost then.
    const lost = new StorageError('lost');
    const first = attempt('first');
    const writeCheckpoint = first.writeCheckpoint.bind(first);
    let left = 4;
    first.writeCheckpoint = async (...of) => {
      if (left-- === 0) throw lost;
      await writeCheckpoint(...of);
    };
    await expect(run(setup, engine, first, everywhere)).rejects.toBe(lost);
    expect(await names()).toEqual(['1-00000004-first']);
    const { record, file } = await run(setup, engine, attempt('last'), everywhere);
    expect(record.times.resumed).toBe(true);
    expect(JSON.stringify(comparable(record))).toBe(JSON.stringify(comparable(whole)));
    expect(file).toBe(`${store.bucket.place}/runs/${CODE}/${KEY}.json`);
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(record));
    expect(await names(), 'checkpoints of a run that has ended').toEqual([]);
    expect(await store.bucket.list('models'), 'nobody asked for it').toEqual([]);
    expect(warned).toEqual([]);
  });

  it('may end twice alike, at other times and under other names', async () => {
    await attempt('one').writeRecord(whole);
    await write(attempt('two'), 0);
    const named = { ...whole, setup: { ...setup, name: 'called otherwise' } };
    const later = { ...named, times: { ...whole.times, wallSeconds: 1e6, resumed: true } };
    await attempt('two').writeRecord(later);
    expect(await store.readRecord(CODE, KEY), 'the first stays').toEqual(stored(whole));
    expect(await store.bucket.list('conflicts')).toEqual([]);
    expect(await names()).toEqual([]);
  });

  it('that end otherwise are told, and both records are kept', async () => {
    await attempt('one').writeRecord(whole);
    const others = [
      { ...whole, parametersDigest: '0'.repeat(64) } as RunRecord,
      failed('now otherwise'),
      { ...whole, setup: { ...setup, seed: 8 }, setupHash: setupHash({ ...setup, seed: 8 }) },
    ];
    for (const [index, other] of others.entries()) {
      await write(attempt(`two-${index}`), 5);
      const fault = await attempt(`two-${index}`)
        .writeRecord(other)
        .catch((error: Error) => error);
      expect(fault).toBeInstanceOf(StoreError);
      const { message } = fault as Error;
      expect(message).toContain(`two attempts at tiny, seed ${other.setup.seed}, CONTRADICT each other`);
      expect(message).toContain(`conflicts/${KEY}-two-${index}.json`);
      expect(message).toContain('one of the machines computes wrongly');
      const beside = await store.bucket.read(`conflicts/${KEY}-two-${index}.json`);
      expect(JSON.parse(new TextDecoder().decode(beside as Uint8Array))).toEqual(stored(other));
    }
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(whole));
    expect(await store.bucket.list('conflicts')).toHaveLength(3);
    expect(await names(), 'nobody goes on from what a machine has left that may compute wrongly').toEqual([]);
  });

  it('accuse no machine where one was only given up', async () => {
    const given = failed('it ended its worker 5 times', 'WorkerError');
    await attempt('one').writeRecord(given);
    await attempt('two').writeRecord(failed('it ended its worker 3 times', 'WorkerError'));
    expect(await store.bucket.list('conflicts')).toEqual([]);
    await attempt('three').writeRecord(whole);
    expect(warned).toEqual([expect.stringMatching(/had been given up as lost.*conflicts\/\w+-three\.json.*--refresh/)]);
    expect(await store.readRecord(CODE, KEY), 'no record is replaced unasked').toMatchObject({ status: 'failed' });
    await attempt('four', true).writeRecord(whole);
    await attempt('five').writeRecord(given);
    expect(await store.readRecord(CODE, KEY)).toMatchObject({ status: 'finished' });
  });

  it('accuse no machine where two were not computed alike', async () => {
    await attempt('one').writeRecord(whole);
    const on = { ...whole.environment, processorKind: 'x64 other', processor: 'Other' };
    const engine = { name: 'native', version: '4.22.0' } as const;
    const other: RunRecord = { ...whole, engine, environment: on, parametersDigest: '0'.repeat(64) } as RunRecord;
    await attempt('two').writeRecord(other);
    expect(warned).toEqual([
      expect.stringMatching(
        /^two attempts at tiny, seed 7 were not computed alike, and did not end alike: .*x64 other/,
      ),
    ]);
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(whole));
    expect(await store.bucket.list('conflicts')).toEqual([`conflicts/${KEY}-two.json`]);
  });

  it('replace a failed record where that is asked for, and no finished one', async () => {
    await attempt('one').writeRecord(failed('the first time'));
    await attempt('two', true).writeRecord(whole);
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(whole));
    await expect(attempt('three', true).writeRecord(failed('the second time'))).rejects.toThrow('CONTRADICT');
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(whole));
  });

  it('keep a trained model where that is asked for, each of its files in place of that of another attempt', async () => {
    const save = (content: string) => (to: string) => {
      for (const name of ['config.json', 'model.safetensors']) writeFileSync(path.join(to, name), `${content} ${name}`);
    };
    await attempt('one').writeModel(setup, engine.name, save('first'));
    await attempt('two').writeModel(setup, engine.name, save('second'));
    const [config, weights] = [`models/${KEY}/config.json`, `models/${KEY}/model.safetensors`];
    expect(await store.bucket.list('models')).toEqual([config, weights]);
    for (const name of [config, weights])
      expect(await store.bucket.get(name, (file) => readFileSync(file, 'utf8'))).toBe(
        `second ${path.posix.basename(name)}`,
      );
  });

  it('end well where only what is of no more use cannot be removed', async () => {
    const { bucket } = store;
    bucket.remove = bucket.clear = () => Promise.reject(new StorageError('Cannot remove it.'));
    await write(attempt('one'), 0);
    await write(attempt('one'), 1);
    await attempt('one').writeRecord(whole);
    expect(warned).toEqual(['Cannot remove it.', 'Cannot remove it.']);
    expect(await store.readRecord(CODE, KEY)).toEqual(stored(whole));
  });
});

describe('a run that has ended', () => {
  it('leaves nothing of checkpoints that killed processes did not write whole', async () => {
    const place = temporaryFolder();
    const store = await openShared(place);
    const one = new AttemptStore(store, { place, code: CODE, key: KEY, attempt: 'one', refresh: false });
    await one.writeCheckpoint(setup, engine.name, states[0], AT_ONCE);
    const own = path.join(place, 'checkpoints', KEY);
    writeFileSync(path.join(own, '2-00000004-two.00000000-0000-4000-8000-000000000000.part'), 'gigabytes');
    await one.writeRecord(whole);
    expect(existsSync(own)).toBe(false);
    expect(readdirSync(place, { recursive: true }).filter((name) => String(name).includes('.part'))).toEqual([]);
  });
});
