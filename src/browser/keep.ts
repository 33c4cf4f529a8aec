/** What outlives a closed tab, in the browser's IndexedDB: checkpoints of runs that are not at their end, and records. */
import { createStore, del, get, set, values } from 'idb-keyval';
import { parseRunRecord, type RunRecord } from '../records/record.ts';
import type { TrainerState } from '../training/trainer.ts';

const checkpoints = createStore('negative-knowledge-checkpoints', 'by-setup');
const records = createStore('negative-knowledge-records', 'by-setup');

/** @param hash of the setup */
export const readCheckpoint = (hash: string): Promise<TrainerState | undefined> => get(hash, checkpoints);

export const keepCheckpoint = (hash: string, state: TrainerState): Promise<void> => set(hash, state, checkpoints);

/** Keeps the record of a run that has ended, whose checkpoint is of no more use. */
export async function keepRecord(record: RunRecord): Promise<void> {
  await set(record.setupHash, JSON.stringify(record), records);
  await del(record.setupHash, checkpoints);
}

/** The records that are kept; one that is damaged is left out, and its run is trained again. */
export async function keptRecords(): Promise<RunRecord[]> {
  return (await values<string>(records)).flatMap((text) => {
    try {
      return parseRunRecord(text, 'a record of this browser');
    } catch {
      return [];
    }
  });
}
