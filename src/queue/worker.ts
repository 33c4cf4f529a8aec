/**
 * Takes runs from a queue and trains them, each in a process of its own, so that leases are renewed however busy the
 * processor is. Whatever becomes of a worker, a run is in the shared store up to its last checkpoint.
 */
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { describeEnvironment } from '../lab/environment.ts';
import type { Heard } from '../lab/executor.ts';
import { lostRun, startTrainers } from '../lab/local.ts';
import { availableMemory, isLarge, PlanError, planMemory } from '../lab/plan.ts';
import { StoreError } from '../lab/shared/bucket.ts';
import { AttemptStore, type Kind, kindText, type SharedPlace, type SharedStore } from '../lab/shared/shared-store.ts';
import type { WorkerFault, WorkerTask } from '../lab/worker.ts';
import type { Workers } from '../lab/workers.ts';
import type { RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import { redact } from '../redact.ts';
import type { Setup } from '../setup/schema.ts';
import type { Meter } from './metrics.ts';
import { type Ended, type Queued, queuedSchema, queueName, type Told } from './queued.ts';
import { Registry } from './registry.ts';
import { faultOf, isFull, PREFIX, type Server } from './server.ts';

export interface WorkerOptions {
  readonly server: Server;
  readonly store: SharedStore;
  readonly kind: Kind;
  readonly code: string;
  /** Runs at once. */
  readonly jobs: number;
  /** Bytes that its runs may use together; what is free, when absent. */
  readonly memory?: number;
  /** Tries that come no further than the one before them, until a run is given up. */
  readonly tries: number;
  /** How long a run is this worker's without a sign of life, in milliseconds. */
  readonly lease: number;
  /** Leaves when there is nothing to do and nothing to come. */
  readonly untilEmpty: boolean;
  readonly say: (text: string) => void;
  readonly meter: Meter;
  /** Asks it to stop: runs in hand go back to the queue. */
  readonly signal: AbortSignal;
  /** Trains a run; in a process of its own, when absent. */
  readonly train?: (
    task: WorkerTask,
    onProgress: (heard: Heard) => void,
    signal: AbortSignal,
  ) => Promise<WorkerFault | null>;
}

/** Between two tries of a run, and of a run that this worker does not take, in milliseconds. */
const AGAIN = 5_000;
/** Between two signs of life, in milliseconds. */
const BEAT = 2_000;
/** Between two messages about one run's progress, in milliseconds. */
const TOLD_EVERY = 1_000;
/** From this width on operations are divided among threads, so that narrower models have processes of their own. */
const WIDE = 512;

/** Why a run in hand is let go of. */
type Leave = 'stopped' | 'lease lost' | 'unwanted';

interface InHand {
  readonly name: string;
  readonly key: string;
  readonly leave: (why: Leave) => void;
  readonly gone: Promise<unknown>;
}

/** Works until it is asked to stop, or until there is nothing to do. @returns how many runs ended here */
export async function workOn(options: WorkerOptions): Promise<{ finished: number; failed: number }> {
  const { server, store, kind, code, jobs, tries, lease, say, meter, signal } = options;
  const { bull } = server;
  const registry = new Registry(server.client);
  const id = `${os.hostname()}-${process.pid}-${randomUUID().slice(0, 4)}`;
  const queue = queueName(code, kind);
  const inHand = new Map<string, InHand>();
  const tally = { finished: 0, failed: 0 };
  const since = new Date().toISOString();
  const said = new Set<string>();
  const sayOnce = (text: string): void => {
    if (!said.has(text)) say(text);
    said.add(text);
  };

  const pools = new Map<boolean, Promise<Workers>>();
  const trainInProcess: NonNullable<WorkerOptions['train']> = async (task, onProgress, stop) => {
    const wide = task.setup.model.hidden >= WIDE;
    const pool = pools.get(wide) ?? startTrainers([task.setup], jobs);
    pools.set(wide, pool);
    let isOver = false; // of no use to anybody
    pool.catch(() => {
      isOver = true;
    });
    try {
      const workers = await pool;
      const died = workers.died.catch((error) => {
        isOver = true; // a process that dies as it starts leaves its task where none takes it up
        throw error;
      });
      return await Promise.race([workers.run<WorkerTask, Heard, WorkerFault | null>(task, onProgress, stop), died]);
    } finally {
      if (isOver && pools.get(wide) === pool) {
        pools.delete(wide);
        void pool.then((workers) => workers.end()).catch(() => {});
      }
    }
  };
  const train = options.train ?? trainInProcess;

  /** Why this worker does not take a run, or null. */
  const refusal = (queued: Queued, setup: Setup): string | null => {
    if (!isLarge(setup) && options.memory === undefined) return null;
    try {
      planMemory([setup], kind.engine.name, (options.memory ?? availableMemory()) / jobs, queued.microBatch);
      return null;
    } catch (error) {
      if (error instanceof PlanError) return error.message;
      throw error;
    }
  };

  /** Gives a run back for a while. It never returns. */
  const later = async (job: Job, token: string, milliseconds = AGAIN): Promise<never> => {
    await job.moveToDelayed(Date.now() + milliseconds, token);
    throw new bull.DelayedError();
  };
  /** As {@link later}, and tells those who wait for the run why. */
  const putOff = async (job: Job, token: string, why: string): Promise<never> => {
    await job.updateProgress({ worker: id, refused: why } satisfies Told);
    await sleep(1_000, undefined, { signal }).catch(() => {}); // so that a worker that can comes first
    return later(job, token);
  };
  const refuse = (job: Job, token: string, why: string): Promise<never> => {
    sayOnce(`not taken: ${why}`);
    meter.refused();
    return putOff(job, token, why);
  };
  const giveBack = async (job: Job, token: string): Promise<never> => {
    await job.moveToWait(token);
    throw new bull.WaitingError();
  };

  /** One run, from the queue to its record. */
  const one = async (job: Job, token: string, leave: AbortController): Promise<Ended> => {
    const queued = queuedSchema.parse(job.data);
    const { key, microBatch, folder, keepModel, refresh } = queued;
    const wanted = await registry.wanted(key);
    if (wanted === 'no') return { ended: 'unwanted', by: id };
    if (wanted === 'paused') return later(job, token);
    if (queued.store !== store.id)
      return refuse(
        job,
        token,
        `runs of the store ${queued.store}, and ${store.bucket.place} is the store ${store.id}: give --store the same place`,
      );
    const setup = await store.readSetup(queued.setupHash).catch((error) => {
      if (error instanceof StoreError) return refuse(job, token, error.message); // not to be seen from here, or not yet
      throw error;
    });
    const why = refusal(queued, setup);
    if (why !== null) return refuse(job, token, why);
    const name = `${setup.name} seed ${setup.seed}`;
    const before = await store.readRecord(folder, key);
    if (before !== null && !refresh) return { ended: before.status, by: id };

    const place: SharedPlace = {
      place: store.bucket.place,
      code: folder,
      key,
      attempt: randomUUID().slice(0, 8),
      refresh,
    };
    const at = await store.progress(key);
    const tried = at > queued.at ? 0 : queued.tries;
    const execution = { microBatch };
    const how = { engine: kind.engine, execution };
    if (tried >= tries) {
      const error = Object.assign(new Error(`it ended its worker ${tried} times and came no further`), {
        name: 'WorkerError',
      });
      await new AttemptStore(store, place).writeRecord(lostRun(setup, how, error));
      say(`${name}: FAILED: ${error.message}`);
      return { ended: 'failed', by: id, seconds: 0 };
    }
    await job.updateData({ ...queued, tries: tried + 1, at } satisfies Queued);

    say(`${name}: ${at > 0 ? 'goes on' : 'begins'}${tried > 0 ? `, try ${tried + 1}` : ''}`);
    meter.began();
    let [told, tokens] = [0, 0];
    const onProgress = (heard: Heard): void => {
      meter.stepped(heard.tokens - tokens);
      tokens = heard.tokens;
      if (Date.now() - told < TOLD_EVERY && heard.evaluation === null) return;
      told = Date.now();
      job.updateProgress(tellingOf(id, heard)).catch(() => {}); // whoever waits looks at the store as well
    };
    const task: WorkerTask = {
      ...{ setup, execution, keepModel, engine: kind.engine.name },
      place: { kind: 'shared', ...place },
    };
    const began = performance.now();
    let fault: WorkerFault | null;
    try {
      fault = await train(task, onProgress, leave.signal);
    } catch (error) {
      if (leave.signal.aborted) throw error;
      // Its process was killed, perhaps for want of memory: the run is tried again, here or elsewhere.
      say(`${name}: its process ended (${redact((error as Error).message)}), try ${tried + 1} of ${tries}`);
      return later(job, token, AGAIN);
    }
    if (fault !== null) {
      if (fault.name === 'ModelError') return refuse(job, token, fault.message);
      if (fault.name === 'StorageError') {
        await job.updateData({ ...queued, tries: tried, at } satisfies Queued); // a disk that is full is no fault of the run
        throw new StorageError(fault.message);
      }
      if (fault.name === 'StoreError' || tried + 1 >= tries) {
        say(`${name}: ${fault.message}`);
        throw new bull.UnrecoverableError(fault.message);
      }
      say(`${name}: ${fault.message} (try ${tried + 1} of ${tries})`);
      return later(job, token);
    }
    const record = (await store.readRecord(folder, key)) as RunRecord;
    say(`${name}: ${record.status}`);
    return { ended: record.status, by: id, seconds: (performance.now() - began) / 1000 };
  };

  const take = async (job: Job, token = ''): Promise<Ended> => {
    if (signal.aborted) return giveBack(job, token); // it was on its way when this worker was asked to stop
    const jobId = job.id as string;
    const before = inHand.get(jobId);
    if (before !== undefined) {
      // It was lost, came back to the queue and to this very worker: the old attempt ends first.
      before.leave('lease lost');
      await before.gone;
      return later(job, token, BEAT);
    }
    const leave = new AbortController();
    let why: Leave | null = null;
    const work = one(job, token, leave);
    inHand.set(jobId, {
      name: job.name,
      key: job.data.key,
      leave: (reason) => {
        why ??= reason;
        leave.abort();
      },
      gone: work.catch(() => {}),
    });
    try {
      return await work;
    } catch (error) {
      if (why === null && error instanceof StorageError) {
        say(`${job.name}: ${error.message}`);
        return await putOff(job, token, error.message); // it is tried until the store can be used
      }
      if (why === null) throw error;
      say(`${job.name}: ${why === 'stopped' ? 'goes back to the queue' : `let go of (${why})`}`);
      if (why === 'unwanted') return { ended: 'unwanted', by: id };
      if (why === 'lease lost') {
        meter.lostLease();
        throw new bull.DelayedError(); // it is someone else's already
      }
      return await giveBack(job, token);
    } finally {
      inHand.delete(jobId);
    }
  };

  const worker = new bull.Worker<Queued, Ended>(queue, take, {
    connection: server.connection(),
    prefix: PREFIX,
    name: id,
    concurrency: jobs,
    lockDuration: lease,
    stalledInterval: Math.max(1_000, lease / 2),
    maxStalledCount: 1_000_000, // runs that end their workers are counted by their tries
    drainDelay: 1,
    runRetryDelay: BEAT,
  });
  const sayFault = (error: unknown): void => {
    const { message } = faultOf(error, server) as Error;
    sayOnce(`the queue: ${redact(message)}`);
  };
  /** Asks for no more runs for a while: a server that is full would be asked thousands of times a second. */
  const rest = async (): Promise<void> => {
    if (worker.isPaused()) return;
    await worker.pause(true);
    await sleep(AGAIN, undefined, { signal }).catch(() => {});
    if (!signal.aborted) await worker.resume();
  };
  worker.on('error', (error) => {
    if (/lock|Missing key/i.test(error.message)) return; // let go of below
    sayFault(error);
    if (isFull(error)) rest().catch(sayFault);
  });
  // A run that is another worker's by now does not leave the queue here, and is counted there.
  worker.on('completed', (_, { ended, seconds }) => {
    if (ended === 'unwanted' || seconds === undefined) return;
    tally[ended] += 1;
    meter.ended(ended, seconds);
  });
  worker.on('lockRenewalFailed', (ids: string[]) => {
    for (const lost of ids) inHand.get(lost)?.leave('lease lost');
  });

  const entry = () => ({
    ...{
      id,
      host: os.hostname(),
      pid: process.pid,
      code,
      kind: kindText(kind),
      computes: kind,
      queue,
      store: store.bucket.place,
      jobs,
    },
    ...{ running: [...inHand.values()].map(({ name }) => name), ...tally, startedAt: since },
  });
  const list = new bull.Queue(queue, { connection: server.client, prefix: PREFIX });
  list.on('error', () => {});
  let idle = 0;
  const beat = async (): Promise<void> => {
    await registry.hear(entry());
    meter.inHand(inHand.size);
    for (const run of inHand.values()) if ((await registry.wanted(run.key)) === 'no') run.leave('unwanted');
    await tellOthers(registry, { queue, code, kind, sayOnce });
    const { wait = 0, active = 0, delayed = 0 } = await list.getJobCounts('wait', 'active', 'delayed');
    idle = wait + active + delayed + inHand.size === 0 ? idle + 1 : 0;
  };
  // A server that is gone answers when it is back, and this worker may be asked to stop before that.
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  try {
    await Promise.race([worker.waitUntilReady(), stopped]);
    say(
      `worker ${id} takes runs for ${kindText(kind)}, ${jobs} at once, by code ${code}, from ${server.place} into ${store.bucket.place}`,
    );
    while (!signal.aborted) {
      await Promise.race([beat().catch(sayFault), stopped]); // it goes on when the server does
      if (options.untilEmpty && idle >= 2) break;
      await sleep(BEAT, undefined, { signal }).catch(() => {});
    }
    return tally;
  } finally {
    for (const run of inHand.values()) run.leave('stopped');
    const left = worker.close().then(() => Promise.all([registry.leave(id), list.close()]));
    await Promise.race([left.catch(() => {}), sleep(AGAIN, undefined, { ref: false })]);
    for (const pool of pools.values()) await pool.then((workers) => workers.end()).catch(() => {});
  }
}

/** Says which runs wait that this worker must not take. */
async function tellOthers(
  registry: Registry,
  { queue, code, kind, sayOnce }: { queue: string; code: string; kind: Kind; sayOnce: (text: string) => void },
): Promise<void> {
  for (const sweep of await registry.sweeps()) {
    if (sweep.queue === queue) continue;
    const differs =
      sweep.code === code
        ? `for ${sweep.kind}, and this worker computes with ${kindText(kind)}`
        : `of code ${sweep.code}, and this worker is of code ${code}`;
    sayOnce(`not taken: the runs of ${sweep.name} (${sweep.host}) are ${differs}`);
  }
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

/** How this machine computes, as a kind of runs. */
export function kindHere(engine: RunRecord['engine']): Kind {
  const { processorKind, processor } = describeEnvironment();
  return { engine: { name: engine.name, version: engine.version }, processorKind: processorKind ?? processor };
}
