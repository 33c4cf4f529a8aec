/** Guess rates seed by seed, with and without DPO. */
import { finishedRuns, type RunView, type SetName, type Views } from '../../records/view.ts';
import { MAIN, NO_DPO } from '../arms.ts';
import { estimate, guessRatesOf, runMeans } from '../evidence.ts';
import type { Claimed } from '../family.ts';
import { atSameRise, guessRatesAt } from '../no-dpo.ts';

interface Group {
  readonly words: string;
  readonly arm: string;
  readonly set: SetName;
  /** The claim whose estimate is the group's mean; null where no claim estimates it. */
  readonly claim: string | null;
  /** Its part of the name of the stream of the mean, where no claim has estimated it: see {@link estimate}. */
  readonly source: string;
}

const GROUPS: readonly Group[] = [
  { words: 'held-out', arm: MAIN.id, set: 'heldOut', claim: 'main', source: 'held-out' },
  { words: 'control', arm: MAIN.id, set: 'random', claim: 'control', source: 'random' },
  { words: 'held-out, no DPO', arm: NO_DPO.id, set: 'heldOut', claim: 'no-dpo', source: 'held-out, no DPO' },
  { words: 'control, no DPO', arm: NO_DPO.id, set: 'random', claim: null, source: 'random, no DPO' },
];

/** Guess rates of a group's runs; those without DPO where the claim reads them, if there are runs with DPO to say where. */
const ratesOf = (runs: readonly RunView[], withDpo: readonly RunView[], { arm, set }: Pick<Group, 'arm' | 'set'>) =>
  arm === NO_DPO.id && withDpo.length > 0
    ? guessRatesAt(atSameRise(runs, withDpo), set)
    : guessRatesOf(runs, 'joint', set);

/**
 * For each group that has several runs, the guess rate of each run and their mean with its 95% interval.
 * @param claimed what claims have estimated, which is not estimated again
 */
export function guessRatesBySeed(views: Views, claimed: (claim: string) => Claimed | null) {
  return GROUPS.flatMap(({ claim, source, ...group }) => {
    const runs = finishedRuns(views[group.arm] ?? []);
    if (runs.length < 2) return [];
    const values = ratesOf(runs, finishedRuns(views[MAIN.id] ?? []), group);
    const seeds = runMeans(values).map((guessRate, index) => ({ seed: runs[index].setup.seed, guessRate }));
    const known = claim === null ? null : claimed(claim);
    return [{ ...group, seeds, mean: known ?? estimate(`figure/seeds/${source}`, values) }];
  });
}
