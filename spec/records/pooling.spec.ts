/** Records of one setup are one study, wherever they lie; those whose digits no one could check together are not. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { ARMS, armSetup } from '../../src/claims/arms.ts';
import { JOURNAL } from '../../src/records/journal.ts';
import type { RunRecord, WholeRun } from '../../src/records/record.ts';
import { archiveStudy, evidenceOf, noteStudy, readStudies, readStudy } from '../../src/records/study.ts';
import { buildReport } from '../../src/report/report.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';

const SEEDS = [31, 32, 33, 34, 35];
let records: WholeRun[];
beforeAll(async () => {
  records = await fillFolder(
    sharedFolder(),
    SEEDS.map((seed) => studySetup(seed)),
  );
});

/** A folder of some of the runs, as a machine of its own would have filled it. */
function folderOf(runs: readonly RunRecord[], change: (run: RunRecord) => void = () => {}): Promise<string> {
  const folder = temporaryFolder();
  return writeFolder(
    folder,
    runs.map((run) => {
      const copy = structuredClone(run);
      change(copy);
      return copy;
    }),
  );
}

/** Writes records without training them: a folder of before there were journals. */
async function writeFolder(folder: string, runs: readonly RunRecord[]): Promise<string> {
  await fillFolder(folder, []); // makes the folders
  await noteStudy(
    folder,
    studySetup(),
    `npm run reproduce -- --seed-list ${runs.map(({ setup }) => setup.seed).join(',')}`,
  );
  for (const run of runs)
    writeFileSync(
      path.join(folder, 'runs', `${run.setup.name}-${run.setup.seed}-${run.engine.name}.json`),
      JSON.stringify(run),
    );
  rmSync(path.join(folder, JOURNAL), { force: true });
  return folder;
}

describe('records of one setup', () => {
  it('from two machines that divided the seeds are one study, with every command that made them', async () => {
    const [one, two] = [await folderOf(records.slice(0, 2)), await folderOf(records.slice(2))];
    const studies = await readStudies([one, two]);
    expect(studies).toHaveLength(1);
    const [study] = studies;
    expect(study.records.map(({ setup }) => setup.seed)).toEqual(SEEDS);
    expect(study).toMatchObject({ name: 'tiny', repeated: 0, source: `${one} + ${two}` });
    expect(study.commands).toEqual([
      'npm run reproduce -- --seed-list 31,32',
      'npm run reproduce -- --seed-list 33,34,35',
    ]);
    const [{ claims }] = buildReport(studies, null, 'spec').studies;
    expect(claims.find(({ claim }) => claim.id === 'main')?.judgement.seeds).toEqual(SEEDS);
  });

  it('in a folder and in an archive are one study; a record that is in both counts once, and the fuller one of the two', async () => {
    const folder = await folderOf(records.slice(0, 3));
    const archive = path.join(temporaryFolder(), 'part.jsonl.br');
    await archiveStudy(await readStudy(await folderOf(records.slice(1))), archive);
    for (const sources of [
      [folder, archive],
      [archive, folder],
    ]) {
      const [study, ...others] = await readStudies(sources);
      expect(others).toEqual([]);
      expect(study.records.map(({ setup }) => setup.seed)).toEqual(SEEDS);
      expect(study.repeated).toBe(2);
      const shared = study.records[1] as WholeRun;
      expect(shared.snapshots[0].sets.heldOut.passwords).not.toEqual([]);
    }
    const report = buildReport(await readStudies([folder, archive]), null, 'spec');
    expect(report.studies[0].repeated).toBe(2);
  });

  it('of two arms in two folders are one study too', async () => {
    const [noDpo] = ARMS.filter(({ id }) => id === 'no-dpo');
    const other = temporaryFolder();
    await fillFolder(other, [studySetup(31)]);
    const arm = temporaryFolder();
    const without = await fillFolder(arm, [armSetup(studySetup(31), noDpo)]);
    const folder = await writeFolder(temporaryFolder(), without);
    const [study] = await readStudies([other, folder]);
    expect(Object.keys(evidenceOf(study))).toEqual(expect.arrayContaining(['main', 'no-dpo']));
  });

  it('that contradict each other are refused, whichever comes first', async () => {
    const [one, two] = [
      await folderOf(records.slice(0, 2)),
      await folderOf(records.slice(1, 3), (run) => Object.assign(run, { parametersDigest: '1'.repeat(64) })),
    ];
    for (const sources of [
      [one, two],
      [two, one],
    ])
      await expect(readStudies(sources)).rejects.toThrow(/two records of tiny, seed 32 contradict each other/);
  });

  it('of which one failed and its twin finished are refused: a failure does not vanish', async () => {
    const { status: _, ...head } = records[1];
    const failed = (({ schemaVersion, setup, setupHash, engine, environment, times }) => ({
      schemaVersion,
      setup,
      setupHash,
      engine,
      environment,
      times,
      status: 'failed',
      error: { name: 'DivergenceError', message: 'the loss is NaN' },
    }))(head) as RunRecord;
    const [one, two] = [await folderOf(records), await folderOf([failed])];
    await expect(readStudies([one, two]), 'pooling a failed run with its finished twin').rejects.toThrow(
      /contradict each other \(finished, failed\)/,
    );
  });
});

