/** The paper's own code beside ours, at one setup: each on data, initial weights and seeds of its own. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import type { RunView } from '../../records/view.ts';
import { type Equivalence, equivalence } from '../../statistics/index.ts';
import { bestPerf } from '../paper-statistic.ts';

/** The size of the paper's whole effect, nats a letter: programs that differ by less are called equivalent. */
export const MARGIN = 0.12;

/** Significance of the tests of equivalence. */
const ALPHA = 0.05;

interface Sample {
  readonly runs: number;
  readonly mean: number;
  readonly deviation: number;
}

export interface Comparison {
  /** The paper's statistic of held-out passwords, nats a letter. */
  readonly ours: Sample;
  readonly theirs: Sample;
  readonly equivalence: Equivalence;
  readonly verdict: 'equivalent' | 'not equivalent' | 'undecided';
}

const sampleOf = (values: readonly number[]): Sample => ({
  runs: values.length,
  mean: mean([...values]),
  deviation: sampleStandardDeviation([...values]),
});

/** Guess rates after the last step of one run of the paper's own code; multiples of chance. */
export type LastGuessRates = Readonly<Record<'heldOut' | 'random', number>>;

/** The mean over runs. */
export const meanLastGuessRate = (runs: readonly LastGuessRates[], set: keyof LastGuessRates): number =>
  mean(runs.map((rates) => rates[set]));

/** @param theirs the paper's statistic of each run of its own code; nats a letter */
export function compareWithReference(runs: readonly RunView[], theirs: readonly number[]): Comparison {
  const ours = runs.map((run) => bestPerf(run, 'heldOut'));
  const tested = equivalence(ours, theirs, MARGIN);
  const [low, high] = tested.interval;
  const apart = (low > 0 || high < 0) && (high > MARGIN || low < -MARGIN);
  return {
    ours: sampleOf(ours),
    theirs: sampleOf(theirs),
    equivalence: tested,
    verdict: tested.p < ALPHA ? 'equivalent' : apart ? 'not equivalent' : 'undecided',
  };
}
