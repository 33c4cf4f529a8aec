/** A job: the runs that a set of claims needs, then their judgements. */
import { type Arm, armSetup } from '../claims/arms.ts';
import type { Claim, Evidence, Judgement } from '../claims/claim.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import type { PoolOptions, StoredRun } from './pool.ts';
import { runAll } from './pool.ts';

export interface JobResult {
  judgements: Judgement[];
  /** Every run once, however many arms it belongs to. */
  runs: StoredRun[];
}

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

/** The different setups of a plan, in its order: an arm that changes nothing shares its runs with the main one. */
export const distinctSetups = (plan: Plan): Setup[] => [
  ...new Map([...plan.values()].flat().map((setup) => [setupHash(setup), setup])).values(),
];

/** Trains what the claims need and judges them. Failed runs are evidence too: they are counted. */
export async function runJob(plan: Plan, claims: readonly Claim[], options: PoolOptions): Promise<JobResult> {
  const runs = await runAll(distinctSetups(plan), options);
  const records = new Map(runs.map(({ record }) => [record.setupHash, record]));
  const evidence: Evidence = Object.fromEntries(
    [...plan].map(([arm, setups]) => [arm, setups.map((setup) => records.get(setupHash(setup))!)]),
  );
  return { judgements: claims.map((claim) => claim.judge(evidence)), runs };
}
