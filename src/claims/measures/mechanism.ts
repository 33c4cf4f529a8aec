/** How the effect arises: by progress of the useful negatives, by place in the password, by layer. */
import { mean } from 'simple-statistics';
import { chanceLine } from '../../measure/measures.ts';
import type { RunView, SetName } from '../../records/view.ts';
import { tInterval } from '../../statistics/index.ts';
import { evaluationsOfPhase3 } from '../evidence.ts';
import { kept, type Moment, momentsOf, type Sets } from './moments.ts';

export interface MeanOverRuns {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** The mean over runs with its t interval; without an interval where runs are too few or do not differ. */
function overRuns(values: readonly number[]): MeanOverRuns {
  const value = mean([...values]);
  const [low, high] = new Set(values).size < 2 ? [value, value] : tInterval(values);
  return { value, low, high };
}

/** Borders of the classes of useful guess rate. */
const CLASSES = [0, 0.5, 0.8, 0.95, 1.05, 1.15, 1.3, 1.5, 1.7, 2, 2.5, 4];

/** Fewer runs than this give a class no mean. */
const FEWEST = 3;

export interface Flip {
  readonly set: 'heldOut' | 'random';
  readonly runs: number;
  /** Mean guess rate of the useful negatives in the class. */
  readonly useful: number;
  readonly guessRate: MeanOverRuns;
}

/** Held-out and control guess rate by class of the useful guess rate, over all evaluations of phase 3. */
export function flipByUseful(runs: readonly RunView[]): Flip[] {
  return CLASSES.slice(1).flatMap((high, index) => {
    const low = CLASSES[index];
    // A run's evaluations hang together: one mean for each run, then the interval over runs.
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

/** Guess rate of the letters at each place, of each of the sets. */
export function guessRateByPlace(
  runs: readonly RunView[],
  sets: readonly SetName[],
): { moment: Moment; set: SetName; place: number; guessRate: MeanOverRuns }[] {
  return momentsOf(runs).flatMap(({ moment, scored }) =>
    sets.flatMap((set) =>
      scored[0][set].logProbabilities[0].map((_, place) => {
        const letters = runs[0].setup.passwords.alphabet.length;
        const rates = scored.map((own) => letters * mean(own[set].logProbabilities.map((row) => Math.exp(row[place]))));
        return { moment, set, place, guessRate: overRuns(rates) };
      }),
    ),
  );
}

/** The layers of which each run at a moment keeps what they say; none where it keeps no lens. */
const layersOf = ([first]: readonly Sets[]): number[] => [...(first.heldOut.lens ?? []).keys()];

const lensAt = (sets: Sets, set: SetName, layer: number): number => kept(sets[set], 'lens')[layer].logLikelihood;

/** Log-likelihood relative to chance, nats a letter, that the logit lens reads after each layer, the embedding first. */
export function lensByLayer(
  runs: readonly RunView[],
  sets: readonly SetName[],
): { moment: Moment; set: SetName; layer: number; logLikelihood: MeanOverRuns }[] {
  return momentsOf(runs).flatMap(({ moment, scored }) =>
    sets.flatMap((set) =>
      layersOf(scored).map((layer) => {
        const chance = chanceLine(runs[0].setup.passwords.alphabet.length);
        return { moment, set, layer, logLikelihood: overRuns(scored.map((own) => lensAt(own, set, layer) - chance)) };
      }),
    ),
  );
}

/** How much likelier held-out letters are than control ones after each layer: the sign that flips; nats a letter. */
export function signByLayer(
  runs: readonly RunView[],
): { moment: Moment; layer: number; heldOutMinusControl: MeanOverRuns }[] {
  return momentsOf(runs).flatMap(({ moment, scored }) =>
    layersOf(scored).map((layer) => ({
      moment,
      layer,
      heldOutMinusControl: overRuns(scored.map((own) => lensAt(own, 'heldOut', layer) - lensAt(own, 'random', layer))),
    })),
  );
}
