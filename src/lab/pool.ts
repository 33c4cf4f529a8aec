/** The runs of a job, each carried out once: those that its folder has no record of go to an executor. */
import { undivided } from '../engine/native/threads.ts';
import { AT_ONCE, executionOf } from '../records/execution.ts';
import { ANY_PROCESSOR, arithmeticOf, RecordError, type RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import { EventLog } from './events.ts';
import type { Heard, StartExecutor, Work } from './executor.ts';
import { environmentOfRuns, startHere } from './local.ts';
import { runId } from './store.ts';

/** A run of a job: its setup, its record, and where the record is. */
export interface StoredRun {
  setup: Setup;
  record: RunRecord;
  file: string;
  /** Whether the record was already in the folder and is used again. */
  reused: boolean;
}

export interface PoolOptions extends Pick<Work, 'engine' | 'store' | 'jobs'> {
  /** Every step in one pass, when absent. */
  execution?: Work['execution'];
  /** Whether trained models are kept; no, when absent. */
  keepModels?: boolean;
  /** Starts what carries runs out; processes here, when absent. */
  start?: StartExecutor;
  /** The kind of processor that runs are made on, where that is not this machine's. */
  processorKind?: string;
  onProgress?: (setup: Setup, heard: Heard) => void;
  onEnd?: (run: StoredRun) => void;
}

/**
 * Whether a record was computed as runs are now.
 * @param elsewhere the kind of processor of other machines. They may have different numbers of cores, which can matter to the
 * digits as well: whether it did, the verdict tells
 */
function isAlike(record: RunRecord, now: string, elsewhere: string | undefined): boolean {
  if (elsewhere === undefined) return arithmeticOf(record) === now;
  const processorKind = elsewhere === ANY_PROCESSOR ? ANY_PROCESSOR : record.environment.processorKind;
  return (
    undivided(arithmeticOf({ ...record, environment: { ...record.environment, processorKind } })) === undivided(now)
  );
}

/**
 * Carries out every setup that has no record in the store yet, going on from checkpoints where there are some.
 * @returns the runs in the order of `setups`
 * @throws StorageError or CheckpointError when the store cannot be used, RecordError when the digits of a record in the store
 * depend on something else than those of runs now, and what the executor throws; finished records stay
 */
export async function runAll(setups: readonly Setup[], options: PoolOptions): Promise<StoredRun[]> {
  const { engine, execution = AT_ONCE, store, jobs, keepModels = false, start = startHere } = options;
  const events = new EventLog(store.folder);
  const onProgress = (setup: Setup, heard: Heard): void => {
    const { phase, step, steps, loss, evaluation } = heard;
    if (evaluation !== null) {
      const { useful, heldOut, random } = evaluation.sets;
      const guessRates = { useful: useful.guessRate, heldOut: heldOut.guessRate, random: random.guessRate };
      events.add({ event: 'evaluated', run: runId(setup, engine.name), phase, step, steps, loss, guessRates });
    }
    options.onProgress?.(setup, heard);
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
  const here = environmentOfRuns(setups, jobs);
  const environment = { ...here, processorKind: options.processorKind ?? here.processorKind };
  /** The run of a setup that is in the store already. */
  const kept = async (setup: Setup): Promise<StoredRun | null> => {
    const record = await store.readRecord(setup, engine.name);
    if (record === null) return null;
    const file = store.recordPath(setup, engine.name);
    const there = arithmeticOf(record);
    const now = arithmeticOf({ engine, environment, execution: executionOf(setup, execution.microBatch) });
    if (isAlike(record, now, options.processorKind)) return { setup, record, file, reused: true };
    throw new RecordError(
      `${file} was made with ${there}, and runs here would be made with ${now}, whose last digits differ: they are no one study; ` +
        'go on where it was begun, or choose another folder with --out',
    );
  };
  const runs = await Promise.all(setups.map(kept));
  events.add({ event: 'started', runs: setups.length });
  for (const run of runs) if (run !== null) onEnd(run);
  if (runs.every((run) => run !== null)) return ended(runs);

  const missing = setups.filter((_, place) => runs[place] === null);
  const executor = await start({ setups, missing, engine, execution, store, jobs, keepModels });
  let stopping = false;
  const todo = setups.entries();
  // There are no more runs in hand than can be taken up: one that waits for a process that dies is never begun.
  const lane = async (): Promise<void> => {
    for (const [place, setup] of todo) {
      if (stopping) return;
      if (runs[place] !== null) continue;
      const record = await executor.run(setup, (heard) => onProgress(setup, heard));
      const run = { setup, record, file: store.recordPath(setup, engine.name), reused: false };
      runs[place] = run;
      onEnd(run);
    }
  };
  try {
    await Promise.race([Promise.all(Array.from({ length: executor.lanes }, lane)), executor.died]);
    return ended(runs as StoredRun[]);
  } finally {
    stopping = true;
    await executor.end();
  }
}
