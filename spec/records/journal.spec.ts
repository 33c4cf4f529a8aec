/** What ended in a folder stays there as it ended: nothing is edited, replaced, tried again or taken away in silence. */
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import { runAll } from '../../src/lab/pool.ts';
import { RunStore, runId } from '../../src/lab/store.ts';
import { JOURNAL, readJournal, recordDigest } from '../../src/records/journal.ts';
import { RecordError, type RunRecord, type WholeRun } from '../../src/records/record.ts';
import { StorageError } from '../../src/records/storing.ts';
import { readStudy } from '../../src/records/study.ts';
import { withValue } from '../../src/setup/fields.ts';
import { canonicalJson } from '../../src/setup/hash.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { effect, madeUpRun } from '../helpers/records.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

/** Diverges in its first steps, whatever the seed. */
const diverging = (seed: number): Setup =>
  studySetup(seed, (setup) => {
    Object.assign(setup.optimiser, { learningRate: 10, weightDecay: 10, warmupSteps: 0 });
    setup.model.initialDeviation = 10;
  });

/** A folder of two finished runs and one that failed: trained once, and copied for each spec. */
const setups = [studySetup(1), studySetup(2), diverging(3)];
let trained: { folder: string; records: RunRecord[] };
beforeAll(async () => {
  const folder = sharedFolder();
  trained = { folder, records: await fillFolder(folder, setups) };
});

function filled() {
  const folder = temporaryFolder();
  cpSync(trained.folder, folder, { recursive: true });
  const records = structuredClone(trained.records);
  const store = new RunStore(folder);
  const fileOf = (index: number) => store.recordPath(setups[index], engine.name);
  return { folder, records, store, fileOf };
}

const edit = (file: string, change: (record: RunRecord) => void): void => {
  const record = JSON.parse(readFileSync(file, 'utf8'));
  change(record);
  writeFileSync(file, JSON.stringify(record));
};

const again = (folder: string, setups: readonly Setup[]) =>
  runAll(setups, { engine, store: new RunStore(folder), jobs: 1 });

describe('the journal of a folder', () => {
  it('has a line for every run that ended there, failed ones included, with the digest of its record', async () => {
    const { folder, records } = filled();
    expect(records.map(({ status }) => status)).toEqual(['finished', 'finished', 'failed']);
    const journal = await readJournal(folder);
    expect([...(journal?.values() ?? [])]).toEqual(
      records.map((record, index) => ({
        run: runId(setups[index], engine.name),
        status: record.status,
        digest: recordDigest(record),
      })),
    );
    const read = (await readStudy(folder)).records.map(({ status }) => status);
    expect(read, `records read: ${read}`).toHaveLength(3);
  });

  it('is missing from folders of before, which can be read and gone on in', async () => {
    const { folder } = filled();
    rmSync(path.join(folder, JOURNAL));
    expect((await readStudy(folder)).records).toHaveLength(3);
    expect((await again(folder, setups)).every(({ reused }) => reused)).toBe(true);
  });

  it.each(['{', '{"run": 1}', '[]', 'null'])('with the line %s is refused', async (line) => {
    const { folder } = filled();
    appendFileSync(path.join(folder, JOURNAL), `${line}\n`);
    await expect(readStudy(folder)).rejects.toThrow(/journal\.jsonl, line 4 is damaged/);
  });

  it('in which a run ended twice, once failed and once finished, is refused', async () => {
    const { folder, records } = filled();
    const line = { run: runId(setups[2], engine.name), status: 'finished', digest: recordDigest(records[0]) };
    appendFileSync(path.join(folder, JOURNAL), `${JSON.stringify(line)}\n`);
    await expect(readStudy(folder)).rejects.toThrow(/ended twice, and not alike \(failed, finished\)/);
  });
});

it('a record keeps its digest when setups get a new field that says what was so before', () => {
  const run = madeUpRun(1, effect);
  const fields = [
    ...['passwords.standIns', 'phases.joint.usefulOrder', 'evaluation.first', 'evaluation.dissection'],
    ...['model.family', 'model.keyValueHeads', 'objective', 'margin', 'phases.dpo.stopAtHeldOutGuessRate'],
  ];
  const before = fields.reduce((setup, field) => withValue(setup, field.split('.'), undefined), run.setup);
  expect(Object.keys(before.passwords)).not.toContain('standIns');
  expect(recordDigest(run)).toBe(recordDigest({ ...run, setup: before }));
  // What the digest was made of when there were no such fields.
  const { times: _t, environment: _e, ...rest } = run;
  const written = canonicalJson({ ...rest, setup: before });
  expect(recordDigest(run)).toBe(createHash('sha256').update(written).digest('hex'));
  for (const [field, value] of [
    ['passwords.standIns', 'useful'],
    ['phases.joint.usefulOrder', 'shuffled-once'],
    ['evaluation.first', 1],
    ['evaluation.dissection', true],
    ['model.family', 'llama'],
    ['model.keyValueHeads', 1],
    ['objective', 'npo'],
    ['margin', 1],
    ['phases.dpo.stopAtHeldOutGuessRate', 0.3],
  ] as const) {
    const other = withValue(run.setup, field.split('.'), value);
    expect(recordDigest({ ...run, setup: other }), field).not.toBe(recordDigest(run));
  }
});

