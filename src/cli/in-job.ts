/** What `explore` and `search` have in common: a job whose runs are chosen while it goes on, on whichever machines. */
import { createLogUpdate } from 'log-update';
import { MAIN } from '../claims/arms.ts';
import { type Job, type JobRequest, planJob } from '../lab/job.ts';
import { interruptible } from './exit.ts';
import { type QueueFlags, withMachines } from './queue.ts';

interface Flags extends QueueFlags {
  readonly jobs?: number;
  readonly out: string;
}

/** A job that is open, and where its progress is shown. */
export interface Opened {
  readonly job: Job;
  /** The line that is drawn over; null where standard error is no terminal. */
  readonly live: ReturnType<typeof createLogUpdate> | null;
  /** Does what may be interrupted, and says then what becomes of it. */
  interruptible<Result>(work: () => Promise<Result>): Promise<Result>;
}

/**
 * Opens the job of a command, and closes it when the body is done.
 * @param what the command: its name and its line; what its runs are at the least; the files that it writes
 */
export function inJob<Result>(
  flags: Flags,
  what: Pick<JobRequest, 'setup' | 'seeds' | 'reports' | 'command'> & { readonly name: string },
  body: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const { name, ...request } = what;
  const { command, setup } = request;
  const err = process.stderr;
  const say = (text: string) => void err.write(`${text}\n`);
  return withMachines(flags, [setup], { name, command, say }, async (machines) => {
    const { jobs, out: folder } = flags;
    const remote = machines?.remote;
    const job = await planJob({ ...request, claims: [{ arms: [MAIN] }], folder, resume: true, jobs, remote, say });
    say(`into ${job.store.folder}${remote === undefined ? `, ${job.jobs} runs at once` : ''}`);
    const live = err.isTTY ? createLogUpdate(err) : null;
    const kept = `What is done is kept; ${machines?.goesOn ?? ''}go on with the same command and --out ${folder}`;
    try {
      return await body({ job, live, interruptible: (work) => interruptible(kept, work) });
    } finally {
      live?.clear();
      live?.done();
      job.store.close();
    }
  });
}
