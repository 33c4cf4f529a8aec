/** The snapshots in which a run keeps the scores of every letter. Descriptions of the effect go through them. */
import type { Prefix } from '../../passwords/roles.ts';
import { scoredUnder } from '../../recipe/recipe.ts';
import type { PhaseEnd, RunView, SetName, ViewedScores } from '../../records/view.ts';
import type { Setup } from '../../setup/schema.ts';

export interface Snapshot {
  /** Its part of the names of streams as well, so it is not reworded: see {@link estimate}. */
  readonly key: 'after phase 2, regular' | 'after phase 3, reverse' | 'after phase 3, regular';
  /** What figures and tables call it. */
  readonly words: string;
  readonly phase: PhaseEnd;
  prefix(setup: Setup): Prefix;
}

/** In the order of training. */
export const SNAPSHOTS: readonly Snapshot[] = [
  {
    key: 'after phase 2, regular',
    words: 'after phase 2, regular',
    phase: 'dpo',
    prefix: (setup) => scoredUnder(setup, 'dpo'),
  },
  { key: 'after phase 3, reverse', words: 'after phase 3, reverse', phase: 'joint', prefix: () => 'reverse' },
  { key: 'after phase 3, regular', words: 'after phase 3, regular', phase: 'joint', prefix: () => 'regular' },
];

/** A part of scores that an archive may have left out. @throws RangeError where it did */
export function kept<Part>(part: Part | undefined, name: string): Part {
  if (part === undefined) throw new RangeError(`the run keeps no ${name} of its passwords`);
  return part;
}

export type Sets = Readonly<Record<SetName, ViewedScores>>;

/** Each snapshot with its scores in every run that keeps them; snapshots that no run keeps are left out. */
export const snapshotsOf = (runs: readonly RunView[]): { snapshot: Snapshot; scored: Sets[] }[] =>
  SNAPSHOTS.map((snapshot) => ({
    snapshot,
    scored: runs
      .filter((run) => run.keeps(snapshot.phase, snapshot.prefix(run.setup)))
      .map((run) => {
        const at = (set: SetName) => run.at(snapshot.phase, snapshot.prefix(run.setup), set);
        return { heldOut: at('heldOut'), useful: at('useful'), random: at('random') };
      }),
  })).filter(({ scored }) => scored.length > 0);
