/** What the page and the workers in which runs train say to each other. */
import type { FinishedRun, RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import type { PageEngine } from './address.ts';

/** As records have them. */
export type Evaluation = FinishedRun['evaluations'][number];

/** To a worker. */
export type Order =
  | { readonly kind: 'train'; readonly setup: Setup; readonly engine: PageEngine | null }
  /** Keep what has been done, and stop. */
  | { readonly kind: 'pause' };

/** From a worker. */
export type News =
  /** After an evaluation, and after those that a checkpoint kept. */
  | {
      readonly kind: 'evaluations';
      readonly evaluations: readonly Evaluation[];
      readonly share: number;
    }
  | { readonly kind: 'paused' }
  | { readonly kind: 'ended'; readonly record: RunRecord }
  /** The browser could not do it; a run that failed has a record that says so. */
  | { readonly kind: 'fault'; readonly message: string };
