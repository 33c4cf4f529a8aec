/** A worker of the pool: runs one setup, and reports progress through a port. */
import type { MessagePort } from 'node:worker_threads';
import { type EngineName, startEngine } from '../engine/engine.ts';
import type { Setup } from '../setup/schema.ts';
import { run } from './run.ts';
import { RunStore } from './store.ts';

export interface WorkerTask {
  setup: Setup;
  engine: EngineName;
  folder: string;
  port: MessagePort;
}

/** What a worker answers: the record's file, or a fault of the store, which ends the whole job. */
export type WorkerAnswer = { file: string } | { fault: { name: string; message: string } };

export default async function work({ setup, engine, folder, port }: WorkerTask): Promise<WorkerAnswer> {
  try {
    const { file } = await run(setup, await startEngine(engine), new RunStore(folder), (progress) =>
      port.postMessage(progress),
    );
    return { file };
  } catch (error) {
    // Sent as data: an error's class does not survive the way to the main thread.
    const { name, message } = error as Error;
    return { fault: { name, message } };
  } finally {
    port.close();
  }
}
