/** What the queue's server knows beside the queue: which sweeps want which runs, and which workers there are. */
import type { Redis } from 'ioredis';
import * as z from 'zod';
import { ENGINES } from '../engine/names.ts';
import { PREFIX } from './server.ts';

const sweepSchema = z.object({
  id: z.string(),
  name: z.string(),
  /** As it was typed, without secrets. */
  command: z.string(),
  host: z.string(),
  code: z.string(),
  /** How its runs are computed, in words. */
  kind: z.string(),
  /** Of the queue that its runs are in. */
  queue: z.string(),
  store: z.string(),
  /** Keys that records are found by: the same code's, unless runs are trained once more to be compared. */
  folder: z.string(),
  state: z.enum(['running', 'paused']),
  startedAt: z.string(),
});
/** A command that waits for runs, or has left them to the workers. */
export type SweepEntry = z.infer<typeof sweepSchema>;

const workerSchema = z.object({
  id: z.string(),
  host: z.string(),
  pid: z.number(),
  code: z.string(),
  kind: z.string(),
  computes: z.object({ engine: z.object({ name: z.enum(ENGINES), version: z.string() }), processorKind: z.string() }),
  queue: z.string(),
  store: z.string(),
  jobs: z.number(),
  /** Runs in hand, in words. */
  running: z.array(z.string()),
  finished: z.number(),
  failed: z.number(),
  startedAt: z.string(),
});
export type WorkerEntry = z.infer<typeof workerSchema>;

/** How long it is remembered that a sweep was cancelled, in seconds: those who wait for it look much more often. */
const CANCELLED_FOR = 24 * 60 * 60;

/** How long a worker is believed to be there after it was last heard of, in seconds. */
const HEARD_FOR = 30;

const SWEEPS = `${PREFIX}:sweeps`;
const WORKERS = `${PREFIX}:workers`;
const runsOf = (sweep: string): string => `${PREFIX}:sweep:${sweep}`;
const cancelled = (sweep: string): string => `${PREFIX}:cancelled:${sweep}`;
const worker = (id: string): string => `${PREFIX}:worker:${id}`;

const parsed = <Schema extends z.ZodType>(schema: Schema, texts: readonly (string | null)[]): z.infer<Schema>[] =>
  texts.flatMap((text) => {
    const { success, data } = schema.safeParse(text === null ? null : JSON.parse(text));
    return success ? [data] : []; // gone meanwhile, or of another version of the program
  });

export class Registry {
  readonly #client: Redis;

  constructor(client: Redis) {
    this.#client = client;
  }

  /** Enters a sweep, and runs that it wants. One that is entered already keeps its state. */
  async want(sweep: SweepEntry, keys: readonly string[]): Promise<void> {
    await this.#client.hsetnx(SWEEPS, sweep.id, JSON.stringify(sweep));
    for (let at = 0; at < keys.length; at += 1000)
      await this.#client.sadd(runsOf(sweep.id), ...keys.slice(at, at + 1000));
  }

  async sweeps(): Promise<SweepEntry[]> {
    return parsed(sweepSchema, Object.values(await this.#client.hgetall(SWEEPS)));
  }

  async keysOf(sweep: string): Promise<string[]> {
    return this.#client.smembers(runsOf(sweep));
  }

  async setState(sweep: SweepEntry, state: SweepEntry['state']): Promise<void> {
    await this.#client.hset(SWEEPS, sweep.id, JSON.stringify({ ...sweep, state }));
  }

  /** Strikes a sweep out: its runs are wanted no more, unless by another one. */
  async forget(sweep: string): Promise<void> {
    await this.#client.multi().hdel(SWEEPS, sweep).del(runsOf(sweep)).exec();
  }

  /** Strikes a sweep out, and leaves word for whoever waits for its runs. */
  async cancel(sweep: string): Promise<void> {
    await this.#client.set(cancelled(sweep), '1', 'EX', CANCELLED_FOR);
    await this.forget(sweep);
  }

  /** How a sweep stands for whoever waits for it. `lost`: the server knows nothing of it any more. */
  async standing(sweep: string): Promise<'entered' | 'cancelled' | 'lost'> {
    if ((await this.#client.exists(cancelled(sweep))) === 1) return 'cancelled';
    return (await this.#client.hexists(SWEEPS, sweep)) === 1 ? 'entered' : 'lost';
  }

  /** A sweep that was cancelled begins anew. */
  async anew(sweep: string): Promise<void> {
    await this.#client.del(cancelled(sweep));
  }

  /** Whether a run is still wanted by some sweep, and not only by sweeps that pause. */
  async wanted(key: string): Promise<'yes' | 'paused' | 'no'> {
    const sweeps = await this.sweeps();
    const wants = await Promise.all(sweeps.map(({ id }) => this.#client.sismember(runsOf(id), key)));
    const states = sweeps.filter((_, place) => wants[place] === 1).map(({ state }) => state);
    return states.length === 0 ? 'no' : states.includes('running') ? 'yes' : 'paused';
  }

  /** A worker says that it is there. */
  async hear(entry: WorkerEntry): Promise<void> {
    await this.#client
      .multi()
      .sadd(WORKERS, entry.id)
      .set(worker(entry.id), JSON.stringify(entry), 'EX', HEARD_FOR)
      .exec();
  }

  async leave(id: string): Promise<void> {
    await this.#client.multi().srem(WORKERS, id).del(worker(id)).exec();
  }

  /** Workers that were heard of lately. */
  async workers(): Promise<WorkerEntry[]> {
    const ids = (await this.#client.smembers(WORKERS)).sort();
    if (ids.length === 0) return [];
    const texts = await this.#client.mget(ids.map(worker));
    const gone = ids.filter((_, place) => texts[place] === null);
    if (gone.length > 0) await this.#client.srem(WORKERS, ...gone);
    return parsed(workerSchema, texts);
  }
}
