/** The processes in which a worker trains its runs, one for each run at once. */
import type { Heard } from '../lab/executor.ts';
import { startTrainers } from '../lab/local.ts';
import type { WorkerFault, WorkerTask } from '../lab/worker.ts';
import type { Workers } from '../lab/workers.ts';

/** Trains a run, and says what was wrong with files. @throws where its process ends before it, or the signal ends it */
export type Train = (
  task: WorkerTask,
  onProgress: (heard: Heard) => void,
  signal: AbortSignal,
) => Promise<WorkerFault | null>;

export interface Trainers {
  readonly train: Train;
  /** Ends all processes. */
  end(): Promise<void>;
}

/** From this width on operations are divided among threads, so that narrower models have processes of their own. */
const WIDE = 512;

/** @param jobs runs at once, among which the cores are divided */
export function newTrainers(jobs: number): Trainers {
  const pools = new Map<boolean, Promise<Workers>>();
  return {
    train: async (task, onProgress, signal) => {
      const wide = task.setup.model.hidden >= WIDE;
      const pool = pools.get(wide) ?? startTrainers([task.setup], jobs);
      pools.set(wide, pool);
      let isOver = false; // of no use to anybody
      pool.catch(() => {
        isOver = true;
      });
      try {
        const workers = await pool;
        const died = workers.died.catch((error) => {
          isOver = true; // a process that dies as it starts leaves its task where none takes it up
          throw error;
        });
        return await Promise.race([workers.run<WorkerTask, Heard, WorkerFault | null>(task, onProgress, signal), died]);
      } finally {
        if (isOver && pools.get(wide) === pool) {
          pools.delete(wide);
          void pool.then((workers) => workers.end()).catch(() => {});
        }
      }
    },
    end: async () => {
      for (const pool of pools.values()) await pool.then((workers) => workers.end()).catch(() => {});
    },
  };
}
