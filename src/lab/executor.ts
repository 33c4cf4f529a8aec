/** Where runs are carried out: in processes here (`local.ts`), or on whatever machine takes them from a queue (`src/queue/`). */
import type { Engine } from '../engine/engine.ts';
import type { Execution } from '../records/execution.ts';
import type { RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import type { Progress } from '../training/trainer.ts';
import type { RunStore } from './store.ts';

/** What of a run's progress is told to those who wait for it: small enough to be sent through a queue. */
export type Heard = Omit<Progress, 'evaluation'> & {
  readonly evaluation: null | {
    readonly sets: Readonly<Record<'useful' | 'heldOut' | 'random', { readonly guessRate: number }>>;
  };
};

/** What an executor is started for. */
export interface Work {
  /** All of the job, those that have a record too. */
  readonly setups: readonly Setup[];
  /** Those without a record in the job's folder. */
  readonly missing: readonly Setup[];
  readonly engine: Pick<Engine, 'name' | 'version'>;
  readonly execution: Execution;
  /** The job's folder, where records are to be. */
  readonly store: RunStore;
  /** Most runs at once here. */
  readonly jobs: number;
  readonly keepModels: boolean;
}

/** Carries out runs, one at a time in each of its lanes. */
export interface Executor {
  /** How many runs it wants to be given at once. */
  readonly lanes: number;
  /**
   * Carries out a run. Its record, finished or failed, is in the job's folder when this returns.
   * @throws StorageError, CheckpointError, ModelError and other faults that end a job; what is done is kept
   */
  run(setup: Setup, onProgress: (heard: Heard) => void): Promise<RunRecord>;
  /** Rejects when runs can be carried out no more. */
  readonly died: Promise<never>;
  /** Leaves off. Runs in hand have not failed: they go on from their checkpoints another time. */
  end(): Promise<void>;
}

export type StartExecutor = (work: Work) => Promise<Executor>;
