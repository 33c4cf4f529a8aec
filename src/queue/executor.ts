/**
 * Has runs carried out by whichever workers take them from a queue. The shared store says what is done: messages of the
 * queue only say when it is worth looking.
 */
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Bull from 'bullmq';
import type { Executor, Heard, StartExecutor, Work } from '../lab/executor.ts';
import { StoreError } from '../lab/shared/bucket.ts';
import { type Kind, kindText, runKey, type SharedStore } from '../lab/shared/shared-store.ts';
import { RecordError, type RunRecord } from '../records/record.ts';
import { redact } from '../redact.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { sha256Hex } from '../sha256.ts';
import { endedSchema, jobId, type Queued, queueName, type Told, toldSchema } from './queued.ts';
import { Registry, type SweepEntry, type WorkerEntry } from './registry.ts';
import { faultOf, isLost, PREFIX, QueueError, type Server } from './server.ts';

export interface QueueOptions {
  readonly server: Server;
  readonly store: SharedStore;
  readonly kind: Kind;
  readonly code: string;
  /** What the runs are for, and the command as it was typed, without secrets. */
  readonly name: string;
  readonly command: string;
  /** Whether runs that have a record in the store are trained again. */
  readonly refresh: boolean;
  /** Under which code's runs records are kept: another than `code` where they are only made to be compared. */
  readonly folder?: string;
  readonly say: (text: string) => void;
  /** Is given what the workers do, now and then. */
  readonly onWorkers?: (workers: readonly WorkerEntry[]) => void;
}

/** Between two looks at the store and the queue, in milliseconds. */
const LOOK_EVERY = 5_000;
/** How long a server is waited for when all is done, in milliseconds. */
const GOODBYE = 5_000;
/** Between two complaints that there is no worker, in milliseconds. */
const NOBODY_EVERY = 60_000;
/** Runs that are entered at once. */
const AT_ONCE = 500;
/** Files of setups that are written at once. */
const WRITTEN_AT_ONCE = 16;

/** A run that is waited for. */
interface Awaited {
  readonly setup: Setup;
  readonly key: string;
  readonly ended: Promise<RunRecord>;
  end(record: RunRecord): void;
  fail(error: Error): void;
  onProgress?: (heard: Heard) => void;
  /** Why it cannot be carried out. */
  failed?: string;
}

function awaited(setup: Setup, key: string): Awaited {
  let [end, fail] = [(_: RunRecord) => {}, (_: Error) => {}];
  const ended = new Promise<RunRecord>((resolve, reject) => {
    [end, fail] = [resolve, reject];
  });
  ended.catch(() => {}); // for whoever asks
  return { setup, key, ended, end, fail };
}

/** The name of what waits in a folder of this machine: the same for those who go on there. */
export const sweepId = (folder: string): string =>
  sha256Hex(JSON.stringify([os.hostname(), path.resolve(folder)])).slice(0, 8);

/** Puts runs on a queue, and waits for them. */
class QueueExecutor implements Executor {
  readonly lanes: number;
  readonly died: Promise<never>;
  readonly #options: QueueOptions;
  readonly #work: Work;
  /** Under which code's runs records are kept. */
  readonly #folder: string;
  readonly #registry: Registry;
  readonly #sweep: SweepEntry;
  readonly #queue: Bull.Queue<Queued>;
  readonly #events: Bull.QueueEvents;
  /** All runs by setup hash, and those that are not here yet by key. */
  readonly #all = new Map<string, Awaited>();
  readonly #waiting = new Map<string, Awaited>();
  /** Runs that have left the queue with a record. */
  readonly #completed = new Set<string>();
  /** Runs that the last look did not find in the queue. */
  readonly #missed = new Set<string>();
  readonly #said = new Set<string>();
  #saidNobody = 0;
  #stop: (error: Error) => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #looking = false;

