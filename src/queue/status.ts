/** How sweeps on a queue stand, and what is done with them: status, cancel, pause. */
import type { Job } from 'bullmq';
import type { SharedStore } from '../lab/shared/shared-store.ts';
import { plainTable } from '../report/table.ts';
import { jobId, type Queued, toldSchema } from './queued.ts';
import { Registry, type SweepEntry, type WorkerEntry } from './registry.ts';
import { PREFIX, QueueError, type Server } from './server.ts';

/** What the workers have in hand, in a few words. */
export const workersText = (workers: readonly WorkerEntry[]): string =>
  workers.map(({ host, pid, running, jobs }) => `${host}/${pid} ${running.length} of ${jobs}`).join(', ');

/** How a sweep stands. */
export interface Standing {
  readonly sweep: SweepEntry;
  /** Of its runs, those that the store has a record of, finished or failed. */
  readonly ended: number;
  readonly running: number;
  /** Those that no worker has in hand, also those that none has taken so far. */
  readonly waiting: number;
  /** Runs that could not be carried out, and why. */
  readonly failed: readonly { readonly run: string; readonly why: string }[];
  /** Why workers did not take runs that wait. */
  readonly refused: readonly string[];
  /** Where its runs in hand are. */
  readonly inHand: readonly { readonly run: string; readonly at: string }[];
}

/** The sweeps on a queue, how they stand, and the workers. */
export async function standings(
  server: Server,
  store: SharedStore,
): Promise<{ sweeps: readonly Standing[]; workers: readonly WorkerEntry[] }> {
  const registry = new Registry(server.client);
  const sweeps: Standing[] = [];
  for (const sweep of await registry.sweeps()) {
    const keys = new Set(await registry.keysOf(sweep.id));
    const queue = new server.bull.Queue<Queued>(sweep.queue, { connection: server.client, prefix: PREFIX });
    const of = async (...states: ('active' | 'delayed' | 'failed')[]): Promise<Job<Queued>[]> =>
      (await queue.getJobs(states)).filter((job) => job !== undefined && keys.has(job.data.key));
    const [active, delayed, failed] = [await of('active'), await of('delayed'), await of('failed')];
    const records = await store.ended(sweep.folder);
    const ended = [...keys].filter((key) => records.has(key)).length;
    const refused = new Set<string>();
    for (const { progress } of delayed) {
      const { success, data } = toldSchema.safeParse(progress);
      if (success && 'refused' in data) refused.add(`${data.worker}: ${data.refused}`);
    }
    sweeps.push({
      ...{ sweep, ended, running: active.length },
      waiting: Math.max(0, keys.size - ended - active.length - failed.length),
      failed: failed.map(({ name, failedReason }) => ({ run: name, why: failedReason })),
      refused: [...refused],
      inHand: active.map(({ name, progress }) => {
        const { success, data } = toldSchema.safeParse(progress);
        const at = success && 'heard' in data ? `${data.heard.phase} ${data.heard.step}/${data.heard.steps}` : '';
        return { run: name, at: success ? `${data.worker}${at && `, ${at}`}` : 'begins' };
      }),
    });
    await queue.close();
  }
  return { sweeps, workers: await registry.workers() };
}

/** For a terminal. */
export function standingsText({ sweeps, workers }: Awaited<ReturnType<typeof standings>>): string {
  const rows = sweeps.map(({ sweep, ended, running, waiting, failed }) =>
    [sweep.id, sweep.name, sweep.host, sweep.state, ended, running, waiting, failed.length].map(String),
  );
  const notes = sweeps.flatMap(({ inHand, failed, refused }) => [
    ...inHand.slice(0, 50).map(({ run, at }) => `  ${run}: ${at}`),
    ...failed.map(({ run, why }) => `  ${run} could not be carried out: ${why}`),
    ...refused.map((why) => `  not taken: ${why}`),
  ]);
  const each = workers.map((worker) =>
    [
      worker.id,
      `${worker.running.length} of ${worker.jobs}`,
      worker.finished,
      worker.failed,
      worker.kind,
      worker.code,
    ].map(String),
  );
  return [
    sweeps.length === 0
      ? 'no sweep is on this queue'
      : plainTable(['sweep', 'name', 'from', 'state', 'ended', 'running', 'waiting', 'failed'], rows),
    ...notes,
    workers.length === 0
      ? 'no worker is there'
      : plainTable(['worker', 'running', 'finished', 'failed', 'computes with', 'code'], each),
  ].join('\n');
}

/** One sweep by its id, or the only one. @throws QueueError where there is none, or more than one */
async function sweepNamed(registry: Registry, id: string | undefined): Promise<SweepEntry> {
  const sweeps = await registry.sweeps();
  const list = sweeps.map((sweep) => `${sweep.id} (${sweep.name}, from ${sweep.host})`).join(', ') || 'none';
  if (id === undefined && sweeps.length === 1) return sweeps[0];
  const found = sweeps.find((sweep) => sweep.id === id);
  if (found !== undefined) return found;
  throw new QueueError(
    id === undefined ? `say which sweep; there are: ${list}` : `there is no sweep ${id}; there are: ${list}`,
  );
}

/** Holds a sweep back, or lets it go on. Runs in hand are trained to their end. */
export async function pause(server: Server, id: string | undefined, state: SweepEntry['state']): Promise<SweepEntry> {
  const registry = new Registry(server.client);
  const sweep = await sweepNamed(registry, id);
  await registry.setState(sweep, state);
  return sweep;
}

/** Ends a sweep: its runs are taken out of the queue and let go of, unless another sweep wants them too. What is done is kept. */
export async function cancel(server: Server, id: string | undefined): Promise<{ sweep: SweepEntry; removed: number }> {
  const registry = new Registry(server.client);
  const sweep = await sweepNamed(registry, id);
  const keys = await registry.keysOf(sweep.id);
  await registry.cancel(sweep.id);
  const queue = new server.bull.Queue<Queued>(sweep.queue, { connection: server.client, prefix: PREFIX });
  let removed = 0;
  for (const key of keys) {
    if ((await registry.wanted(key)) !== 'no') continue;
    const job = await queue.getJob(jobId(key));
    // One that a worker has in hand is locked; the worker lets go of it when it sees that nobody wants it.
    if (
      job !== undefined &&
      (await job.remove().then(
        () => true,
        () => false,
      ))
    )
      removed += 1;
  }
  await queue.close();
  return { sweep, removed };
}
