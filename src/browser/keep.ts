/** What outlives a closed tab, in the browser's IndexedDB: checkpoints of runs that are not at their end, and records. */
import { createStore, del, get, set, values } from 'idb-keyval';
import { parseRunRecord, type RunRecord } from '../records/record.ts';
import type { TrainerState } from '../training/trainer.ts';
import type { PageEngine } from './address.ts';
import { program } from './environment.ts';
import type { Checkpoint } from './messages.ts';

const checkpoints = createStore('negative-knowledge-checkpoints', 'by-setup');
const records = createStore('negative-knowledge-records', 'by-setup');

/** A run in this browser: of a setup, on an engine. */
const name = (hash: string, engine: string): string => (engine === 'wasm' ? hash : `${hash} on ${engine}`);

/** Another program's checkpoints are not gone on with. */
const key = (hash: string, engine: string): string => `${name(hash, engine)} ${program()}`;

// Where a browser has no IndexedDB, or refuses it, it may say so by throwing at once: these functions are asynchronous, so that
// whoever calls them has one kind of failure to expect.

/**
 * The checkpoint of a run; undefined where there is none, or where the browser keeps nothing.
 * @param hash of the setup
 * @param engines the first of these on which there is one
 */
export async function readCheckpoint(hash: string, engines: readonly PageEngine[]): Promise<Checkpoint | undefined> {
  for (const engine of engines) {
    const its = key(hash, engine);
    const state = await keptAt(its);
    if (state !== undefined) return { engine, state };
  }
  return undefined;
}

async function keptAt(its: string): Promise<TrainerState | undefined> {
  try {
    return await get<TrainerState>(its, checkpoints);
  } catch {
    return undefined;
  }
}

/** @throws DOMException where the browser keeps nothing, as in some private windows, or has no room left */
export async function keepCheckpoint(hash: string, { engine, state }: Checkpoint): Promise<void> {
  await set(key(hash, engine), state, checkpoints);
}

/** @throws DOMException as {@link keepCheckpoint} */
export async function forgetCheckpoint(hash: string, engines: readonly PageEngine[]): Promise<void> {
  for (const engine of engines) await del(key(hash, engine), checkpoints);
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
  const { setupHash: hash, engine } = record;
  await set(name(hash, engine.name), JSON.stringify(record), records);
  await del(key(hash, engine.name), checkpoints);
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
