/** Records small enough to commit. */
import { scoredUnder } from '../recipe/recipe.ts';
import type { AbridgedCell, AbridgedRun, FailedRun, FinishedRun, RunRecord } from './record.ts';

/** What {@link abridge} leaves out, in words. */
export const ABRIDGED =
  'Log-probabilities are rounded to 3 decimals, and other measures to 4. The losses of single steps are left out, and so are the passwords, ' +
  'which the setup draws again. A run that only a tuning grid reads keeps only its last snapshot, with log-probabilities of 2 decimals and without ranks.';

const rounded = (value: number, decimals: number): number => {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor || 0; // no -0, which JSON would turn into 0
};

/** Every number in a value, rounded. */
function roundAll<Value>(value: Value, decimals: number): Value {
  if (typeof value === 'number') return rounded(value, decimals) as Value;
  if (Array.isArray(value)) return value.map((part) => roundAll(part, decimals)) as Value;
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, roundAll(part, decimals)])) as Value;
  return value;
}

type PerSet<Value> = Record<'heldOut' | 'useful' | 'random', Value>;

const inEachSet = <From, To>({ heldOut, useful, random }: PerSet<From>, of: (scores: From) => To): PerSet<To> => ({
  heldOut: of(heldOut),
  useful: of(useful),
  random: of(random),
});

type Scores = FinishedRun['snapshots'][number]['sets']['heldOut'];

/** Log-probabilities of letters, and the letters' shares where the record has them: mostly 0 but for the last decimals. */
const ofLetters = ({ logProbabilities, letterShares }: Scores, decimals: number) => ({
  logProbabilities: roundAll(logProbabilities, decimals),
  ...(letterShares === undefined ? {} : { letterShares: roundAll(letterShares, 5) }),
});

const ofCell = (scores: Scores) => ({
  ...ofLetters(scores, 2),
  lens: roundAll(scores.lens, 4),
  calibrated: roundAll({ inverseTemperatures: scores.calibrated.inverseTemperatures }, 4),
});

/**
 * What an archive keeps of a record. What identifies the run (setup, seed, engine, machine, digests of parameters and
 * ledger) stays whole; a record that was abridged before is not made fuller.
 * @param cell whether only a grid reads the run: guess rates at its end are then all that is asked of its letters
 */
export function abridge(record: FinishedRun, cell: boolean): AbridgedRun | AbridgedCell;
export function abridge(record: RunRecord, cell: boolean): AbridgedRun | AbridgedCell | FailedRun;
export function abridge(record: RunRecord, cell: boolean): AbridgedRun | AbridgedCell | FailedRun {
  if (record.status === 'failed' || record.abridged === 'cell') return record;
  const { trajectories: _, snapshots, ...whole } = { trajectories: null, ...record };
  const rest = {
    ...whole,
    evaluations: record.evaluations.map((evaluation) => roundAll(evaluation, 4)),
    overlap: roundAll(record.overlap, 4),
    ...(record.dissection === undefined ? {} : { dissection: roundAll(record.dissection, 4) }),
  };
  if (cell) {
    const reverse = scoredUnder(record.setup, 'joint');
    return {
      ...rest,
      abridged: 'cell',
      snapshots: snapshots
        .filter(({ phase, prefix }) => phase === 'joint' && prefix === reverse)
        .map(({ sets, ...when }) => ({ ...when, sets: inEachSet(sets, ofCell) })),
    };
  }
  return {
    ...rest,
    abridged: 'run',
    snapshots: snapshots.map(({ sets, ...when }) => ({
      ...when,
      sets: inEachSet(sets, ({ ranks, lens, calibrated, ...scores }) => ({
        ...ofLetters({ ...scores, lens, calibrated }, 3),
        ranks,
        lens: roundAll(lens, 4),
        calibrated: roundAll(calibrated, 4),
      })),
    })),
  };
}
