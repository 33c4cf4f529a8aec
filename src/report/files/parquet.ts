/** Tables for other tools, as Apache Parquet: `runs.parquet` has a row a run, `passwords.parquet` a row a scored password. */
import { parquetWriteBuffer } from 'hyparquet-writer';
import { guessRatesOf, logLikelihoodsOf } from '../../claims/evidence.ts';
import { finishedRuns, type SetName } from '../../records/view.ts';
import type { Report } from '../report.ts';
import { runRows } from './runs-csv.ts';

type Cell = string | number | undefined;
type Row = Readonly<Record<string, Cell>>;

/** Numbers that are counts. */
const WHOLE = new Set(['seed', 'steps of phase 3', 'password']);

const typeOf = (column: string, cells: readonly Cell[]): 'INT32' | 'DOUBLE' | 'FLOAT' | 'STRING' => {
  if (WHOLE.has(column)) return 'INT32';
  if (cells.some((cell) => typeof cell === 'string')) return 'STRING';
  return column === 'log-likelihood' || column === 'guess rate' ? 'FLOAT' : 'DOUBLE'; // a row a password: half the size
};

/** Equal rows give equal bytes. A column that a row lacks is null there. */
function parquetOf(rows: readonly Row[]): Buffer {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const columnData = columns.map((name) => {
    const data = rows.map((row) => row[name]);
    return { name, data: data.map((cell) => cell ?? null), type: typeOf(name, data), nullable: true };
  });
  return Buffer.from(parquetWriteBuffer({ columnData }));
}

export const runsParquet = (report: Report): Buffer => parquetOf(runRows(report));

const SETS: Readonly<Record<SetName, string>> = { heldOut: 'held-out', useful: 'useful', random: 'control' };

/**
 * Every scored password at the end of its run; `password` is its number in its set, which the seed draws. Of archives only the
 * runs whose letters are kept in full.
 */
function passwordRows({ studies }: Report): Row[] {
  return studies.flatMap(({ name, study, views }) => {
    const whole = new Set(
      study.records
        .filter((record) => record.status === 'finished' && record.abridged !== 'cell')
        .map(({ setup }) => setup),
    );
    const all = finishedRuns(Object.values(views).flat()).filter(({ setup }) => whole.has(setup));
    const runs = new Map(all.map((run) => [run.setup, run])).values(); // arms may share runs
    return [...runs].flatMap((run) =>
      (Object.keys(SETS) as SetName[]).flatMap((set) => {
        const [rates] = guessRatesOf([run], 'joint', set);
        const [likelihoods] = logLikelihoodsOf([run], 'joint', set);
        return rates.map((rate, password) => ({
          study: name,
          setup: run.setup.name,
          seed: run.setup.seed,
          set: SETS[set],
          password,
          'log-likelihood': likelihoods[password],
          'guess rate': rate,
        }));
      }),
    );
  });
}

export const passwordsParquet = (report: Report): Buffer => parquetOf(passwordRows(report));
