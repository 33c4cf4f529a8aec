/** A job: the runs that a set of claims needs, then their judgements. */
import { type Arm, armSetup, type Claim, type Evidence, type Judgement } from '../claims/claim.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import type { PoolOptions, StoredRun } from './pool.ts';
import { runAll } from './pool.ts';

export interface JobResult {
  judgements: Judgement[];
  runs: StoredRun[];
}

/**
 * The setups that judging `claims` needs, arm by arm: `setup` under each seed.
 * @throws SetupError when an arm's setup is impossible
 */
export function planSetups(setup: Setup, claims: readonly Claim[], seeds: readonly number[]): Map<Arm, Setup[]> {
  const arms = [...new Set(claims.flatMap((claim) => claim.arms))];
  return new Map(arms.map((arm) => [arm, seeds.map((seed) => parseSetup(armSetup({ ...setup, seed }, arm)))]));
}

/** Trains what the claims need and judges them. Failed runs are evidence too: they are counted. */
export async function runJob(
  plan: Map<Arm, Setup[]>,
  claims: readonly Claim[],
  options: PoolOptions,
): Promise<JobResult> {
  const runs = await runAll([...plan.values()].flat(), options);
  const evidence: Evidence = { main: [], 'no-dpo': [] };
  let next = 0;
  for (const [arm, setups] of plan) {
    evidence[arm] = runs.slice(next, next + setups.length).map(({ record }) => record);
    next += setups.length;
  }
  return { judgements: claims.map((claim) => claim.judge(evidence)), runs };
}
