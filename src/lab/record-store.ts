/** Where a run's record and checkpoints are kept while it trains: the folder of a job, or a store that machines share. */
import type { EngineName } from '../engine/engine.ts';
import type { Execution } from '../records/execution.ts';
import type { RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import type { TrainerState } from '../training/trainer.ts';
import type { SharedPlace } from './shared/shared-store.ts';
import { RunStore } from './store.ts';

/** What a run needs of a store. */
export interface RecordStore {
  /** The state to go on from, or null when there is none. @throws CheckpointError when it is damaged */
  readCheckpoint(setup: Setup, engine: EngineName, execution: Execution): Promise<TrainerState | null>;
  writeCheckpoint(setup: Setup, engine: EngineName, state: TrainerState, execution: Execution): Promise<void>;
  /** Keeps a trained model. @param save writes its files into a folder */
  writeModel(setup: Setup, engine: EngineName, save: (folder: string) => void): Promise<void>;
  /** Saves a record, whole or not at all, and removes the run's checkpoints. @returns where it is */
  writeRecord(record: RunRecord): Promise<string>;
}

/** A store in words that another process understands. */
export type StorePlace =
  | { readonly kind: 'folder'; readonly folder: string }
  | ({ readonly kind: 'shared' } & SharedPlace);

/** Opens a store for one run. */
export async function storeAt(place: StorePlace): Promise<RecordStore> {
  if (place.kind === 'folder') return new RunStore(place.folder);
  const { openShared, AttemptStore } = await import('./shared/shared-store.ts');
  return new AttemptStore(await openShared(place.place), place);
}
