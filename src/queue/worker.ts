/**
 * Takes runs from a queue and trains them, each in a process of its own, so that leases are renewed however busy the
 * processor is. Whatever becomes of a worker, a run is in the shared store up to its last checkpoint.
 */
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { describeEnvironment } from '../lab/environment.ts';
import { type Kind, kindText } from '../lab/shared/shared-store.ts';
import type { RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import { redact } from '../redact.ts';
import { AGAIN, type Attempting, attempt, Given } from './attempt.ts';
import { type Ended, type Queued, queueName } from './queued.ts';
import { Registry } from './registry.ts';
import { faultOf, isFull, isLost, PREFIX, type Server } from './server.ts';
import { newTrainers, type Train } from './trainers.ts';

export interface WorkerOptions
  extends Pick<Attempting, 'store' | 'kind' | 'jobs' | 'memory' | 'tries' | 'meter' | 'say' | 'signal'> {
  readonly server: Server;
  readonly code: string;
  /** How long a run is this worker's without a sign of life, in milliseconds. */
  readonly lease: number;
  /** Leaves when there is nothing to do and nothing to come. */
  readonly untilEmpty: boolean;
  /** Trains a run; in a process of its own, when absent. */
  readonly train?: Train;
}

/** Between two signs of life, in milliseconds. */
const BEAT = 2_000;

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
  const { server, store, kind, code, jobs, lease, say, meter, signal } = options;
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
  const trainers = newTrainers(jobs);
  const { train = trainers.train } = options;
  const self: Attempting = { ...options, train, id, bull, registry, sayOnce };

  const take = async (job: Job, token = ''): Promise<Ended> => {
    const given = new Given(self, job, token);
    if (signal.aborted) return given.giveBack(); // it was on its way when this worker was asked to stop
    const jobId = job.id as string;
    const before = inHand.get(jobId);
    if (before !== undefined) {
      // It was lost, came back to the queue and to this very worker: the old attempt ends first.
      before.leave('lease lost');
      await before.gone;
      return given.later(BEAT);
    }
    const leave = new AbortController();
    let why: Leave | null = null;
    const work = attempt(self, given, leave.signal);
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
        return await given.putOff(error.message); // it is tried until the store can be used
      }
      if (why === null) throw error;
      say(`${job.name}: ${why === 'stopped' ? 'goes back to the queue' : `let go of (${why})`}`);
      if (why === 'unwanted') return { ended: 'unwanted', by: id };
      if (why === 'lease lost') {
        meter.lostLease();
        throw new bull.DelayedError(); // it is someone else's already
      }
      return await given.giveBack();
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
    if (!isLost(error)) sayOnce(redact((faultOf(error, server) as Error).message));
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
    await trainers.end();
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

/** How this machine computes, as a kind of runs. */
export function kindHere(engine: RunRecord['engine']): Kind {
  const { processorKind, processor } = describeEnvironment();
  return { engine: { name: engine.name, version: engine.version }, processorKind: processorKind ?? processor };
}
