/**
 * A store that machines share: records by what a run is (setup, execution, code), and checkpoints that whoever takes a run
 * next goes on from. It says what is done; a queue only says what is to do.
 *
 *     store.json                               what tells this store from others
 *     setups/<setup hash>.json
 *     runs/<code>/<run key>.json               records
 *     checkpoints/<run key>/<step>-<attempt>   none that another one is further than, until there is a record
 *     conflicts/<run key>-<attempt>.json       records that contradict the one that is there
 *     models/<run key>/                        where they are kept
 */
import { randomUUID } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import type { EngineName } from '../../engine/engine.ts';
import { undivided } from '../../engine/native/threads.ts';
import { writePieces } from '../../model/safetensors.ts';
import { PHASES } from '../../passwords/roles.ts';
import { type Execution, executionOf } from '../../records/execution.ts';
import { recordDigest } from '../../records/journal.ts';
import { arithmeticOf, parseRunRecord, type RunRecord } from '../../records/record.ts';
import { StorageError } from '../../records/storing.ts';
import { setupHash } from '../../setup/hash.ts';
import { parseSetup, type Setup } from '../../setup/schema.ts';
import { sha256Hex } from '../../sha256.ts';
import type { TrainerState } from '../../training/trainer.ts';
import { parseJson } from '../../untrusted.ts';
import { CheckpointError, checkpointBytes, readCheckpoint } from '../checkpoint.ts';
import type { RecordStore } from '../record-store.ts';
import { identity } from '../store.ts';
import { type Bucket, openBucket, StoreError } from './bucket.ts';
import { inScratch } from './scratch.ts';

/** How runs are computed: what the last digits of a record depend on, but for the passes. */
export interface Kind {
  readonly engine: RunRecord['engine'];
  /** Where the engine's digits depend on it; or {@link ANY_PROCESSOR}. */
  readonly processorKind: string;
}

/** The kind in words, the same wherever the digits are. */
export const kindText = ({ engine, processorKind }: Kind): string =>
  arithmeticOf({
    engine,
    environment: { processorKind: undivided(processorKind) } as RunRecord['environment'],
    execution: { microBatch: null },
  });

/** A short name of a kind. */
export const kindId = (kind: Kind): string => sha256Hex(kindText(kind)).slice(0, 8);

/** What a run is, where machines share runs: its setup, how it is computed, and by which code. 32 hexadecimal digits. */
export function runKey(setup: Setup, kind: Kind, execution: Execution, code: string): string {
  const { microBatch } = executionOf(setup, execution.microBatch);
  return sha256Hex(JSON.stringify([setupHash(setup), kindText(kind), microBatch, code])).slice(0, 32);
}

/** A run in a shared store, in words that another process understands. */
export interface SharedPlace {
  /** Of the store. */
  readonly place: string;
  readonly code: string;
  readonly key: string;
  /** Tells attempts at one run apart. */
  readonly attempt: string;
  /** Whether a failed run's record is to be replaced. */
  readonly refresh: boolean;
}

const headSchema = z.strictObject({ negativeKnowledge: z.literal('store'), id: z.string().regex(/^[0-9a-f-]{36}$/) });

const bytesOf = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** What is read by `body`; undefined where it is not what it should be. */
function readable<Result>(body: () => Result): Result | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}

/** What a store says that it is, or null where there is none. @throws StoreError where it is something else */
async function storeIn(bucket: Bucket): Promise<SharedStore | null> {
  const bytes = await bucket.read('store.json');
  if (bytes === null) return null;
  const head = readable(() => headSchema.parse(parseJson(textOf(bytes))));
  if (head !== undefined) return new SharedStore(bucket, head.id);
  throw new StoreError(`store.json in ${bucket.place} is not of a store of runs; choose another place with --store`);
}

/** Opens a store to read what is in it. @throws StoreError or StorageError where there is none, or it cannot be used */
export async function readShared(place: string): Promise<SharedStore> {
  const bucket = await openBucket(place, false);
  const store = await storeIn(bucket);
  if (store === null) throw new StoreError(`--store: ${bucket.place} is no store of runs`);
  return store;
}

/**
 * Opens a store, and makes one where there is none. Proves that it can be written: a run that found out at its end would have
 * been trained for nothing.
 * @throws StoreError or StorageError where it cannot be used
 */
export async function openShared(place: string): Promise<SharedStore> {
  const bucket = await openBucket(place);
  let store = await storeIn(bucket);
  if (store === null) {
    await bucket.create('store.json', bytesOf({ negativeKnowledge: 'store', id: randomUUID() }));
    store = await storeIn(bucket); // of whoever was first
  }
  if (store === null)
    throw new StoreError(
      `what is written to ${bucket.place} is not there afterwards; choose another place with --store`,
    );
  const probe = `probe-${randomUUID()}`;
  await bucket.create(probe, bytesOf(probe));
  await bucket.remove(probe);
  return store;
}

