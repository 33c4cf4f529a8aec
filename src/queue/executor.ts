/**
 * Has runs carried out by whichever workers take them from a queue. The shared store says what is done: messages of the
 * queue only say when it is worth looking.
 */
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import type { Executor, Heard, StartExecutor } from '../lab/executor.ts';
import { StoreError } from '../lab/shared/bucket.ts';
import { type Kind, kindText, runKey, type SharedStore } from '../lab/shared/shared-store.ts';
import { RecordError, type RunRecord } from '../records/record.ts';
import { redact } from '../redact.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { sha256Hex } from '../sha256.ts';
import { endedSchema, jobId, type Queued, queueName, toldSchema } from './queued.ts';
import { Registry, type SweepEntry, type WorkerEntry } from './registry.ts';
import { faultOf, PREFIX, QueueError, type Server } from './server.ts';

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

/** An executor that puts runs on a queue. */
export const queueExecutor =
  (options: QueueOptions): StartExecutor =>
  async ({ missing, execution, store: job, keepModels }): Promise<Executor> => {
    const { server, store, kind, code, refresh, say, folder = code } = options;
    const { bull } = server;
    const registry = new Registry(server.client);
    const queue = queueName(code, kind);
    const waiting = new Map<string, Awaited>();
    for (const setup of missing) {
      const key = runKey(setup, kind, execution, folder);
      waiting.set(key, awaited(setup, key));
    }
    const all = new Map([...waiting.values()].map((run) => [setupHash(run.setup), run]));
    const sweep: SweepEntry = {
      ...{ id: sweepId(job.folder), name: options.name, command: options.command, host: os.hostname(), code },
      ...{ kind: kindText(kind), queue, store: store.bucket.place, folder, state: 'running' as const },
      startedAt: new Date().toISOString(),
    };
    const queuedOf = ({ setup, key }: Awaited): Queued => ({
      ...{ key, setupHash: setupHash(setup), microBatch: execution.microBatch, store: store.id, folder },
      ...{ keepModel: keepModels, refresh, tries: 0, at: 0 },
    });
    const runs = new bull.Queue<Queued>(queue, { connection: server.client, prefix: PREFIX });
    const events = new bull.QueueEvents(queue, { connection: server.connection(), prefix: PREFIX });
    runs.on('error', () => {}); // the connection tells it
    events.on('error', () => {});

    /** Has the record of a run that ended into the job's folder. */
    const fetched = async (run: Awaited): Promise<boolean> => {
      const record = await store.readRecord(folder, run.key);
      if (record === null || !waiting.delete(run.key)) return false;
      try {
        const own = { ...record, setup: run.setup }; // the name is of the setup here; the hash does not depend on it
        await job.writeRecord(own);
        run.end(own);
      } catch (error) {
        run.fail(error as Error);
      }
      return true;
    };
    const add = async (some: readonly Awaited[]): Promise<void> => {
      await registry.want(
        sweep,
        some.map(({ key }) => key),
      );
      for (let at = 0; at < some.length; at += AT_ONCE) {
        await runs.addBulk(
          some.slice(at, at + AT_ONCE).map((run) => ({
            name: `${run.setup.name} seed ${run.setup.seed}`,
            data: queuedOf(run),
            opts: { jobId: jobId(run.key), removeOnComplete: true, removeOnFail: false },
          })),
        );
      }
    };

    let stop = (_: Error): void => {};
    const died = new Promise<never>((_, reject) => {
      stop = reject;
    });
    died.catch(() => {});
    /** Ends the job once nothing but runs that cannot be carried out is waited for. */
    const settle = (): void => {
      const failed = [...waiting.values()].filter((run) => run.failed !== undefined);
      if (failed.length === 0 || failed.length < waiting.size) return;
      const [{ setup, failed: why }] = failed;
      stop(
        new QueueError(
          `${failed.length === 1 ? '' : `${failed.length} runs could not be carried out. `}${setup.name}, seed ${setup.seed}: ${why}`,
        ),
      );
    };
    const onFailed = (key: string, why: string): void => {
      const run = waiting.get(key);
      if (run === undefined || run.failed !== undefined) return;
      run.failed = why;
      say(`${run.setup.name} seed ${run.setup.seed}: could not be carried out: ${why}`);
      settle();
    };
    const keyOf = (id: string): string => id.slice(jobId('').length);

    const [refusals, faults] = [new Set<string>(), new Set<string>()];
    events.on('progress', ({ jobId: id, data }) => {
      const run = waiting.get(keyOf(id));
      const { success, data: told } = toldSchema.safeParse(data);
      if (run === undefined || !success) return;
      if ('refused' in told) {
        const text = `${told.worker} does not take ${run.setup.name} seed ${run.setup.seed}: ${told.refused}`;
        const why = told.refused.replaceAll(/[0-9a-f-]{8,}/g, ''); // without names that each attempt has anew
        if (!refusals.has(why)) say(text);
        refusals.add(why);
        return;
      }
      const { rates, loss, ...rest } = told.heard;
      const [useful, heldOut, random] = [rates?.useful, rates?.heldOut, rates?.random].map((guessRate) => ({
        guessRate: guessRate ?? 0,
      }));
      run.onProgress?.({
        ...rest,
        loss: loss ?? Number.NaN,
        evaluation: rates && { sets: { useful, heldOut, random } },
      });
    });
    /** A store that cannot be reached for a while ends nothing: what is in it stays there. */
    const patient = (error: unknown): void => {
      if (error instanceof RecordError || error instanceof StoreError) stop(error);
      const text = redact((faultOf(error, server) as Error).message);
      if (!faults.has(text)) say(text);
      faults.add(text);
    };
    const look = (key: string): void => {
      const run = waiting.get(key);
      if (run !== undefined) fetched(run).then(settle, patient);
    };
    /** Runs that have left the queue with a record. */
    const completed = new Set<string>();
    events.on('completed', ({ jobId: id, returnvalue }) => {
      const { success, data } = endedSchema.safeParse(returnvalue);
      // One that nobody wanted is looked for below: it may be wanted again.
      if (!success || data.ended === 'unwanted') return void lookNow();
      completed.add(keyOf(id));
      look(keyOf(id));
    });
    events.on('failed', ({ jobId: id, failedReason }) => onFailed(keyOf(id), failedReason));

    /** Runs that the last look did not find in the queue. */
    const missed = new Set<string>();
    /** What messages may have missed. */
    const lookAtAll = async (): Promise<void> => {
      const ended = await store.ended(folder);
      for (const { key } of [...waiting.values()]) if (completed.has(key) || (!refresh && ended.has(key))) look(key);
      for (const { id = '', failedReason } of await runs.getFailed(0, -1)) onFailed(keyOf(id), failedReason);
      const standing = await registry.standing(sweep.id);
      if (standing === 'cancelled') for (const { key } of [...waiting.values()]) onFailed(key, 'it was cancelled');
      const left = [...waiting.values()].filter((run) => run.failed === undefined);
      if (standing === 'lost' && left.length > 0) {
        say(`the queue's server ${server.place} has forgotten this sweep, and is told again`);
        await registry.want(
          sweep,
          left.map(({ key }) => key),
        );
      }
      const there = await Promise.all(left.map(({ key }) => server.client.exists(runs.toKey(jobId(key)))));
      const isAwaited = ({ key }: Awaited) => waiting.has(key) && !completed.has(key) && (refresh || !ended.has(key));
      const lost = left.filter((run, place) => there[place] === 0 && isAwaited(run));
      // One that has just ended leaves the queue before it is heard of: twice is once too often.
      const again = lost.filter(({ key }) => missed.has(key));
      missed.clear();
      for (const { key } of lost) missed.add(key);
      if (again.length > 0) {
        say(`${again.length} runs were no longer in the queue, and are entered again`);
        await add(again);
      }
      const workers = await registry.workers();
      options.onWorkers?.(workers.filter((one) => one.queue === queue));
      if (left.length > 0 && !workers.some((one) => one.queue === queue)) sayNobody(workers);
      settle();
    };
    let saidNobody = 0;
    const sayNobody = (workers: readonly WorkerEntry[]): void => {
      if (Date.now() - saidNobody < 60_000) return;
      saidNobody = Date.now();
      const others =
        workers.length === 0
          ? ''
          : `; the ${workers.length} that are there compute otherwise (${[...new Set(workers.map((one) => `${one.kind}, code ${one.code}`))].join('; ')})`;
      say(
        `no worker takes runs for ${kindText(kind)} of code ${code}${others}: start some with "npx negative-knowledge worker --queue … --store …", --engine ${kind.engine.name}`,
      );
    };

    let timer: NodeJS.Timeout | undefined;
    let looking = false;
    const lookNow = async (): Promise<void> => {
      if (looking) return;
      looking = true;
      try {
        await lookAtAll();
      } catch (error) {
        patient(error);
      } finally {
        looking = false;
      }
    };
    const end = async (): Promise<void> => {
      clearInterval(timer);
      const left = waiting.size === 0 ? registry.forget(sweep.id).catch(() => {}) : Promise.resolve();
      const closed = left.then(() => Promise.all([events.close(), runs.close()])).catch(() => {});
      await Promise.race([closed, sleep(GOODBYE, undefined, { ref: false })]); // a server that is gone is not waited for
    };
    try {
      await events.waitUntilReady();
      await registry.anew(sweep.id);
      const ended = await store.ended(folder);
      const todo = [...waiting.values()].filter(({ key }) => refresh || !ended.has(key));
      const some = todo.values();
      const save = async (): Promise<void> => {
        for (const { setup } of some) await store.saveSetup(setup);
      };
      await Promise.all(Array.from({ length: WRITTEN_AT_ONCE }, save));
      const keys = new Set(todo.map(({ key }) => key));
      // Those that were given up before are what somebody asks for again.
      const given: (Job<Queued> | undefined)[] = await runs.getFailed(0, -1);
      await Promise.all(
        given.map((one) => (one?.id !== undefined && keys.has(keyOf(one.id)) ? one.remove() : undefined)),
      );
      await add(todo);
      for (const { key } of [...waiting.values()]) if (!keys.has(key)) look(key);
    } catch (error) {
      await end();
      throw faultOf(error, server);
    }
    timer = setInterval(lookNow, LOOK_EVERY);
    void lookNow();
    return {
      lanes: Math.max(1, missing.length),
      run: (setup, onProgress) => {
        const run = all.get(setupHash(setup)) as Awaited;
        run.onProgress = onProgress;
        return run.ended;
      },
      died,
      end,
    };
  };
