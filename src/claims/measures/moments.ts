/** The moments of a run of which every letter is kept, and which descriptions of the effect go through. */

import type { Prefix } from '../../passwords/roles.ts';
import { scoredUnder } from '../../recipe/recipe.ts';
import type { PhaseEnd, RunView, SetName, ViewedScores } from '../../records/view.ts';
import type { Setup } from '../../setup/schema.ts';

export interface Moment {
  readonly key: 'dpo/regular' | 'joint/reverse' | 'joint/regular';
  readonly words: string;
  /** Its part of the names of streams, which are not reworded: see {@link estimate}. */
  readonly source: string;
  readonly phase: PhaseEnd;
  readonly prefix: (setup: Setup) => Prefix;
}

export const MOMENTS: readonly Moment[] = [
  {
    key: 'dpo/regular',
    words: 'after phase 2, regular',
    source: 'after phase 2, regular',
    phase: 'dpo',
    prefix: (setup) => scoredUnder(setup, 'dpo'),
  },
  {
    key: 'joint/reverse',
    words: 'after phase 3, reverse',
    source: 'after phase 3, reverse',
    phase: 'joint',
    prefix: () => 'reverse',
  },
  {
    key: 'joint/regular',
    words: 'after phase 3, regular',
    source: 'after phase 3, regular',
    phase: 'joint',
    prefix: () => 'regular',
  },
];

/** A part of scores that an archive may have left out. @throws RangeError where it did */
export function kept<Scores extends object, Part extends keyof Scores & string>(
  scores: Scores,
  part: Part,
): NonNullable<Scores[Part]> {
  const value = scores[part];
  if (value === undefined || value === null) throw new RangeError(`the run keeps no ${part} of its passwords`);
  return value;
}

export type Sets = Readonly<Record<SetName, ViewedScores>>;

/** The scores of a moment, of every run that keeps them; moments that no run keeps are left out. */
export const momentsOf = (runs: readonly RunView[]): { moment: Moment; scored: Sets[] }[] =>
  MOMENTS.map((moment) => ({
    moment,
    scored: runs
      .filter((run) => run.keeps(moment.phase, moment.prefix(run.setup)))
      .map((run) => {
        const at = (set: SetName) => run.at(moment.phase, moment.prefix(run.setup), set);
        return { heldOut: at('heldOut'), useful: at('useful'), random: at('random') };
      }),
  })).filter(({ scored }) => scored.length > 0);
