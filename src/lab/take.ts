/** Finished runs of other jobs, taken instead of being trained again: only where that is asked for, and never in silence. */

import { executionOf } from '../records/execution.ts';
import { arithmeticOf, type RunRecord } from '../records/record.ts';
import { noteTaken, readStudy, type Taken } from '../records/study.ts';
import { setupHash } from '../setup/hash.ts';
import type { Job, Means } from './job.ts';
import { environmentOfRuns } from './local.ts';
import { runId } from './store.ts';

/** What is known of runs elsewhere. */
export interface Elsewhere {
  /** Records by setup hash, with where each is. */
  readonly runs: ReadonlyMap<string, { readonly record: RunRecord; readonly from: string }>;
  /** Folders that could not be read, and why. */
  readonly unread: readonly string[];
}

/**
 * Looks for finished runs that would end with the same bits as those of a job: of the same setup, engine and passes, and on
 * an engine whose digits depend on it the same kind of processor.
 * @param folders of other jobs; one that cannot be read is told and left out
 */
export async function lookElsewhere(
  { engine, execution, setups, jobs, store, processorKind }: Omit<Means, 'start'>,
  folders: readonly string[],
): Promise<Elsewhere> {
  const here = environmentOfRuns(setups, jobs);
  const environment = { ...here, processorKind: processorKind ?? here.processorKind };
  const wanted = new Map(setups.map((setup) => [setupHash(setup), setup]));
  const runs = new Map<string, { record: RunRecord; from: string }>();
  const unread: string[] = [];
  for (const from of folders) {
    let records: readonly RunRecord[];
    try {
      ({ records } = await readStudy(from));
    } catch (error) {
      unread.push(`${from}: ${(error as Error).message}`);
      continue;
    }
    for (const record of records) {
      const setup = wanted.get(record.setupHash);
      if (setup === undefined || record.status !== 'finished' || record.abridged !== undefined) continue;
      const here = arithmeticOf({ engine, environment, execution: executionOf(setup, execution.microBatch) });
      if (arithmeticOf(record) !== here || runs.has(record.setupHash)) continue;
      if ((await store.readRecord(setup, engine.name)) === null) runs.set(record.setupHash, { record, from });
    }
  }
  return { runs, unread };
}

/** Puts them into the job's folder, which notes where they are from. */
export async function take({ store, setups }: Pick<Job, 'store' | 'setups'>, { runs }: Elsewhere): Promise<Taken[]> {
  const taken: Taken[] = [];
  for (const setup of setups) {
    const found = runs.get(setupHash(setup));
    if (found === undefined) continue;
    // The name is of the setup here; the hash does not depend on it.
    const record = { ...found.record, setup };
    await store.writeRecord(record);
    taken.push({ run: runId(setup, record.engine.name), from: found.from });
  }
  await noteTaken(store.folder, taken);
  return taken;
}
