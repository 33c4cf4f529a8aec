/** How the effect arises: by progress of the useful negatives, by place in the password, by layer. */
import { mean } from 'simple-statistics';
import { chanceLine, letterProbabilities } from '../../measure/measures.ts';
import type { RunView, SetName } from '../../records/view.ts';
import { tInterval } from '../../statistics/index.ts';
import { evaluationsOfPhase3, vary } from '../evidence.ts';
import { kept, type Sets, snapshotsOf } from './snapshots.ts';

export interface MeanOverRuns {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The mean over runs with its t interval; without an interval where runs are too few or do not differ. */
export function overRuns(values: number[]): MeanOverRuns {
  const value = mean(values);
  const [low, high] = vary(values) ? tInterval(values) : [value, value];
  return { value, low, high };
}

/** Borders of the classes of useful guess rate. */
const CLASSES = [0, 0.5, 0.8, 0.95, 1.05, 1.15, 1.3, 1.5, 1.7, 2, 2.5, 4];

/** Fewer runs than this give a class no mean. */
const FEWEST = 3;

/**
 * Held-out and control guess rate by class of the useful guess rate, over all evaluations of phase 3: in how many runs the
 * class occurs, and the mean guess rate of the useful negatives in it.
 */
export function flipByUseful(runs: readonly RunView[]) {
  return CLASSES.slice(1).flatMap((high, index) => {
    const low = CLASSES[index];
    // The evaluations of a run are not independent: one mean for each run, then the interval over runs.
    const own = runs
      .map((run) =>
        evaluationsOfPhase3(run).filter(({ sets: { useful } }) => useful.guessRate >= low && useful.guessRate < high),
      )
      .filter((evaluations) => evaluations.length > 0);
    if (own.length < FEWEST) return [];
    const means = (set: SetName) => own.map((evaluations) => mean(evaluations.map(({ sets }) => sets[set].guessRate)));
    return (['heldOut', 'random'] as const).map((set) => ({
      set,
      runs: own.length,
      useful: mean(means('useful')),
      guessRate: overRuns(means(set)),
    }));
  });
}

/** For each snapshot and set, what is read at each place of the password or after each layer, by an index from 0. */
const readEach = (
  runs: readonly RunView[],
  sets: readonly SetName[],
  count: (sets: Sets) => number,
  read: (sets: Sets, set: SetName, index: number) => number,
) =>
  snapshotsOf(runs).flatMap(({ snapshot, scored }) =>
    sets.flatMap((set) =>
      Array.from({ length: count(scored[0]) }, (_, index) => ({
        snapshot,
        set,
        index,
        ...overRuns(scored.map((own) => read(own, set, index))),
      })),
    ),
  );

const lettersOf = ([{ setup }]: readonly RunView[]): number => setup.passwords.alphabet.length;

/** Guess rate of the letters at each place, of each of the sets. */
export const guessRateByPlace = (runs: readonly RunView[], sets: readonly SetName[]) =>
  readEach(
    runs,
    sets,
    ({ heldOut }) => heldOut.logProbabilities[0].length,
    (own, set, place) => lettersOf(runs) * mean(letterProbabilities(own[set]).map((row) => row[place])),
  );

/** How many layers a snapshot keeps the logit lens of; 0 where it keeps none. */
const layersOf = ({ heldOut }: Sets): number => heldOut.lens?.length ?? 0;

const lensAt = (sets: Sets, set: SetName, layer: number): number => kept(sets[set].lens, 'lens')[layer].logLikelihood;

/** Log-likelihood relative to chance, nats a letter, that the logit lens reads after each layer, the embedding first. */
export const lensByLayer = (runs: readonly RunView[], sets: readonly SetName[]) =>
  readEach(runs, sets, layersOf, (own, set, layer) => lensAt(own, set, layer) - chanceLine(lettersOf(runs)));

/** How much likelier held-out letters are than control ones after each layer: the sign that flips; nats a letter. */
export const signByLayer = (runs: readonly RunView[]) =>
  readEach(runs, ['heldOut'], layersOf, (own, set, layer) => lensAt(own, set, layer) - lensAt(own, 'random', layer));