describe('a run that failed', () => {
  it('is not tried again by going on, however often: its record stays, byte by byte', async () => {
    const { folder, fileOf } = filled();
    const before = readFileSync(fileOf(2), 'utf8');
    for (let time = 0; time < 2; time++) {
      const runs = await again(folder, setups);
      const told = runs.map(({ reused, record }) => `${reused ? 'kept' : 'tried again'}: ${record.status}`);
      expect(told, told.join('; ')).toEqual(['kept: finished', 'kept: finished', 'kept: failed']);
    }
    expect(readFileSync(fileOf(2), 'utf8')).toBe(before);
  });

  it('is missed where its record is gone: by what goes on there, and by what reports on it', async () => {
    const { folder, fileOf } = filled();
    rmSync(fileOf(2));
    await expect(again(folder, setups), 'going on without the record of a failed run').rejects.toThrow(
      /failed in .* before, and its record is gone/,
    );
    await expect(readStudy(folder), 'reading a study without the record of a failed run').rejects.toThrow(
      /lacks records of runs that ended there.*seed3.*\(failed\)/,
    );
  });

  it('is never replaced by one that finished', async () => {
    const { records, store } = filled();
    const finished = { ...records[0], setup: records[2].setup, setupHash: records[2].setupHash } as RunRecord;
    await expect(store.writeRecord(finished), 'replacing the record of a failed run').rejects.toThrow(StorageError);
    await expect(store.writeRecord(finished)).rejects.toThrow(/\(failed\), and now otherwise \(finished\)/);
  });

  it('is never replaced, even where there is no journal', async () => {
    const { folder, records, store } = filled();
    rmSync(path.join(folder, JOURNAL));
    const finished = { ...records[0], setup: records[2].setup, setupHash: records[2].setupHash } as RunRecord;
    await expect(store.writeRecord(finished)).rejects.toThrow(/a record is never replaced/);
  });
});

describe('a record', () => {
  it('that was lost is trained again, and ends as it ended', async () => {
    const { folder, fileOf } = filled();
    const before = JSON.parse(readFileSync(fileOf(1), 'utf8'));
    rmSync(fileOf(1));
    await expect(readStudy(folder)).rejects.toThrow(/lacks records/);
    const [, run] = await again(folder, setups);
    expect(run.reused).toBe(false);
    expect(recordDigest(run.record)).toBe(recordDigest(before));
    expect((await readStudy(folder)).records).toHaveLength(3);
  });

  it.each([
    ['its scores', (record: RunRecord) => (record as WholeRun).snapshots[1].sets.heldOut.ranks[0].reverse()],
    ['its parameters', (record: RunRecord) => Object.assign(record, { parametersDigest: '0'.repeat(64) })],
    ['its status', (record: RunRecord) => Object.assign(record.engine, { version: '0' })],
  ])('is known to be changed: %s', async (_, change) => {
    const { folder, fileOf } = filled();
    edit(fileOf(0), change);
    await expect(readStudy(folder), 'reading an edited record').rejects.toThrow(/was changed since it was written/);
    await expect(again(folder, setups), 'going on with an edited record').rejects.toThrow(
      /was changed since it was written/,
    );
  });

  it('may have other times and another machine: they are no part of what a run must repeat', async () => {
    const { folder, fileOf } = filled();
    edit(fileOf(0), ({ times, environment }) => {
      times.wallSeconds += 1;
      environment.cores += 1;
    });
    expect((await readStudy(folder)).records).toHaveLength(3);
  });

  it.each([
    ['of another seed', 1],
    ['of another setup', 2],
  ])("%s under a run's name is refused with a sentence", async (_, other) => {
    const { folder, fileOf } = filled();
    rmSync(path.join(folder, JOURNAL));
    rmSync(fileOf(0));
    renameSync(fileOf(other), fileOf(0));
    await expect(again(folder, [setups[0]]), 'using the record of another run').rejects.toThrow(RecordError);
    await expect(again(folder, [setups[0]])).rejects.toThrow(/is the record of another run \(tiny-seed\d-/);
  });

  it('of another engine under a run’s name is refused, not used again', async () => {
    const { folder, fileOf } = filled();
    rmSync(path.join(folder, JOURNAL));
    edit(fileOf(0), (record) => {
      record.engine.name = record.engine.name === 'cpu' ? 'wasm' : 'cpu';
    });
    await expect(again(folder, [setups[0]]), 'using the record of another engine').rejects.toThrow(
      /is the record of another run \(tiny-seed1-.*-(cpu|wasm)\)/,
    );
  });

  it.each([
    ['version of the engine', (record: RunRecord) => Object.assign(record.engine, { version: '0.0.1' })],
    [
      'engine’s kind of processor',
      (record: RunRecord) => Object.assign(record.environment, { processorKind: 'x64 Other 1/2' }),
    ],
  ])('made with another %s is no part of a job that goes on here', async (what, change) => {
    const { folder, fileOf } = filled();
    rmSync(path.join(folder, JOURNAL));
    edit(fileOf(0), change);
    const going = again(folder, setups);
    // Only on native do the digits depend on the processor.
    if (what.includes('processor') && engine.name !== 'native') expect((await going)[0].reused).toBe(true);
    else
      await expect(going).rejects.toThrow(
        /was made with .*, and runs here would be made with .*: they are no one study/,
      );
  });

  it('in whose place a folder lies is refused with a sentence', async () => {
    const { folder, fileOf } = filled();
    rmSync(fileOf(0));
    mkdirSync(fileOf(0));
    await expect(again(folder, setups)).rejects.toThrow(/is a folder, and a file belongs there/);
    await expect(readStudy(folder)).rejects.toThrow(/is a folder, and a file belongs there/);
  });
});
