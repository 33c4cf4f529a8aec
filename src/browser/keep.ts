/** What outlives a closed tab, in the browser's IndexedDB: checkpoints of runs that are not at their end, and records. */
import { createStore, del, get, set, values } from 'idb-keyval';
import { parseRunRecord, type RunRecord } from '../records/record.ts';
import type { TrainerState } from '../training/trainer.ts';
import { program } from './environment.ts';

const checkpoints = createStore('negative-knowledge-checkpoints', 'by-setup');
const records = createStore('negative-knowledge-records', 'by-setup');

/** Another program's checkpoints are not gone on with. @param hash of the setup */
const key = (hash: string): string => `${hash} ${program()}`;

// Where a browser has no IndexedDB, or refuses it, it may say so by throwing at once: these functions are asynchronous, so that
// whoever calls them has one kind of failure to expect.

/** The checkpoint of a run; undefined where there is none, or where the browser keeps nothing. */
export async function readCheckpoint(hash: string): Promise<TrainerState | undefined> {
  const its = key(hash);
  try {
    return await get<TrainerState>(its, checkpoints);
  } catch {
    return undefined;
  }
}

/** @throws DOMException where the browser keeps nothing, as in some private windows, or has no room left */
export async function keepCheckpoint(hash: string, state: TrainerState): Promise<void> {
  await set(key(hash), state, checkpoints);
}

/** @throws DOMException as {@link keepCheckpoint} */
export async function forgetCheckpoint(hash: string): Promise<void> {
  await del(key(hash), checkpoints);
}

/** Why this browser keeps nothing; null where it does keep what it is given. */
export async function whyNothingIsKept(): Promise<string | null> {
  try {
    await set('probe', true, checkpoints);
    await del('probe', checkpoints);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Keeps the record of a run that has ended, whose checkpoint is of no more use. @throws DOMException as {@link keepCheckpoint} */
export async function keepRecord(record: RunRecord): Promise<void> {
  await set(record.setupHash, JSON.stringify(record), records);
  await del(key(record.setupHash), checkpoints);
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
