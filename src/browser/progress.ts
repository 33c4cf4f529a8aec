/** How far a run is. */
import { PHASES, type Phase } from '../passwords/roles.ts';
import type { Setup } from '../setup/schema.ts';

/** A place in a run: so many steps of a phase are done. */
export interface Place {
  readonly phase: Phase;
  readonly step: number;
}

const sum = (setup: Setup, phases: readonly Phase[]): number =>
  phases.reduce((steps, phase) => steps + setup.phases[phase].steps, 0);

/** Steps before a phase. */
export const stepsBefore = (setup: Setup, phase: Phase): number => sum(setup, PHASES.slice(0, PHASES.indexOf(phase)));

/** Of all steps, how many are done. */
export const shareDone = (setup: Setup, { phase, step }: Place): number =>
  (stepsBefore(setup, phase) + step) / sum(setup, PHASES);