describe('records of two engines', () => {
  const onOther = (run: RunRecord) => {
    run.engine.name = run.engine.name === 'cpu' ? 'wasm' : 'cpu';
  };

  it('are two studies, named after their engines, and neither counts the runs of the other', async () => {
    const folder = await folderOf(records.slice(0, 3));
    const other = await folderOf(records.slice(3), onOther);
    const studies = await readStudies([folder, other]);
    const told = studies.map(({ name, records: runs }) => `${name} of ${runs.length} runs`).join('; ');
    expect(
      studies.map(({ name, records: runs }) => [name, runs.length]),
      told,
    ).toEqual([
      [`tiny-${records[0].engine.name}`, 3],
      [`tiny-${records[0].engine.name === 'cpu' ? 'wasm' : 'cpu'}`, 2],
    ]);
    const report = buildReport(studies, null, 'spec');
    for (const { claims } of report.studies)
      for (const { judgement } of claims) expect(judgement.verdict).toBe('inconclusive');
  });

  it('in one folder are two studies, and where a seed has both, both stay', async () => {
    const both = [...records, ...records.slice(0, 2).map((run) => structuredClone(run))];
    both.slice(5).forEach(onOther);
    const folder = await writeFolder(temporaryFolder(), both);
    expect((await readStudies([folder])).map(({ records: runs }) => runs.length).sort()).toEqual([2, 5]);
    const mixed = await readStudy(folder);
    expect(() => evidenceOf(mixed), 'evidence of which a run has two records').toThrow(
      /tiny, seed 31 has two records \(.*; .*\), and a study counts a run once/,
    );
    await expect(archiveStudy(mixed, path.join(temporaryFolder(), 'mixed.jsonl.br'))).rejects.toThrow(
      /has two records/,
    );
  });

  it('on native, of two kinds of processor, are two studies too', async () => {
    const native = (kind: string) => (run: RunRecord) => {
      run.engine.name = 'native';
      run.environment.processorKind = kind;
    };
    const sources = [
      await folderOf(records.slice(0, 2), native('x64 A')),
      await folderOf(records.slice(2), native('x64 B')),
    ];
    expect((await readStudies(sources)).map(({ name, arithmetic }) => [name, arithmetic.slice(-5)])).toEqual([
      ['tiny-native', 'x64 A'],
      ['tiny-native-2', 'x64 B'],
    ]);
  });
});

describe('an archive', () => {
  it('that lost a line, or in which one changed, is refused', async () => {
    const file = path.join(temporaryFolder(), 'tiny.jsonl.br');
    await archiveStudy(await readStudy(await folderOf(records)), file);
    const lines = brotliDecompressSync(readFileSync(file)).toString().trimEnd().split('\n');
    const keep = (changed: readonly string[]) => writeFileSync(file, brotliCompressSync(`${changed.join('\n')}\n`));
    keep(lines.slice(0, -1));
    await expect(readStudy(file)).rejects.toThrow(/holds 4 records and was written with 5/);
    keep(lines.map((line, index) => (index === 2 ? line.replace('"finishedAt":"2', '"finishedAt":"3') : line)));
    await expect(readStudy(file)).rejects.toThrow(/was changed since it was written/);
  });

  it('that unpacks to far more than archives do is refused before it fills the memory', async () => {
    const file = path.join(temporaryFolder(), 'bomb.jsonl.br');
    writeFileSync(file, brotliCompressSync(Buffer.alloc(64 * 2 ** 20, ' ')));
    await expect(readStudy(file)).rejects.toThrow(
      /is no archive: it unpacks to more than 17 MiB, which no archive of \d+ bytes does/,
    );
  });
});
