/** How a machine takes the steps of a run: no part of its identity, and part of what its digits depend on. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../../src/claims/arms.ts';
import { type Engine, startEngine } from '../../src/engine/engine.ts';
import { type JobRequest, planJob } from '../../src/lab/job.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore } from '../../src/lab/store.ts';
import { executionOf } from '../../src/records/execution.ts';
import { arithmeticOf, type FinishedRun, parseRunRecord } from '../../src/records/record.ts';
import { noteStudy, readStudies } from '../../src/records/study.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';

const IN_TWOS = { microBatch: 2 };
const setup = studySetup(41);
let engine: Engine;
let whole: FinishedRun;
let inTwos: FinishedRun;

beforeAll(async () => {
  engine = await startEngine();
  [whole] = await fillFolder(sharedFolder(), [setup]);
  [inTwos] = await fillFolder(sharedFolder(), [setup], false, IN_TWOS);
});

it('passes of the whole step, or of more, are the step at once', () => {
  expect([null, 1, 3, 4, 100].map((size) => executionOf({ batch: 4 }, size).microBatch)).toEqual([
    null,
    1,
    3,
    null,
    null,
  ]);
});

describe('a run in passes', () => {
  it('is the run of its setup, trained on the same data, with other last digits, which its record says', () => {
    expect(inTwos.setupHash).toBe(whole.setupHash);
    expect(inTwos.ledger).toEqual(whole.ledger);
    expect(inTwos.parametersDigest).not.toBe(whole.parametersDigest);
    expect([whole, inTwos].map(({ execution }) => execution.microBatch)).toEqual([null, 2]);
    expect(arithmeticOf(inTwos)).toBe(`${arithmeticOf(whole)} in passes of 2`);
  });

  it('is not pooled with runs whose steps were taken at once', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    await fillFolder(one, [setup]);
    await fillFolder(two, [studySetup(42)], false, IN_TWOS);
    const studies = await readStudies([one, two]);
    expect(studies.map(({ records }) => records.length)).toEqual([1, 1]);
  });

  it('is used again by a job in the same passes, and by no other', async () => {
    const folder = temporaryFolder();
    await fillFolder(folder, [setup], false, IN_TWOS);
    const request: JobRequest = {
      setup: studySetup(),
      claims: [{ arms: [MAIN] }],
      seeds: [41],
      folder,
      resume: true,
      command: 'spec',
      reports: [],
    };
    const goingOn = await planJob(request);
    goingOn.store.close();
    expect(goingOn.execution).toEqual(IN_TWOS);
    await expect(planJob({ ...request, microBatch: 3 })).rejects.toThrow(/holds runs of other passes/);
  });

  it('does not go on from a checkpoint of other passes', async () => {
    const store = new RunStore(temporaryFolder());
    await store.open();
    const stop = new Error('stopped');
    const onProgress = ({ phase }: { phase: string }) => {
      if (phase === 'dpo') throw stop;
    };
    // A run that fails leaves a record: the checkpoint is kept beside it.
    const file = store.checkpointPath(setup, engine.name);
    let kept: Buffer | undefined;
    await run(setup, engine, store, {
      execution: IN_TWOS,
      checkpointDue: () => true,
      onProgress: (progress) => {
        if (progress.phase === 'dpo') kept = readFileSync(file);
        onProgress(progress);
      },
    });
    store.close();
    const other = new RunStore(temporaryFolder());
    await other.open();
    writeFileSync(other.checkpointPath(setup, engine.name), kept as Buffer);
    await expect(run(setup, engine, other)).rejects.toThrow(/belongs to another setup or engine/);
    other.close();
  });
});

/** A record as it was written when passes were part of the setup, and of its hash. */
function written(record: FinishedRun): string {
  const { execution, ...rest } = structuredClone(record);
  const hash = setupHash(record.setup, execution.microBatch);
  return JSON.stringify({ ...rest, setup: { ...record.setup, ...execution }, setupHash: hash });
}

describe('files of before passes were part of the execution', () => {
  it('are read as the run of the setup, in those passes', () => {
    expect(parseRunRecord(written(inTwos), 'old')).toEqual(inTwos);
    expect(parseRunRecord(written(whole), 'old')).toEqual(whole);
    expect(JSON.parse(written(inTwos)).setupHash).not.toBe(inTwos.setupHash);
  });

  it('are refused where the hash is not that of the setup with its passes', () => {
    const changed = { ...JSON.parse(written(inTwos)), setupHash: inTwos.setupHash };
    expect(() => parseRunRecord(JSON.stringify(changed), 'old')).toThrow(/setupHash: is not that of its setup/);
  });

  it('name a study that is gone on with', async () => {
    const folder = temporaryFolder();
    await noteStudy(folder, studySetup(), 'one');
    const head = path.join(folder, 'study.json');
    const { execution: _none, ...old } = JSON.parse(readFileSync(head, 'utf8'));
    writeFileSync(head, JSON.stringify({ ...old, setup: { ...old.setup, microBatch: null } }));
    await noteStudy(folder, studySetup(), 'two');
    expect(JSON.parse(readFileSync(head, 'utf8'))).toMatchObject({
      commands: ['one', 'two'],
      execution: { microBatch: null },
    });
  });
});
