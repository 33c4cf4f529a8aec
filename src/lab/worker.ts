/** A worker of the pool: runs one setup in a process of its own, and sends its progress to the process of the job. */
import { type EngineName, startEngine } from '../engine/engine.ts';
import type { Execution } from '../records/execution.ts';
import type { Setup } from '../setup/schema.ts';
import type { Progress } from '../training/trainer.ts';
import { run } from './run.ts';
import { RunStore } from './store.ts';

export interface WorkerTask {
  setup: Setup;
  engine: EngineName;
  execution: Execution;
  folder: string;
  keepModel: boolean;
}

/** What a worker answers: the record's file, or a fault of files, which ends the whole job. */
export type WorkerAnswer = { file: string } | { fault: { name: string; message: string } };

// A job that was killed leaves no one to work for; what its runs have done is in their checkpoints.
process.once('disconnect', () => process.exit());

export default async function work({ setup, engine, execution, folder, keepModel }: WorkerTask): Promise<WorkerAnswer> {
  try {
    const onProgress = (progress: Progress) => void process.send?.(progress);
    const { file } = await run(setup, await startEngine(engine), new RunStore(folder), {
      onProgress,
      execution,
      keepModel,
    });
    return { file };
  } catch (error) {
    // Sent as data: an error's class does not survive the way to the other process.
    const { name, message } = error as Error;
    return { fault: { name, message } };
  }
}
