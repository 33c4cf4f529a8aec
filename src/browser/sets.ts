/** The sets of passwords as the page names and draws them, and what a run measured of them so far. */
import type { Phase } from '../passwords/roles.ts';
import { COLOURS } from '../report/figures/colours.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import type { Evaluation } from './messages.ts';
import { stepsBefore } from './progress.ts';
import type { Run } from './runs.ts';

export const SETS = [
  { name: 'held-out', set: 'heldOut', colour: COLOURS['held-out'] },
  { name: 'useful', set: 'useful', colour: COLOURS.useful },
  { name: 'control', set: 'random', colour: COLOURS.control },
] as const;

/** Steps since the beginning of a run, at each of its evaluations. */
export const stepsOf = ({ setup, evaluations }: Run): number[] =>
  evaluations.map(({ phase, step }) => stepsBefore(setup, phase) + step);

/** The last evaluation of a phase so far: once the phase has ended, that at its end. */
export const lastOf = ({ evaluations }: Run, phase: Phase): Evaluation | undefined =>
  evaluations.findLast((evaluation) => evaluation.phase === phase);

/** Two setups have the same of these if they differ in the seed alone. */
export const withoutSeed = (setup: Setup): string => setupHash({ ...setup, seed: 0 });
