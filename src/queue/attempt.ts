/** One attempt at a run of a queue: whether this worker takes it, and how it comes to its record. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import type { Heard } from '../lab/executor.ts';
import { lostRun } from '../lab/local.ts';
import { availableMemory, isLarge, PlanError, planMemory } from '../lab/plan.ts';
import { StoreError } from '../lab/shared/bucket.ts';
import { AttemptStore, type Kind, type SharedPlace, type SharedStore } from '../lab/shared/shared-store.ts';
import type { WorkerFault, WorkerTask } from '../lab/worker.ts';
import type { RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import { redact } from '../redact.ts';
import type { Setup } from '../setup/schema.ts';
import type { Meter } from './metrics.ts';
import { type Ended, type Queued, queuedSchema, type Told } from './queued.ts';
import type { Registry } from './registry.ts';
import type { Server } from './server.ts';
import type { Train } from './trainers.ts';

/** A worker, as its attempts see it. */
export interface Attempting {
  /** Its name. */
  readonly id: string;
  readonly bull: Server['bull'];
  readonly registry: Registry;
  readonly store: SharedStore;
  readonly kind: Kind;
  /** Runs at once. */
  readonly jobs: number;
  /** Bytes that its runs may use together; what is free, when absent. */
  readonly memory?: number;
  /** Tries that come no further than the one before them, until a run is given up. */
  readonly tries: number;
  readonly train: Train;
  readonly meter: Meter;
  readonly say: (text: string) => void;
  readonly sayOnce: (text: string) => void;
  /** Asks the worker to stop. */
  readonly signal: AbortSignal;
}

/** Between two tries of a run, and of a run that a worker does not take, in milliseconds. */
export const AGAIN = 5_000;
/** Between two messages about one run's progress, in milliseconds. */
const TOLD_EVERY = 1_000;

/** A run that a worker was given: ways to give it back, none of which returns. */
export class Given {
  readonly job: Job;
  readonly #token: string;
  readonly #worker: Attempting;

  constructor(worker: Attempting, job: Job, token: string) {
    this.job = job;
    this.#token = token;
    this.#worker = worker;
  }

