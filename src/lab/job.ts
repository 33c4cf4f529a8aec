/** A job: the runs that a set of claims needs, then their judgements. Every command that trains plans its runs here. */
import { type Arm, armSetup } from '../claims/arms.ts';
import type { Claim, Evidence, Judgement } from '../claims/claim.ts';
import { startEngine } from '../engine/engine.ts';
import type { Execution } from '../records/execution.ts';
import type { RunRecord } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import { type Asked, notedExecution, noteStudy } from '../records/study.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import type { StartExecutor } from './executor.ts';
import { assertModelsHere } from './model.ts';
import { assertFits, defaultJobs, planRuns } from './plan.ts';
import { type PoolOptions, runAll, type StoredRun } from './pool.ts';
import { RunStore } from './store.ts';

/** Setups by arm id, one a seed. */
export type Plan = ReadonlyMap<string, readonly Setup[]>;

/**
 * The setups that judging `claims` needs, arm by arm: `setup` under each seed.
 * @throws SetupError when an arm's setup is impossible
 */
export function planSetups(setup: Setup, claims: readonly Pick<Claim, 'arms'>[], seeds: readonly number[]): Plan {
  const arms = new Map<string, Arm>(claims.flatMap((claim) => claim.arms.map((arm) => [arm.id, arm] as const)));
  return new Map([...arms.values()].map((arm) => [arm.id, seeds.map((seed) => armSetup({ ...setup, seed }, arm))]));
}

/** The different setups of a plan, in its order: an arm that changes nothing shares the runs of the main arm. */
export const distinctSetups = (plan: Plan): Setup[] => [
  ...new Map([...plan.values()].flat().map((setup) => [setupHash(setup), setup])).values(),
];

/** Machines that carry out runs, and how they compute. */
export interface Remote {
  readonly engine: RunRecord['engine'];
  readonly processorKind: string;
  readonly start: StartExecutor;
}

/** What is asked for. */
export interface JobRequest {
  readonly setup: Setup;
  readonly claims: readonly Pick<Claim, 'arms'>[];
  readonly seeds: readonly number[];
  /** Where records go. */
  readonly folder: string;
  /** Whether runs that are in the folder are used and gone on with; else a folder with records is refused. */
  readonly resume: boolean;
  /** As it was typed. */
  readonly command: string;
  /** Files that the job will write in the folder. */
  readonly reports: readonly string[];
  /** Runs at once; chosen by the size of the models, when absent. */
  readonly jobs?: number;
  /** Sequences of each kind in a pass; chosen by the memory at hand, when absent. */
  readonly microBatch?: number;
  /** What is noted for those who go on later. */
  readonly asked?: Omit<Asked, 'engine'>;
  /** Where runs are carried out; here, when absent. */
  readonly remote?: Remote;
  /** Takes what a reader wants to know before training begins. */
  readonly say?: (text: string) => void;
}

/** What will be trained, and how. */
export interface Job {
  readonly plan: Plan;
  /** The different setups of the plan. */
  readonly setups: readonly Setup[];
  readonly engine: RunRecord['engine'];
  readonly execution: Execution;
  /** Runs at once. */
  readonly jobs: number;
  /** Starts what carries runs out, and the kind of processor there; where they are not carried out here. */
  readonly start?: StartExecutor;
  readonly processorKind?: string;
  /** Open: whoever planned the job closes it. */
  readonly store: RunStore;
}

/** Width of the widest model; 0 where there is none. */
export const widest = (setups: readonly Setup[]): number => Math.max(0, ...setups.map(({ model }) => model.hidden));

/** @throws StorageError where a folder that is to be new holds runs */
export async function assertUnused(store: RunStore): Promise<void> {
  if ((await store.recordNames()).length === 0) return;
  throw new StorageError(
    `--out: ${store.folder} already holds run records; go on there with --resume, or choose another folder`,
  );
}

/** How runs are trained, whichever they are. */
export type Means = Pick<Job, 'setups' | 'engine' | 'execution' | 'jobs' | 'start' | 'processorKind' | 'store'>;

/**
 * Opens the folder of a job, and decides how its runs are trained.
 * @param noted the execution that a job in the folder has had: one that goes on takes its steps as it began, for rounding
 * depends on the passes
 * @throws ModelError, EngineError, PlanError or StorageError where they cannot be
 */
export async function openJob(
  setups: readonly Setup[],
  request: Pick<JobRequest, 'folder' | 'resume' | 'reports' | 'jobs' | 'microBatch' | 'remote' | 'say'>,
  noted: (folder: string) => Execution | null,
): Promise<Means> {
  const { resume, remote, say = () => {} } = request;
  assertModelsHere(setups);
  const jobs = request.jobs ?? defaultJobs(setups);
  const store = new RunStore(request.folder);
  if (!resume) await assertUnused(store);
  await store.open(request.reports);
  try {
    const asked = request.microBatch ?? noted(store.folder)?.microBatch ?? null;
    if (remote !== undefined) return { setups, ...remote, execution: { microBatch: asked }, jobs, store };
    const engine = await startEngine(undefined, widest(setups));
    say(`engine: ${engine.name} (TensorFlow.js ${engine.version})`);
    const execution = planRuns(setups, engine.name, jobs, asked, say);
    return { setups, engine, execution, jobs, store };
  } catch (error) {
    store.close();
    throw error;
  }
}

/**
 * Plans a job and opens its folder. Nothing is trained yet.
 * @throws SetupError, ModelError, EngineError, PlanError, RecordError or StorageError where it cannot be carried out
 */
export async function planJob(request: JobRequest): Promise<Job> {
  const { setup, claims, seeds, command } = request;
  const plan = planSetups(setup, claims, seeds);
  const means = await openJob(distinctSetups(plan), request, notedExecution);
  const { store, engine, execution } = means;
  try {
    const noted = request.asked && { ...request.asked, engine: engine.name };
    await noteStudy(store.folder, setup, command, execution, noted);
    return { plan, ...means };
  } catch (error) {
    store.close();
    throw error;
  }
}

export interface JobResult {
  judgements: Judgement[];
  /** Every run once, however many arms it belongs to. */
  runs: StoredRun[];
}

/** The records of setups beyond the plan, trained in the job's folder or taken from there; in the order of `setups`. */
export async function trainMore(
  { store, engine, execution, jobs, start, processorKind }: Job,
  setups: readonly Setup[],
  watch: Pick<PoolOptions, 'onProgress' | 'onEnd'> = {},
): Promise<RunRecord[]> {
  if (start === undefined) assertFits(setups, engine.name, jobs, execution);
  const runs = await runAll(setups, { engine, execution, store, jobs, start, processorKind, ...watch });
  return runs.map(({ record }) => record);
}

/** Trains what the claims need and judges them. Failed runs are evidence too. */
export async function runJob(
  { plan, setups, ...how }: Job,
  claims: readonly Claim[],
  watch: Pick<PoolOptions, 'keepModels' | 'onProgress' | 'onEnd'> = {},
): Promise<JobResult> {
  const runs = await runAll(setups, { ...how, ...watch });
  const records = new Map(runs.map(({ record }) => [record.setupHash, record]));
  const evidence: Evidence = Object.fromEntries(
    [...plan].map(([arm, planned]) => [arm, planned.map((setup) => records.get(setupHash(setup))!)]),
  );
  return { judgements: claims.map((claim) => claim.judge(evidence)), runs };
}