  constructor(options: QueueOptions, work: Work) {
    const { server, store, kind, code, folder = code, name, command } = options;
    this.#options = options;
    this.#work = work;
    this.#folder = folder;
    this.#registry = new Registry(server.client);
    for (const setup of work.missing) {
      const run = awaited(setup, runKey(setup, kind, work.execution, folder));
      this.#all.set(setupHash(setup), run);
      this.#waiting.set(run.key, run);
    }
    this.lanes = Math.max(1, work.missing.length);
    const queue = queueName(code, kind);
    this.#sweep = {
      ...{
        id: sweepId(work.store.folder),
        name,
        command,
        host: os.hostname(),
        code,
        kind: kindText(kind),
        queue,
        folder,
      },
      ...{ store: store.bucket.place, state: 'running' as const, startedAt: new Date().toISOString() },
    };
    const { Queue, QueueEvents } = server.bull;
    this.#queue = new Queue(queue, { connection: server.client, prefix: PREFIX });
    this.#events = new QueueEvents(queue, { connection: server.connection(), prefix: PREFIX });
    this.#queue.on('error', () => {}); // the connection tells it
    this.#events.on('error', () => {});
    this.died = new Promise<never>((_, reject) => {
      this.#stop = reject;
    });
    this.died.catch(() => {}); // for whoever asks
  }

  run(setup: Setup, onProgress: (heard: Heard) => void): Promise<RunRecord> {
    const run = this.#all.get(setupHash(setup)) as Awaited;
    run.onProgress = onProgress;
    return run.ended;
  }

  /** Enters the runs that the store has no record of. @throws QueueError or StorageError where that cannot be done */
  async enter(): Promise<void> {
    const { server, store, refresh } = this.#options;
    try {
      this.#listen();
      await this.#events.waitUntilReady();
      await this.#registry.anew(this.#sweep.id);
      const ended = await store.ended(this.#folder);
      const todo = [...this.#waiting.values()].filter(({ key }) => refresh || !ended.has(key));
      const some = todo.values();
      const save = async (): Promise<void> => {
        for (const { setup } of some) await store.saveSetup(setup);
      };
      await Promise.all(Array.from({ length: WRITTEN_AT_ONCE }, save));
      // Those that were given up before are what somebody asks for again.
      const keys = new Set(todo.map(({ key }) => key));
      const givenUp = (await this.#failed()).filter(({ id = '' }) => keys.has(keyOf(id)));
      await Promise.all(givenUp.map((job) => job.remove()));
      await this.#add(todo);
      for (const { key } of [...this.#waiting.values()]) if (!keys.has(key)) this.#fetch(key);
    } catch (error) {
      await this.end();
      throw faultOf(error, server);
    }
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY);
    void this.#look();
  }

  async end(): Promise<void> {
    clearInterval(this.#timer);
    const left = this.#waiting.size === 0 ? this.#registry.forget(this.#sweep.id).catch(() => {}) : Promise.resolve();
    const closed = left.then(() => Promise.all([this.#events.close(), this.#queue.close()])).catch(() => {});
    await Promise.race([closed, sleep(GOODBYE, undefined, { ref: false })]); // a server that is gone is not waited for
  }

  async #add(some: readonly Awaited[]): Promise<void> {
    const { store, refresh } = this.#options;
    const { execution, keepModels } = this.#work;
    await this.#registry.want(this.#sweep, some.map(keyOfRun));
    const entries = some.map(({ setup, key }) => {
      const data: Queued = {
        ...{ key, setupHash: setupHash(setup), microBatch: execution.microBatch, store: store.id },
        ...{ folder: this.#folder, keepModel: keepModels, refresh, tries: 0, at: 0 },
      };
      const opts = { jobId: jobId(key), removeOnComplete: true, removeOnFail: false };
      return { name: `${setup.name} seed ${setup.seed}`, data, opts };
    });
    for (let at = 0; at < entries.length; at += AT_ONCE) await this.#queue.addBulk(entries.slice(at, at + AT_ONCE));
  }

  /** Runs in the queue that could not be carried out. */
  async #failed(): Promise<Bull.Job<Queued>[]> {
    const jobs: (Bull.Job<Queued> | undefined)[] = await this.#queue.getFailed(0, -1);
    return jobs.filter((job) => job !== undefined); // one may be taken out meanwhile
  }

  /** What the queue says as it happens. */
  #listen(): void {
    this.#events.on('progress', ({ jobId: id, data }) => {
      const run = this.#waiting.get(keyOf(id));
      const { success, data: told } = toldSchema.safeParse(data);
      if (run === undefined || !success) return;
      if ('heard' in told) run.onProgress?.(heardOf(told.heard));
      else {
        const why = told.refused.replaceAll(/[0-9a-f-]{8,}/g, ''); // without names that each attempt has anew
        this.#sayOnce(`${told.worker} does not take ${run.setup.name} seed ${run.setup.seed}: ${told.refused}`, why);
      }
    });
    this.#events.on('completed', ({ jobId: id, returnvalue }) => {
      const { success, data } = endedSchema.safeParse(returnvalue);
      // One that nobody wanted is looked for: it may be wanted again.
      if (!success || data.ended === 'unwanted') return void this.#look();
      this.#completed.add(keyOf(id));
      this.#fetch(keyOf(id));
    });
    this.#events.on('failed', ({ jobId: id, failedReason }) => this.#giveUp(keyOf(id), failedReason));
  }

  /** Has the record of a run into the job's folder, if the run ended. */
  #fetch(key: string): void {
    const run = this.#waiting.get(key);
    if (run !== undefined) this.#fetched(run).then(() => this.#settle(), this.#patient);
  }

  async #fetched(run: Awaited): Promise<void> {
    const record = await this.#options.store.readRecord(this.#folder, run.key);
    if (record === null || !this.#waiting.delete(run.key)) return;
    try {
      const own = { ...record, setup: run.setup }; // the name is of the setup here; the hash does not depend on it
      await this.#work.store.writeRecord(own);
      run.end(own);
    } catch (error) {
      run.fail(error as Error);
    }
  }

  #giveUp(key: string, why: string): void {
    const run = this.#waiting.get(key);
    if (run === undefined || run.failed !== undefined) return;
    run.failed = why;
    this.#options.say(`${run.setup.name} seed ${run.setup.seed}: could not be carried out: ${why}`);
    this.#settle();
  }

  /** Ends the job once nothing but runs that cannot be carried out is waited for. */
  #settle(): void {
    const failed = [...this.#waiting.values()].filter((run) => run.failed !== undefined);
    if (failed.length === 0 || failed.length < this.#waiting.size) return;
    const [{ setup, failed: why }] = failed;
    const many = failed.length === 1 ? '' : `${failed.length} runs could not be carried out. `;
    this.#stop(new QueueError(`${many}${setup.name}, seed ${setup.seed}: ${why}`));
  }

  /** A server or a store that cannot be reached for a while ends nothing: what is in the store stays there. */
  readonly #patient = (error: unknown): void => {
    if (error instanceof RecordError || error instanceof StoreError) this.#stop(error);
    if (!isLost(error)) this.#sayOnce(redact((faultOf(error, this.#options.server) as Error).message));
  };

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    try {
      await this.#lookAtAll();
    } catch (error) {
      this.#patient(error);
    } finally {
      this.#looking = false;
    }
  }

  /** Looks for what messages may have missed: in the store, in the queue, and whether the sweep stands. */
  async #lookAtAll(): Promise<void> {
    const { server, store, refresh, say } = this.#options;
    const ended = await store.ended(this.#folder);
    const isDone = (key: string) => this.#completed.has(key) || (!refresh && ended.has(key));
    for (const { key } of [...this.#waiting.values()]) if (isDone(key)) this.#fetch(key);
    for (const { id = '', failedReason } of await this.#failed()) this.#giveUp(keyOf(id), failedReason);
    const standing = await this.#registry.standing(this.#sweep.id);
    if (standing === 'cancelled')
      for (const { key } of [...this.#waiting.values()]) this.#giveUp(key, 'it was cancelled');
    const left = [...this.#waiting.values()].filter((run) => run.failed === undefined);
    if (standing === 'lost' && left.length > 0) {
      say(`the queue's server ${server.place} has forgotten this sweep, and is told again`);
      await this.#registry.want(this.#sweep, left.map(keyOfRun));
    }
    const there = await Promise.all(left.map(({ key }) => server.client.exists(this.#queue.toKey(jobId(key)))));
    const lost = left.filter(({ key }, place) => there[place] === 0 && this.#waiting.has(key) && !isDone(key));
    // One that has just ended leaves the queue before it is heard of: twice is once too often.
    const again = lost.filter(({ key }) => this.#missed.has(key));
    this.#missed.clear();
    for (const { key } of lost) this.#missed.add(key);
    if (again.length > 0) {
      say(`${again.length} runs were no longer in the queue, and are entered again`);
      await this.#add(again);
    }
    const workers = await this.#registry.workers();
    const own = workers.filter(({ queue }) => queue === this.#sweep.queue);
    this.#options.onWorkers?.(own);
    if (left.length > 0 && own.length === 0) this.#sayNobody(workers);
    this.#settle();
  }

  #sayOnce(text: string, about = text): void {
    if (!this.#said.has(about)) this.#options.say(text);
    this.#said.add(about);
  }

  /** Says now and then that the runs wait for workers. */
  #sayNobody(workers: readonly WorkerEntry[]): void {
    if (Date.now() - this.#saidNobody < NOBODY_EVERY) return;
    this.#saidNobody = Date.now();
    const { kind, code, say } = this.#options;
    const otherwise = [...new Set(workers.map((one) => `${one.kind}, code ${one.code}`))].join('; ');
    const others =
      workers.length === 0 ? '' : `; the ${workers.length} that are there compute otherwise (${otherwise})`;
    say(
      `no worker takes runs for ${kindText(kind)} of code ${code}${others}: start some with "npx negative-knowledge worker --queue … --store …", --engine ${kind.engine.name}`,
    );
  }
}

const keyOf = (id: string): string => id.slice(jobId('').length);
const keyOfRun = ({ key }: Awaited): string => key;

/** What was told of a run, as its own process would have said it. */
function heardOf({ rates, loss, ...rest }: Extract<Told, { heard: unknown }>['heard']): Heard {
  const guessRates = rates && {
    useful: { guessRate: rates.useful },
    heldOut: { guessRate: rates.heldOut },
    random: { guessRate: rates.random },
  };
  return { ...rest, loss: loss ?? Number.NaN, evaluation: guessRates && { sets: guessRates } };
}

/** What starts an executor that puts runs on a queue. */
export const queueExecutor =
  (options: QueueOptions): StartExecutor =>
  async (work) => {
    const executor = new QueueExecutor(options, work);
    await executor.enter();
    return executor;
  };
