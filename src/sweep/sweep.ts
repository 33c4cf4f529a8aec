/** Trains the runs of a sweep in one folder, and judges its cells. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';
import type { Judgement } from '../claims/claim.ts';
import { type JobRequest, type Means, openJob } from '../lab/job.ts';
import { type PoolOptions, runAll, type StoredRun } from '../lab/pool.ts';
import { readBounded } from '../records/bounded.ts';
import { executionSchema } from '../records/execution.ts';
import type { RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { sha256Hex } from '../sha256.ts';
import { parseJson } from '../untrusted.ts';
import { armsOf, type Cell, GridError, runsOf, type SweepPlan } from './grid.ts';

/** File of a sweep's folder that says which sweep its runs belong to. */
const HEAD = 'sweep.json';

const headSchema = z.strictObject({
  name: z.string(),
  /** Of the runs that it has. */
  digest: z.string(),
  runs: z.number().int(),
  execution: executionSchema,
  engine: z.string(),
  commands: z.array(z.string()),
});
type Head = z.infer<typeof headSchema>;

/** What tells two sweeps apart: their runs. */
const digestOf = (plan: SweepPlan): string =>
  sha256Hex(
    runsOf(plan)
      .map((setup) => setupHash(setup))
      .sort()
      .join(),
  );

/** What is noted in a folder, or null. @throws GridError where it is damaged */
function readHead(folder: string): Head | null {
  const file = path.join(folder, HEAD);
  if (!existsSync(file)) return null;
  try {
    return headSchema.parse(parseJson(readBounded(file).toString('utf8')));
  } catch {
    throw new GridError(
      `${file} should say which sweep this is, and is damaged; put it back, or choose another folder with --out`,
    );
  }
}

/** A cell with what its claims say of it. */
export interface JudgedCell extends Cell {
  readonly judgements: readonly Judgement[];
}

export interface SweepResult {
  readonly cells: readonly JudgedCell[];
  readonly runs: readonly StoredRun[];
}

/** Opens the folder of a sweep. @param setups a share of its runs; all, when absent @throws GridError where it holds another sweep; and as {@link openJob} */
export async function openSweep(
  plan: SweepPlan,
  request: Pick<JobRequest, 'folder' | 'resume' | 'jobs' | 'microBatch' | 'remote' | 'say' | 'command'>,
  setups: readonly Setup[] = runsOf(plan),
): Promise<Means> {
  const { folder, command } = request;
  const digest = digestOf(plan);
  const before = readHead(folder);
  if (before !== null && before.digest !== digest) {
    throw new GridError(
      `${folder} holds the runs of another sweep (${before.name}, ${before.runs} runs); choose another folder with --out`,
    );
  }
  const means = await openJob(
    setups,
    { ...request, reports: [HEAD, 'sweep.md', 'sweep.csv'] },
    () => before?.execution ?? null,
  );
  const { store, engine, execution } = means;
  const commands = [...new Set([...(before?.commands ?? []), command])];
  const head: Head = { name: plan.name, digest, runs: setups.length, execution, engine: engine.name, commands };
  try {
    await store.writeText(HEAD, `${JSON.stringify(head, null, 2)}\n`);
  } catch (error) {
    store.close();
    throw error;
  }
  return means;
}

/** What the claims say of each cell, by the records that there are. */
export function judgeCells(plan: SweepPlan, records: readonly RunRecord[]): JudgedCell[] {
  const byHash = new Map(records.map((record) => [record.setupHash, record]));
  return plan.cells.map((cell) => {
    const evidence = Object.fromEntries(
      [...armsOf(cell, plan)].map(([arm, setups]) => [
        arm,
        setups.flatMap((setup) => byHash.get(setupHash(setup)) ?? []),
      ]),
    );
    return { ...cell, judgements: plan.claims.map((claim) => claim.judge(evidence)) };
  });
}

/** Trains the runs of a sweep that its folder has not, and judges its cells. */
export async function runSweep(
  plan: SweepPlan,
  { setups, ...how }: Means,
  watch: Pick<PoolOptions, 'onProgress' | 'onEnd'> = {},
): Promise<SweepResult> {
  const runs = await runAll(setups, { ...how, ...watch });
  return {
    cells: judgeCells(
      plan,
      runs.map(({ record }) => record),
    ),
    runs,
  };
}