  /** For a while. */
  async later(milliseconds = AGAIN): Promise<never> {
    await this.job.moveToDelayed(Date.now() + milliseconds, this.#token);
    throw new this.#worker.bull.DelayedError();
  }

  /** For a while, and those who wait for it are told why. */
  async putOff(why: string): Promise<never> {
    const { id, signal } = this.#worker;
    await this.job.updateProgress({ worker: id, refused: why } satisfies Told);
    await sleep(1_000, undefined, { signal }).catch(() => {}); // so that a worker that can comes first
    return this.later();
  }

  /** As a run that this worker cannot train. */
  refuse(why: string): Promise<never> {
    this.#worker.sayOnce(`not taken: ${why}`);
    this.#worker.meter.refused();
    return this.putOff(why);
  }

  /** To whoever takes it first. */
  async giveBack(): Promise<never> {
    await this.job.moveToWait(this.#token);
    throw new this.#worker.bull.WaitingError();
  }
}

/**
 * Takes a run from the queue to its record, or gives it back.
 * @param signal ends the attempt
 * @throws StorageError where the store cannot be used; what BullMQ takes for a run that was given back
 */
export async function attempt(worker: Attempting, given: Given, signal: AbortSignal): Promise<Ended> {
  const { id, registry, store, kind, tries, say, meter } = worker;
  const { job } = given;
  const queued = queuedSchema.parse(job.data);
  const { key, microBatch, folder, keepModel, refresh } = queued;
  const wanted = await registry.wanted(key);
  if (wanted === 'no') return { ended: 'unwanted', by: id };
  if (wanted === 'paused') return given.later();
  if (queued.store !== store.id)
    return given.refuse(
      `runs of the store ${queued.store}, and ${store.bucket.place} is the store ${store.id}: give --store the same place`,
    );
  const setup = await store.readSetup(queued.setupHash).catch((error) => {
    if (error instanceof StoreError) return given.refuse(error.message); // not to be seen from here, or not yet
    throw error;
  });
  const lacking = lackOfMemory(worker, queued, setup);
  if (lacking !== null) return given.refuse(lacking);
  const before = await store.readRecord(folder, key);
  if (before !== null && !refresh) return { ended: before.status, by: id };

  const name = `${setup.name} seed ${setup.seed}`;
  const own: SharedPlace = {
    ...{ place: store.bucket.place, code: folder, key, refresh },
    attempt: randomUUID().slice(0, 8),
  };
  const at = await store.progress(key);
  const tried = at > queued.at ? 0 : queued.tries;
  const execution = { microBatch };
  if (tried >= tries) {
    const message = `it ended its worker ${tried} times and came no further`;
    const error = Object.assign(new Error(message), { name: 'WorkerError' });
    await new AttemptStore(store, own).writeRecord(lostRun(setup, { engine: kind.engine, execution }, error));
    say(`${name}: FAILED: ${message}`);
    return { ended: 'failed', by: id, seconds: 0 };
  }
  await job.updateData({ ...queued, tries: tried + 1, at } satisfies Queued);

  say(`${name}: ${at > 0 ? 'goes on' : 'begins'}${tried > 0 ? `, try ${tried + 1}` : ''}`);
  meter.began();
  const task: WorkerTask = {
    ...{ setup, execution, keepModel, engine: kind.engine.name },
    place: { kind: 'shared', ...own },
  };
  const began = performance.now();
  let fault: WorkerFault | null;
  try {
    fault = await worker.train(task, telling(worker, job), signal);
  } catch (error) {
    if (signal.aborted) throw error;
    // Its process was killed, perhaps for want of memory: the run is tried again, here or elsewhere.
    say(`${name}: its process ended (${redact((error as Error).message)}), try ${tried + 1} of ${tries}`);
    return given.later();
  }
  if (fault === null) {
    const { status } = (await store.readRecord(folder, key)) as RunRecord;
    say(`${name}: ${status}`);
    return { ended: status, by: id, seconds: (performance.now() - began) / 1000 };
  }
  if (fault.name === 'ModelError') return given.refuse(fault.message);
  if (fault.name === 'StorageError') {
    await job.updateData({ ...queued, tries: tried, at } satisfies Queued); // a disk that is full is no fault of the run
    throw new StorageError(fault.message);
  }
  if (fault.name === 'StoreError' || tried + 1 >= tries) {
    say(`${name}: ${fault.message}`);
    throw new worker.bull.UnrecoverableError(fault.message);
  }
  say(`${name}: ${fault.message} (try ${tried + 1} of ${tries})`);
  return given.later();
}

/** Why a run does not fit into a worker's memory, or null. */
function lackOfMemory({ memory, jobs, kind }: Attempting, { microBatch }: Queued, setup: Setup): string | null {
  if (!isLarge(setup) && memory === undefined) return null;
  try {
    planMemory([setup], kind.engine.name, (memory ?? availableMemory()) / jobs, microBatch);
    return null;
  } catch (error) {
    if (error instanceof PlanError) return error.message;
    throw error;
  }
}

/** What passes a run's progress on to those who wait for it. */
function telling({ id, meter }: Attempting, job: Job): (heard: Heard) => void {
  let [told, tokens] = [0, 0];
  return (heard) => {
    meter.stepped(heard.tokens - tokens);
    tokens = heard.tokens;
    if (Date.now() - told < TOLD_EVERY && heard.evaluation === null) return;
    told = Date.now();
    job.updateProgress(tellingOf(id, heard)).catch(() => {}); // whoever waits looks at the store as well
  };
}

/** Progress as it is sent: finite numbers alone. */
const tellingOf = (worker: string, { phase, step, steps, loss, tokens, evaluation }: Heard): Told => {
  const rates = evaluation && {
    useful: evaluation.sets.useful.guessRate,
    heldOut: evaluation.sets.heldOut.guessRate,
    random: evaluation.sets.random.guessRate,
  };
  return { worker, heard: { phase, step, steps, loss: Number.isFinite(loss) ? loss : null, tokens, rates } };
};
