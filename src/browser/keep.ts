/** What outlives a closed tab, in the browser's IndexedDB: checkpoints of runs that are not at their end, and records. */
import { createStore, del, get, set, values } from 'idb-keyval';
import { parseRunRecord, type RunRecord } from '../records/record.ts';
import type { TrainerState } from '../training/trainer.ts';
import { program } from './environment.ts';

const checkpoints = createStore('negative-knowledge-checkpoints', 'by-setup');
const records = createStore('negative-knowledge-records', 'by-setup');

/** A run in this browser: of a setup, on an engine. */
export interface Kept {
  readonly hash: string;
  readonly engine: string;
}

const name = ({ hash, engine }: Kept): string => (engine === 'wasm' ? hash : `${hash} on ${engine}`);

/** Another program's checkpoints are not gone on with. */
const key = (run: Kept): string => `${name(run)} ${program()}`;

/** The checkpoint of a run; undefined where there is none, or where the browser keeps nothing. */
export const readCheckpoint = (run: Kept): Promise<TrainerState | undefined> =>
  get<TrainerState>(key(run), checkpoints).catch(() => undefined);

/** @throws DOMException where the browser keeps nothing, as in a private window, or has no room left */
export const keepCheckpoint = (run: Kept, state: TrainerState): Promise<void> => set(key(run), state, checkpoints);

/** Keeps the record of a run that has ended, whose checkpoint is of no more use. @throws DOMException as {@link keepCheckpoint} */
export async function keepRecord(record: RunRecord): Promise<void> {
  const run = { hash: record.setupHash, engine: record.engine.name };
  await set(name(run), JSON.stringify(record), records);
  await del(key(run), checkpoints);
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