export class SharedStore {
  readonly bucket: Bucket;
  /** The same for every machine that sees this store, under whichever path. */
  readonly id: string;

  constructor(bucket: Bucket, id: string) {
    this.bucket = bucket;
    this.id = id;
  }

  /** Keeps a setup for whoever takes its run. */
  async saveSetup(setup: Setup): Promise<void> {
    await this.bucket.create(`setups/${setupHash(setup)}.json`, bytesOf(setup));
  }

  /** @throws StoreError where it is not here, or is another */
  async readSetup(hash: string): Promise<Setup> {
    const bytes = await this.bucket.read(`setups/${hash}.json`);
    const again = 'the command that asks for its runs saves it again';
    if (bytes === null) throw new StoreError(`${this.bucket.place} has no setup ${hash.slice(0, 10)}; ${again}`);
    const setup = readable(() => parseSetup(parseJson(textOf(bytes))));
    if (setup !== undefined && setupHash(setup) === hash) return setup;
    throw new StoreError(
      `setups/${hash}.json in ${this.bucket.place} ${setup === undefined ? 'is damaged' : 'holds another setup'}; remove it, and ${again}`,
    );
  }

  /** Keys of the runs that some code has ended. */
  async ended(code: string): Promise<Set<string>> {
    const names = await this.bucket.list(`runs/${code}`);
    return new Set(names.filter((name) => name.endsWith('.json')).map((name) => path.posix.basename(name, '.json')));
  }

  /** Where the record of a run is, or would be. */
  placeOf(code: string, key: string): string {
    return `${this.bucket.place}/${recordName(code, key)}`;
  }

  /** The record of a run, or null. @throws RecordError where it is damaged */
  async readRecord(code: string, key: string): Promise<RunRecord | null> {
    const bytes = await this.bucket.read(recordName(code, key));
    if (bytes === null) return null;
    const text = textOf(bytes);
    parseRunRecord(text, this.placeOf(code, key));
    return parseJson(text) as RunRecord; // with its fields in the order they were written in, so that copies are the same bytes
  }

  /**
   * Saves a record, unless the run has one.
   * @returns the one that it has, or null where this is it
   * @throws StoreError where there is one that is never there to be read
   */
  async saveRecord(code: string, key: string, record: RunRecord): Promise<RunRecord | null> {
    const name = recordName(code, key);
    for (let tries = 1; tries <= MOST_TRIES; tries++) {
      if (await this.bucket.create(name, bytesOf(record))) return null;
      const before = await this.readRecord(code, key);
      if (before !== null) return before; // else it has just been removed, to be replaced
    }
    throw new StoreError(`${this.placeOf(code, key)} can neither be written nor read; see to it, and start again`);
  }

  /** How far the attempts at a run have come: grows with every checkpoint that is a step further. 0 before there is one. */
  async progress(key: string): Promise<number> {
    return Math.max(0, ...(await this.checkpoints(key)).map(({ at }) => at));
  }

  /** Checkpoints of a run, the furthest one first. */
  async checkpoints(key: string): Promise<{ name: string; at: number }[]> {
    const names = await this.bucket.list(`checkpoints/${key}`);
    return names
      .flatMap((name) => {
        const [, phase, step] = /\/(\d)-(\d{8})-[^/]+$/.exec(name) ?? [];
        return step === undefined ? [] : [{ name, at: 1 + Number(phase) * 1e8 + Number(step) }];
      })
      .sort((a, b) => b.at - a.at);
  }
}

/** A record is removed and saved again only where a failed one is replaced. */
const MOST_TRIES = 10;

const recordName = (code: string, key: string): string => `runs/${code}/${key}.json`;

/** Whether a record says only that a run's process was lost, over and over: something about machines, and not about the run. */
const isLost = (record: RunRecord): boolean => record.status === 'failed' && record.error.name === 'WorkerError';

/** Whether two attempts at a run ended alike. A setup's name is a label, which others may have chosen otherwise. */
const endedAlike = (one: RunRecord, other: RunRecord): boolean =>
  one.status === other.status &&
  recordDigest({ ...one, setup: { ...one.setup, name: other.setup.name } }) === recordDigest(other);

/** How a run was computed, and on what. */
const whereText = (record: RunRecord): string => `${arithmeticOf(record)}, on ${record.environment.processor}`;

