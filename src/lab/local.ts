/**
 * Runs on the machine's cores, each in a process of its own: TensorFlow's addon keeps state that threads would share, and a
 * run whose process dies takes no other with it. Results do not depend on how many run at once.
 */
import os from 'node:os';
import { dividedInWords, threadVariables, WITHIN_OPERATIONS } from '../engine/native/threads.ts';
import { ExplainedError } from '../explained-error.ts';
import { ModelError } from '../model/config.ts';
import { ownModule } from '../own-module.ts';
import type { FailedRun, RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import type { Setup } from '../setup/schema.ts';
import { CheckpointError } from './checkpoint.ts';
import { describeEnvironment, recordHead } from './environment.ts';
import type { Executor, Work } from './executor.ts';
import type { WorkerFault, WorkerTask } from './worker.ts';
import { startWorkers, type Workers } from './workers.ts';

/** A process died before it began its run, so that no record can say so. */
export class WorkerError extends ExplainedError {
  override name = 'WorkerError';
}

/** Faults of files, which end a job. */
const FAULTS = [StorageError, CheckpointError, ModelError];

/** What a process sent instead of a record, as an error again. */
function faultOf({ name, message }: WorkerFault): Error {
  const Fault = FAULTS.find((known) => known.name === name) ?? StorageError;
  return new Fault(message);
}

/** Divides the cores among runs on the native engine. */
function threadsOf(setups: readonly Pick<Setup, 'model'>[], jobs: number): Record<string, string> {
  const threads = Math.max(1, Math.floor(os.availableParallelism() / jobs));
  return threadVariables(Math.max(...setups.map(({ model }) => model.hidden)), threads);
}

/** The environment of runs here, whose processes divide operations among threads unless this one's own variables say how. */
export function environmentOfRuns(setups: readonly Setup[], jobs: number): RunRecord['environment'] {
  const here = describeEnvironment();
  if (process.env[WITHIN_OPERATIONS] !== undefined) return here;
  const divided = dividedInWords(threadsOf(setups, jobs)[WITHIN_OPERATIONS]);
  return { ...here, processorKind: `${here.processorKind}${divided}` };
}

/** Processes that train runs, as many as there are runs at once. */
export const startTrainers = (setups: readonly Pick<Setup, 'model'>[], jobs: number): Promise<Workers> =>
  startWorkers(ownModule('./worker', import.meta.url), jobs, threadsOf(setups, jobs));

/** The record of a run whose process died before it could write one. */
export function lostRun(
  setup: Setup,
  { engine, execution }: Pick<Work, 'engine' | 'execution'>,
  error: Error,
): FailedRun {
  const now = new Date().toISOString();
  const message = `the worker ended without a record: ${error.message}`;
  const times = { startedAt: now, finishedAt: now, wallSeconds: 0, cpuSeconds: 0, tokensPerSecond: 0, resumed: false };
  return { ...recordHead(setup, engine, execution, times), status: 'failed', error: { name: error.name, message } };
}

/** @throws StorageError where no temporary file can be written */
export async function startHere(work: Work): Promise<Executor> {
  const { setups, engine, execution, store, jobs, keepModels } = work;
  const workers = await startTrainers(setups, jobs);
  let ended = false;
  return {
    lanes: jobs,
    run: async (setup, onProgress) => {
      const place = { kind: 'folder', folder: store.folder } as const;
      const task: WorkerTask = { setup, engine: engine.name, execution, place, keepModel: keepModels };
      let fault: WorkerFault | null;
      try {
        fault = await workers.run(task, onProgress);
      } catch (error) {
        if (ended) throw error; // the job ends: a run that it stopped has not failed
        const record = lostRun(setup, work, error as Error);
        await store.writeRecord(record);
        return record;
      }
      if (fault !== null) throw faultOf(fault);
      return (await store.readRecord(setup, engine.name)) as RunRecord;
    },
    died: workers.died.catch(({ message }: Error) => {
      throw new WorkerError(
        `the process of a run died as it started (${message}); go on with --resume --out ${store.folder}`,
      );
    }),
    end: async () => {
      ended = true;
      await workers.end();
    },
  };
}
