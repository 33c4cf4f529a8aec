/** What the page and the workers in which runs train say to each other. */
import type { FinishedRun, RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import type { TrainerState } from '../training/trainer.ts';

/** As records have them. */
export type Evaluation = FinishedRun['evaluations'][number];

/** To a worker. */
export type Order =
  | { readonly kind: 'train'; readonly setup: Setup; readonly from?: TrainerState }
  /** Give what has been done, and stop. */
  | { readonly kind: 'pause' };

/** From a worker. */
export type News =
  | { readonly kind: 'evaluation'; readonly evaluation: Evaluation; readonly share: number }
  /** What has been done so far, to be kept. */
  | { readonly kind: 'checkpoint'; readonly state: TrainerState }
  | { readonly kind: 'paused'; readonly state: TrainerState }
  | { readonly kind: 'ended'; readonly record: RunRecord }
  /** The browser could not do it; a run that failed has a record that says so. */
  | { readonly kind: 'fault'; readonly message: string };