/** What one attempt at a run reads and writes in a shared store. */
export class AttemptStore implements RecordStore {
  readonly #store: SharedStore;
  readonly #run: SharedPlace;
  readonly #warn: (text: string) => void;

  constructor(
    store: SharedStore,
    run: SharedPlace,
    warn = (text: string) => void process.stderr.write(`warning: ${text}\n`),
  ) {
    this.#store = store;
    this.#run = run;
    this.#warn = warn;
  }

  /** The furthest state of any attempt that can be used. One that is damaged is told, and removed. */
  async readCheckpoint(setup: Setup, engine: EngineName, execution: Execution): Promise<TrainerState | null> {
    const { bucket } = this.#store;
    for (const { name } of await this.#store.checkpoints(this.#run.key)) {
      try {
        const state = await bucket.get(name, (file) => readCheckpoint(file, identity(setup, engine, execution)));
        if (state !== null) return state; // else another attempt has removed it meanwhile
      } catch (error) {
        if (!(error instanceof CheckpointError)) throw error;
        this.#warn(`${name} in ${bucket.place} is left out and removed: ${error.reason}`);
        await bucket.remove(name);
      }
    }
    return null;
  }

  async writeCheckpoint(setup: Setup, engine: EngineName, state: TrainerState, execution: Execution): Promise<void> {
    const { bucket } = this.#store;
    const { key, attempt } = this.#run;
    const step = `${PHASES.indexOf(state.phase)}-${String(state.step).padStart(8, '0')}`;
    const name = `checkpoints/${key}/${step}-${attempt}`;
    await bucket.put(name, (file) => writePieces(file, checkpointBytes(state, identity(setup, engine, execution))));
    await this.#tidy(async () => {
      const all = await this.#store.checkpoints(key);
      const own = all.find((one) => one.name === name);
      const behind = all.filter(({ at }) => own !== undefined && at < own.at);
      await Promise.all(behind.map((one) => bucket.remove(one.name)));
    });
  }

  async writeModel(_setup: Setup, _engine: EngineName, save: (folder: string) => void): Promise<void> {
    await inScratch(async (folder) => {
      save(folder);
      for (const name of await readdir(folder)) {
        const copy = (file: string) => copyFileSync(path.join(folder, name), file);
        await this.#store.bucket.put(`models/${this.#run.key}/${name}`, copy);
      }
    });
  }

  /**
   * Saves the record, unless the run has one: runs are delivered at least once, and every attempt at one ends alike.
   * @throws StoreError where the record that is there says otherwise; both are kept then
   */
  async writeRecord(record: RunRecord): Promise<string> {
    const { bucket } = this.#store;
    const { code, key, refresh } = this.#run;
    const name = recordName(code, key);
    let before = await this.#store.saveRecord(code, key, record);
    if (refresh && before?.status === 'failed' && !endedAlike(before, record)) {
      await bucket.remove(name);
      before = await this.#store.saveRecord(code, key, record);
    }
    const fault = before === null || endedAlike(before, record) ? null : await this.#keepBeside(name, before, record);
    // Where two contradict each other as well: nobody can tell whose checkpoints they are.
    await this.#tidy(() => bucket.clear(`checkpoints/${key}`));
    if (fault !== null) throw fault;
    return this.#store.placeOf(code, key);
  }

  /** Keeps a record that is not that of the run. @returns what is to be thrown, where the two contradict each other */
  async #keepBeside(name: string, before: RunRecord, record: RunRecord): Promise<StoreError | null> {
    if (isLost(record)) return null; // somebody else's process was not
    const { bucket } = this.#store;
    const { key, attempt } = this.#run;
    const beside = `conflicts/${key}-${attempt}.json`;
    await bucket.create(beside, bytesOf(record));
    const run = `${record.setup.name}, seed ${record.setup.seed}`;
    const both = `${name} (${before.status}; ${whereText(before)}) and ${beside} (${record.status}; ${whereText(record)}) in ${bucket.place}`;
    if (!isLost(before) && arithmeticOf(before) === arithmeticOf(record))
      return new StoreError(
        `two attempts at ${run}, CONTRADICT each other: ${both}; ` +
          'the same setup, engine and code must end with the same bits: one of the machines computes wrongly',
      );
    this.#warn(
      isLost(before)
        ? `${run} had been given up as lost, and ended after all: ${both}; --refresh has it trained again`
        : `two attempts at ${run} were not computed alike, and did not end alike: ${both}; the first one stays`,
    );
    return null;
  }

  /** Removes what is of no more use. What cannot be removed takes room, and ends no run. */
  async #tidy(body: () => Promise<void>): Promise<void> {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      this.#warn(error.message);
    }
  }
}
