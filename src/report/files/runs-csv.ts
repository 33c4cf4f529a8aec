/** Every run as a row: `runs.csv`, and the same rows for `runs.parquet`. */
import { evaluationsOfPhase3 } from '../../claims/evidence.ts';
import { bestPerf } from '../../claims/paper-statistic.ts';
import type { RunRecord } from '../../records/record.ts';
import { csvOf } from '../escape.ts';
import type { Report } from '../report.ts';

/** A run that failed has no numbers of its end. */
export type RunRow = Readonly<Record<string, string | number | undefined>>;

/** A run's row, after what its table says of it beside. */
export function rowOfRun(record: RunRecord, beside: RunRow): RunRow {
  const { setup, engine, environment, times } = record;
  const about = {
    ...beside,
    setup: setup.name,
    seed: setup.seed,
    engine: engine.name,
    commit: environment.commit ?? '',
    status: record.status,
    error: record.status === 'failed' ? record.error.message : '',
    seconds: times.wallSeconds,
  };
  if (record.status === 'failed') return about;
  const last = evaluationsOfPhase3(record).at(-1) ?? record.evaluations[record.evaluations.length - 1];
  const { heldOut, useful, random } = last.sets;
  return {
    ...about,
    'steps of phase 3': last.step,
    'held-out guess rate': heldOut.guessRate,
    'useful guess rate': useful.guessRate,
    'control guess rate': random.guessRate,
    'held-out perf': heldOut.perf,
    'useful perf': useful.perf,
    'control perf': random.perf,
    'held-out top-1 rate': heldOut.topRate,
    'maximum perf, held-out': bestPerf(record, 'heldOut'),
    'maximum perf, control': bestPerf(record, 'random'),
    'parameters digest': record.parametersDigest,
  };
}

export const runRows = ({ studies }: Report): RunRow[] =>
  studies.flatMap(({ name, study, evidence }) =>
    study.records.map((record) => {
      const arms = Object.keys(evidence).filter((arm) => evidence[arm].includes(record));
      return rowOfRun(record, { study: name, arms: arms.join(' ') });
    }),
  );

/** Columns that are not written with four decimals. */
const DECIMALS: Readonly<Record<string, number>> = { seed: 0, seconds: 1, 'steps of phase 3': 0 };

/** Rows as a file of comma-separated values. */
export const rowsCsv = (rows: readonly RunRow[]): string =>
  csvOf(
    rows.map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          typeof value === 'number' ? value.toFixed(DECIMALS[column] ?? 4) : value,
        ]),
      ),
    ),
  );

export const runsCsv = (report: Report): string => rowsCsv(runRows(report));
