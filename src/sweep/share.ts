/**
 * A sweep in shares: tasks that start on their own, of a Slurm array or an indexed Kubernetes job, each train one share of
 * the runs into a folder of its own. What they have is gathered at any time, and nothing has to be shared but the disk.
 */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { StoredRun } from '../lab/pool.ts';
import { RunStore } from '../lab/store.ts';
import { readBounded } from '../records/bounded.ts';
import { arithmeticOf, parseRunRecord, type RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { GridError, runsOf, type SweepPlan } from './grid.ts';
import { judgeCells, type SweepResult } from './sweep.ts';

/** Which share of a sweep: `index` of `count`, from 0. */
export interface Share {
  readonly index: number;
  readonly count: number;
}

/** Where the folders of shares are in that of their sweep. */
const TASKS = 'tasks';

/** Reads `3/12`. @throws GridError where it is no share */
export function parseShare(text: string): Share {
  const [, index, count] = /^(\d{1,7})\/(\d{1,7})$/.exec(text) ?? [];
  if (index === undefined || Number(index) >= Number(count))
    throw new GridError(`--task: "${text}" must be a share such as 0/12, and the first of 12 is 0`);
  return { index: Number(index), count: Number(count) };
}

/** The folder of a share. */
export const shareFolder = (folder: string, { index, count }: Share): string =>
  path.join(folder, TASKS, `${String(index).padStart(String(count - 1).length, '0')}-of-${count}`);

/** The runs of a share: each task has as many, or one more. */
export const shareOf = (setups: readonly Setup[], { index, count }: Share): Setup[] =>
  setups.filter((_, place) => place % count === index);

/** What was found in the folders of shares. */
export interface Gathered {
  readonly result: SweepResult;
  /** Runs that are still to come. */
  readonly missing: readonly Setup[];
}

/** Records by setup hash, each with where it is. */
type Found = Map<string, StoredRun>;

/**
 * Reads the records of all shares, and judges the cells by them.
 * @throws GridError where there are none, where two contradict each other, or where their digits are of different kinds;
 * RecordError where a record is damaged
 */
export async function gather(plan: SweepPlan, folder: string): Promise<Gathered> {
  const tasks = path.join(folder, TASKS);
  const names = existsSync(tasks) ? readdirSync(tasks).sort() : [];
  const wanted = setupsOf(plan);
  const found: Found = new Map();
  for (const name of names) {
    const store = new RunStore(path.join(tasks, name));
    for (const recordName of await store.recordNames()) {
      const file = path.join(store.folder, 'runs', recordName);
      const record = parseRunRecord(readBounded(file).toString('utf8'), file);
      const setup = wanted.get(record.setupHash);
      if (setup === undefined) continue; // of a share of another grid in the same folder
      const before = found.get(record.setupHash);
      if (before !== undefined && !isSame(before.record, record))
        throw new GridError(
          `${before.file} and ${file} are of one run and contradict each other: leave one of them out`,
        );
      found.set(record.setupHash, { setup, record, file, reused: true });
    }
  }
  return judged(plan, found, tasks);
}

/**
 * Reads the records that a shared store has of a sweep so far, and judges the cells by them.
 * @param find the record of a run and where it is, or null
 * @throws GridError where there is none yet
 */
export async function gatherFrom(
  plan: SweepPlan,
  place: string,
  find: (setup: Setup) => Promise<Pick<StoredRun, 'record' | 'file'> | null>,
): Promise<Gathered> {
  const found: Found = new Map();
  for (const [hash, setup] of setupsOf(plan)) {
    const there = await find(setup);
    if (there !== null) found.set(hash, { ...there, setup, reused: true });
  }
  return judged(plan, found, place);
}

/** @throws GridError where nothing was found, or what has digits of different kinds */
function judged(plan: SweepPlan, found: Found, place: string): Gathered {
  const kinds = new Map([...found.values()].map(({ record, file }) => [arithmeticOf(record), file]));
  if (found.size === 0) throw new GridError(`${place} holds no run record of this grid yet`);
  if (kinds.size > 1)
    throw new GridError(
      `the records are of engines or processors whose last digits differ, and are no one study: ${[...kinds].map(([kind, file]) => `${kind} (${file})`).join('; ')}`,
    );
  const wanted = setupsOf(plan);
  const runs = [...wanted.keys()].flatMap((hash) => found.get(hash) ?? []);
  const cells = judgeCells(
    plan,
    runs.map(({ record }) => record),
  );
  return {
    result: { cells, runs },
    missing: [...wanted].filter(([hash]) => !found.has(hash)).map(([, setup]) => setup),
  };
}

/** The runs of a sweep, by setup hash. */
const setupsOf = (plan: SweepPlan): Map<string, Setup> =>
  new Map(runsOf(plan).map((setup) => [setupHash(setup), setup]));

/** Whether two records say the same of one run. */
const isSame = (a: RunRecord, b: RunRecord): boolean =>
  a.status === 'finished' && b.status === 'finished'
    ? a.parametersDigest === b.parametersDigest
    : a.status === b.status;

/** A run that is still to come, in words. */
export const runText = (setup: Setup): string => `${setup.name}, seed ${setup.seed}`;
