/** Tables for other tools, read back by another library than the one that writes them. */
import path from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { beforeAll, describe, expect, it } from 'vitest';
import type { WholeRun } from '../../src/records/record.ts';
import type { Study } from '../../src/records/study.ts';
import { passwordsParquet, runsParquet } from '../../src/report/files/parquet.ts';
import { runsCsv } from '../../src/report/files/runs-csv.ts';
import { buildReport, type Report } from '../../src/report/report.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { sharedFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';

type Rows = Record<string, unknown>[];
const read = async (file: Buffer): Promise<Rows> => parquetReadObjects({ file: Uint8Array.from(file).buffer });

const folder = sharedFolder();
let records: WholeRun[];
let report: Report;
beforeAll(async () => {
  records = await fillFolder(path.join(folder, 'job'), [studySetup(1), studySetup(2)]);
  const setup = studySetup(3);
  const error = { name: 'Error', message: 'no' };
  const failed = { ...records[1], setup, setupHash: setupHash(setup), status: 'failed', error };
  const study = { setup: studySetup(), commands: [], records: [...records, failed], source: 'here' };
  report = buildReport([study as unknown as Study], null, 'npm run report');
});

describe('runs.parquet', () => {
  it('has the rows and columns of runs.csv, with numbers as numbers and nothing where a run failed', async () => {
    const rows = await read(runsParquet(report));
    const [head, ...lines] = runsCsv(report).trim().split('\n');
    expect(rows).toHaveLength(lines.length);
    expect(Object.keys(rows[0])).toHaveLength(head.match(/("[^"]*"|[^,]+)(,|$)/g)?.length ?? 0);
    const last = records[0].evaluations[records[0].evaluations.length - 1];
    expect(rows[0]).toMatchObject({
      seed: 1,
      status: 'finished',
      'held-out guess rate': last.sets.heldOut.guessRate,
      'parameters digest': records[0].parametersDigest,
    });
    expect(rows[2]).toMatchObject({ seed: 3, status: 'failed', error: 'no', 'held-out guess rate': null });
  });
});

describe('passwords.parquet', () => {
  it('has a row for every password that a finished run scored at its end', async () => {
    const rows = await read(passwordsParquet(report));
    const counted = (seed: number, set: string) => rows.filter((row) => row.seed === seed && row.set === set);
    for (const record of records) {
      const { seed } = record.setup;
      const end = record.snapshots.find(({ phase, prefix }) => phase === 'joint' && prefix === 'reverse');
      for (const [set, name] of [
        ['heldOut', 'held-out'],
        ['useful', 'useful'],
        ['random', 'control'],
      ] as const) {
        const scored = end?.sets[set].logProbabilities ?? [];
        expect(counted(seed, name).map(({ password }) => password)).toEqual(scored.map((_, index) => index));
        scored.forEach((letters, index) => {
          const mean = letters.reduce((sum, value) => sum + value, 0) / letters.length;
          expect(counted(seed, name)[index]['log-likelihood']).toBeCloseTo(mean, 5);
        });
      }
    }
    expect(rows.filter(({ seed }) => seed === 3)).toEqual([]);
  });

  it('is the same, byte by byte, when it is written again', () => {
    expect(passwordsParquet(report).equals(passwordsParquet(report))).toBe(true);
    expect(runsParquet(report).equals(runsParquet(report))).toBe(true);
  });
});
