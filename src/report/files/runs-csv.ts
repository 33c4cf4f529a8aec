/** Every run as a row: `runs.csv`. */
import { evaluationsOfPhase3 } from '../../claims/evidence.ts';
import { bestPerf } from '../../claims/paper-statistic.ts';
import { csvOf } from '../escape.ts';
import type { Report } from '../report.ts';

const decimals = (value: number, count = 4): string => value.toFixed(count);

export function runsCsv({ studies }: Report): string {
  const rows = studies.flatMap(({ name, study, evidence }) =>
    study.records.map((record) => {
      const { setup, engine, environment, times } = record;
      const arms = Object.keys(evidence).filter((arm) => evidence[arm].includes(record));
      const about = {
        study: name,
        arms: arms.join(' '),
        setup: setup.name,
        seed: setup.seed,
        engine: engine.name,
        commit: environment.commit ?? '',
        status: record.status,
        error: record.status === 'failed' ? record.error.message : '',
        seconds: decimals(times.wallSeconds, 1),
      };
      if (record.status === 'failed') return about;
      const last = evaluationsOfPhase3(record).at(-1) ?? record.evaluations[record.evaluations.length - 1];
      const { heldOut, useful, random } = last.sets;
      return {
        ...about,
        'steps of phase 3': last.step,
        'held-out guess rate': decimals(heldOut.guessRate),
        'useful guess rate': decimals(useful.guessRate),
        'control guess rate': decimals(random.guessRate),
        'held-out perf': decimals(heldOut.perf),
        'useful perf': decimals(useful.perf),
        'control perf': decimals(random.perf),
        'held-out top-1 rate': decimals(heldOut.topRate),
        'maximum perf, held-out': decimals(bestPerf(record, 'heldOut')),
        'maximum perf, control': decimals(bestPerf(record, 'random')),
        'parameters digest': record.parametersDigest,
      };
    }),
  );
  return csvOf(rows);
}
