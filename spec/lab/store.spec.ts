import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore } from '../../src/lab/store.ts';
import { ModelError } from '../../src/model/config.ts';
import { comparable, parseRunRecord, runRecordSchema } from '../../src/records/record.ts';
import { StorageError } from '../../src/records/storing.ts';
import { smallDisk } from '../helpers/disk.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { tinySetup } from '../helpers/setups.ts';

const setup = tinySetup();
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

async function openStore(folder = temporaryFolder()): Promise<RunStore> {
  const store = new RunStore(folder);
  await store.open();
  return store;
}

describe('run', () => {
  it('leaves a record that its schema accepts and that reads back equal', async () => {
    const { record, file } = await run(setup, engine, await openStore());
    expect(runRecordSchema.parse(record)).toEqual(record);
    expect(parseRunRecord(readFileSync(file, 'utf8'), file)).toEqual(record);
    expect(record).toMatchObject({ status: 'finished', ledger: { clean: true, heldOut: { chosen: 0, imitated: 0 } } });
  });

  it('twice gives bit-identical records, times and environment apart', async () => {
    const [one, two] = [await run(setup, engine, await openStore()), await run(setup, engine, await openStore())];
    expect(JSON.stringify(comparable(two.record))).toBe(JSON.stringify(comparable(one.record)));
  });

  it('that fails leaves a record with the error, and no exception', async () => {
    const store = await openStore();
    const wild = tinySetup((draft) => {
      Object.assign(draft.optimiser, { learningRate: 10, weightDecay: 10, warmupSteps: 0 });
      draft.model.initialDeviation = 10;
    });
    const { record, file } = await run(wild, engine, store);
    expect(record.status, `a run that diverges ${record.status}`).toBe('failed');
    expect(record).toMatchObject({
      status: 'failed',
      error: { name: 'DivergenceError', message: expect.stringContaining('in phase') },
    });
    expect(parseRunRecord(readFileSync(file, 'utf8'), file)).toEqual(record);
  });

  it('whose model is not here leaves none: that says nothing about the run', async () => {
    const store = await openStore();
    const elsewhere = tinySetup((draft) => Object.assign(draft.model, { pretrained: '/nowhere/pythia' }));
    await expect(run(elsewhere, engine, store)).rejects.toThrow(ModelError);
    expect(await store.recordNames()).toEqual([]);
  });

  it('removes its checkpoint once the record is written', async () => {
    const store = await openStore();
    await run(setup, engine, store);
    expect(readdirSync(path.join(store.folder, 'checkpoints'))).toEqual([]);
    expect(await store.recordNames()).toHaveLength(1);
  });

  it('goes on from a checkpoint to the record of an uninterrupted run', async () => {
    const whole = await run(setup, engine, await openStore());
    // A store that refuses the record stands for a plug pulled after the last checkpoint.
    const stop = new Error('pulled the plug');
    const interrupted = await openStore();
    const writeRecord = interrupted.writeRecord.bind(interrupted);
    interrupted.writeRecord = () => Promise.reject(stop);
    await expect(run(setup, engine, interrupted)).rejects.toBe(stop);
    expect(existsSync(interrupted.checkpointPath(setup, engine.name))).toBe(true);
    interrupted.writeRecord = writeRecord;
    const resumed = await run(setup, engine, interrupted);
    expect(resumed.record.times.resumed).toBe(true);
    expect(JSON.stringify(comparable(resumed.record))).toBe(JSON.stringify(comparable(whole.record)));
  });
});

describe('parseRunRecord', () => {
  it('names the file and the field of a damaged record', async () => {
    const { record } = await run(setup, engine, await openStore());
    const { engine: _engine, ...without } = record;
    expect(() => parseRunRecord(JSON.stringify(without), 'a.json')).toThrow(/a\.json is no run record: engine/);
    expect(() => parseRunRecord('{"status":', 'b.json')).toThrow(/b\.json is no JSON/);
    expect(() => parseRunRecord('{"status":"perhaps"}', 'c.json')).toThrow(/c\.json is no run record: status/);
  });
});

describe('RunStore', () => {
  it('refuses a path that is a file before anything is trained', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'taken');
    writeFileSync(file, '');
    await expect(new RunStore(file).open()).rejects.toThrow(StorageError);
  });

  it.skipIf(process.getuid?.() === 0)(
    'refuses a folder that cannot be written (not shown as root, whom nothing stops)',
    async () => {
      const folder = temporaryFolder();
      chmodSync(folder, 0o500);
      await expect(new RunStore(folder).open()).rejects.toThrow(/not writable: choose another with --out/);
    },
  );

  it('reports a full disk and keeps what exists', async (context) => {
    const disk = smallDisk(context, 'size=256k');
    await expect(new RunStore(disk).open()).rejects.toThrow(/disk is full: free some space/);
    const store = new RunStore(disk);
    mkdirSync(path.join(disk, 'runs'), { recursive: true });
    mkdirSync(path.join(disk, 'checkpoints'), { recursive: true });
    await store.writeText('report.md', 'kept');
    writeFileSync(path.join(disk, 'ballast'), Buffer.alloc(200 * 1024));
    await expect(run(setup, engine, store)).rejects.toThrow(/disk is full: free some space.*--resume/);
    expect(readFileSync(path.join(disk, 'report.md'), 'utf8')).toBe('kept');
  });
});
