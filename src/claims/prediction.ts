/** Whether an experiment came out where an earlier one predicts that a fresh one does. */
import { predictionInterval, type Sample } from '../statistics/index.ts';
import type { Judgement } from './claim.ts';

/** What a report found of the main claim at a setup. */
export interface Found extends Sample {
  readonly seeds: readonly number[];
}

/** An experiment beside what the reference report predicts for one of as many runs. */
export interface Predicted {
  readonly interval: readonly [number, number];
  readonly within: boolean;
  /** Runs of the reference report. */
  readonly runs: number;
  /** How many of the experiment's seeds are seeds of the reference report: of those it predicts nothing new. */
  readonly shared: number;
}

/** The prediction for the mean of the main claim's runs, or null where there is none. */
export function predicted(
  { estimate, seeds }: Pick<Judgement, 'estimate' | 'seeds'>,
  found: Found | null,
): Predicted | null {
  if (found === null || estimate === null || seeds.length === 0) return null;
  const interval = predictionInterval(found, seeds.length);
  return {
    interval,
    within: estimate >= interval[0] && estimate <= interval[1],
    runs: found.runs,
    shared: seeds.filter((seed) => found.seeds.includes(seed)).length,
  };
}
