/** A worker of the pool: runs one setup in a process of its own, and sends its progress to the process of the job. */
import { type EngineName, startEngine } from '../engine/engine.ts';
import type { Execution } from '../records/execution.ts';
import type { Setup } from '../setup/schema.ts';
import type { Progress } from '../training/trainer.ts';
import { type StorePlace, storeAt } from './record-store.ts';
import { run } from './run.ts';

export interface WorkerTask {
  setup: Setup;
  engine: EngineName;
  execution: Execution;
  place: StorePlace;
  keepModel: boolean;
}

/** A fault of files, which ends the whole job: sent as data, because an error's class does not survive between processes. */
export type WorkerFault = Pick<Error, 'name' | 'message'>;

// A job that was killed leaves no one to work for; what its runs have done is in their checkpoints.
process.once('disconnect', () => process.exit());

/** Trains a run and stores its record. */
export default async function work({
  setup,
  engine,
  execution,
  place,
  keepModel,
}: WorkerTask): Promise<WorkerFault | null> {
  try {
    const onProgress = (progress: Progress) => void process.send?.(progress);
    await run(setup, await startEngine(engine), await storeAt(place), { onProgress, execution, keepModel });
    return null;
  } catch (error) {
    const { name, message } = error as Error;
    return { name, message };
  }
}
