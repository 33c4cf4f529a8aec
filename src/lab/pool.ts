/**
 * Runs side by side on the machine's cores, each in a process of its own: TensorFlow's addon keeps state that threads
 * would share, and a run whose process dies takes no other with it. Results do not depend on how many run at once.
 */
import os from 'node:os';
import type { Engine } from '../engine/engine.ts';
import { threadVariables } from '../engine/native/threads.ts';
import { ExplainedError } from '../explained-error.ts';
import { ModelError } from '../model/config.ts';
import { ownModule } from '../own-module.ts';
import { AT_ONCE, type Execution, executionOf } from '../records/execution.ts';
import { arithmeticOf, type FailedRun, RecordError, type RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import type { Setup } from '../setup/schema.ts';
import type { Progress } from '../training/trainer.ts';
import { CheckpointError } from './checkpoint.ts';
import { describeEnvironment, recordHead } from './environment.ts';
import { EventLog } from './events.ts';
import { type RunStore, runId } from './store.ts';
import type { WorkerFault, WorkerTask } from './worker.ts';
import { startWorkers } from './workers.ts';

/** A run of a job: its setup, its record, and where the record is. */
export interface StoredRun {
  setup: Setup;
  record: RunRecord;
  file: string;
  /** Whether the record was already in the folder and is used again. */
  reused: boolean;
}

export interface PoolOptions {
  engine: Engine;
  /** Every step in one pass, when absent. */
  execution?: Execution;
  store: RunStore;
  /** Most runs at once. */
  jobs: number;
  /** Whether trained models are kept; no, when absent. */
  keepModels?: boolean;
  onProgress?: (setup: Setup, progress: Progress) => void;
  onEnd?: (run: StoredRun) => void;
}

/** Faults of files, which end a job. */
const FAULTS = [StorageError, CheckpointError, ModelError];

/** A process died before it began its run, so that no record can say so. */
export class WorkerError extends ExplainedError {
  override name = 'WorkerError';
}

/** Divides the cores among runs on the native engine. */
function threadsOf(setups: readonly Setup[], jobs: number): Record<string, string> {
  const threads = Math.max(1, Math.floor(os.availableParallelism() / jobs));
  return threadVariables(Math.max(...setups.map(({ model }) => model.hidden)), threads);
}

/** The record of a run whose worker died before it could write one. */
function lostRun(setup: Setup, engine: Engine, execution: Execution, error: Error): FailedRun {
  const now = new Date().toISOString();
  const message = `the worker ended without a record: ${error.message}`;
  const times = { startedAt: now, finishedAt: now, wallSeconds: 0, cpuSeconds: 0, tokensPerSecond: 0, resumed: false };
  return { ...recordHead(setup, engine, execution, times), status: 'failed', error: { name: error.name, message } };
}

/**
 * Runs every setup that has no record in the store yet, going on from the checkpoints there.
 * @returns the runs in the order of `setups`
 * @throws StorageError or CheckpointError when the store cannot be used, RecordError when the digits of a record in the store
 * depend on something else than those of runs here, WorkerError when a process dies as it starts; finished records stay
 */
export async function runAll(setups: readonly Setup[], options: PoolOptions): Promise<StoredRun[]> {
  const { engine, execution = AT_ONCE, store, jobs, keepModels = false } = options;
  const events = new EventLog(store.folder);
  const onProgress = (setup: Setup, progress: Progress): void => {
    const { phase, step, steps, loss, evaluation } = progress;
    if (evaluation !== null) {
      const { useful, heldOut, random } = evaluation.sets;
      const guessRates = { useful: useful.guessRate, heldOut: heldOut.guessRate, random: random.guessRate };
      events.add({ event: 'evaluated', run: runId(setup, engine.name), phase, step, steps, loss, guessRates });
    }
    options.onProgress?.(setup, progress);
  };
  const onEnd = (run: StoredRun): void => {
    const { setup, record, reused } = run;
    events.add({ event: 'run-ended', run: runId(setup, engine.name), status: record.status, kept: reused });
    options.onEnd?.(run);
  };
  const ended = (all: StoredRun[]): StoredRun[] => {
    const failed = all.filter(({ record }) => record.status === 'failed').length;
    events.add({ event: 'ended', finished: all.length - failed, failed });
    return all;
  };
  const environment = describeEnvironment();
  /** The run of a setup that is in the store already. */
  const kept = async (setup: Setup): Promise<StoredRun | null> => {
    const record = await store.readRecord(setup, engine.name);
    if (record === null) return null;
    const file = store.recordPath(setup, engine.name);
    const there = arithmeticOf(record);
    const here = arithmeticOf({ engine, environment, execution: executionOf(setup, execution.microBatch) });
    if (there === here) return { setup, record, file, reused: true };
    throw new RecordError(
      `${file} was made with ${there}, and runs here would be made with ${here}, whose last digits differ: they are no one study; ` +
        'go on where it was begun, or choose another folder with --out',
    );
  };
  const runs = await Promise.all(setups.map(kept));
  events.add({ event: 'started', runs: setups.length });
  for (const run of runs) if (run !== null) onEnd(run);
  if (runs.every((run) => run !== null)) return ended(runs);

  const workers = await startWorkers(ownModule('./worker', import.meta.url), jobs, threadsOf(setups, jobs));
  let stopping = false;
  const one = async (setup: Setup): Promise<StoredRun> => {
    const { folder } = store;
    const task: WorkerTask = { setup, engine: engine.name, execution, folder, keepModel: keepModels };
    let fault: WorkerFault | null;
    try {
      fault = await workers.run(task, (progress: Progress) => onProgress(setup, progress));
    } catch (error) {
      if (stopping) throw error; // the job ends: a run that it stopped has not failed
      const record = lostRun(setup, engine, execution, error as Error);
      return { setup, record, file: await store.writeRecord(record), reused: false };
    }
    if (fault !== null) {
      const Fault = FAULTS.find(({ name }) => name === fault.name) ?? StorageError;
      throw new Fault(fault.message);
    }
    const record = (await store.readRecord(setup, engine.name)) as RunRecord;
    return { setup, record, file: store.recordPath(setup, engine.name), reused: false };
  };
  const died = workers.died.catch(({ message }: Error) => {
    throw new WorkerError(
      `the process of a run died as it started (${message}); go on with --resume --out ${store.folder}`,
    );
  });
  const todo = setups.entries();
  // There are no more runs in hand than processes: a run that waits when its processes die is never begun.
  const lane = async (): Promise<void> => {
    for (const [place, setup] of todo) {
      if (stopping) return;
      if (runs[place] !== null) continue;
      const run = await one(setup);
      runs[place] = run;
      onEnd(run);
    }
  };
  try {
    await Promise.race([Promise.all(Array.from({ length: jobs }, lane)), died]);
    return ended(runs as StoredRun[]);
  } finally {
    stopping = true;
    await workers.end();
  }
}
