/** What the page and the workers in which runs train say to each other. */
import type { FinishedRun, RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import type { TrainerState } from '../training/trainer.ts';
import type { PageEngine } from './address.ts';

/** As records have them. */
export type Evaluation = FinishedRun['evaluations'][number];

/** What has been done of a run, and what computed it: it goes on there. */
export interface Checkpoint {
  readonly engine: PageEngine;
  readonly state: TrainerState;
}

/** To a worker. */
export type Order =
  /** On this engine; null: on the one that is best for the width of the model. */
  | {
      readonly kind: 'train';
      readonly setup: Setup;
      readonly engine: PageEngine | null;
      readonly from?: TrainerState;
    }
  /** Give what has been done, and stop. */
  | { readonly kind: 'pause' };

/** From a worker. */
export type News =
  | { readonly kind: 'evaluation'; readonly evaluation: Evaluation; readonly share: number }
  /** What has been done so far, to be kept. */
  | { readonly kind: 'checkpoint'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'paused'; readonly checkpoint: Checkpoint }
  | { readonly kind: 'ended'; readonly record: RunRecord }
  /** The browser could not do it; a run that failed has a record that says so. */
  | { readonly kind: 'fault'; readonly message: string };
