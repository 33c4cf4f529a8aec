/** What every judgement has in common. */

import { finishedRuns, type RunView, viewsOf } from '../records/view.ts';
import type { Arm } from './arms.ts';
import { assertDistinctSeeds, type Claim, FEWEST_RUNS, type Finding, type Verdict } from './claim.ts';
import type { Estimate } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { evidenceProblems, inWords } from './validity.ts';

/** What a claim's own part decides once there are enough runs. */
export interface Decision {
  readonly verdict: Verdict;
  readonly reason: string;
  readonly estimate: Estimate;
  /** One-sided p of the claim as a whole; null for a claim of absence. */
  readonly p: number | null;
  readonly findings: readonly Finding[];
}

interface Definition extends Omit<Claim, 'judge' | 'weigh'> {
  /** What the estimate is, with its unit. */
  readonly measure: string;
  /** Whether the rule looks at the end of phase 2, which a setup may skip. */
  readonly afterPhase2?: boolean;
  /** @param runs finished runs by arm id */
  decide(runs: Record<string, RunView[]>): Decision;
}

/** Gives a claim's rule the check of its evidence: where the records cannot bear a verdict, there is none. */
export function checked(measure: string, claim: Omit<Claim, 'judge'>): Claim {
  return {
    ...claim,
    judge(evidence) {
      const problems = evidenceProblems(claim.arms, evidence);
      if (problems.length === 0) return claim.weigh(viewsOf(evidence));
      const given = claim.arms.map((arm) => evidence[arm.id] ?? []);
      const finished = given.map((runs) => finishedRuns(runs));
      return {
        id: claim.id,
        verdict: 'invalid',
        reason: inWords(problems),
        measure,
        estimate: null,
        interval: null,
        seeds: finished[finished.length - 1].map(({ setup }) => setup.seed),
        failed: given.flat().length - finished.flat().length,
        p: null,
        findings: [],
      };
    },
  };
}

/** Makes a claim of its definition: counts runs, refuses to decide on too few, and phrases the outcome. */
export function defineClaim({ decide, measure, afterPhase2 = false, ...claim }: Definition): Claim {
  return checked(measure, {
    ...claim,
    weigh(views) {
      const given = (arm: Arm) => views[arm.id] ?? [];
      for (const arm of claim.arms) assertDistinctSeeds(arm.id, given(arm));
      const runs = Object.fromEntries(claim.arms.map((arm) => [arm.id, finishedRuns(given(arm))]));
      const primary = runs[claim.arms[claim.arms.length - 1].id];
      const failed = claim.arms.reduce((sum, arm) => sum + given(arm).length - runs[arm.id].length, 0);
      const common = { id: claim.id, measure, seeds: primary.map(({ setup }) => setup.seed), failed };
      const fewest = Math.min(...claim.arms.map((arm) => runs[arm.id].length));
      const skipped = afterPhase2 && primary.some(({ setup }) => setup.phases.dpo.steps === 0);
      if (fewest === 0 || skipped) {
        const reason = skipped ? 'phase 2 was skipped, and the rule looks at its end' : 'no run finished';
        return { ...common, verdict: 'inconclusive', reason, estimate: null, interval: null, p: null, findings: [] };
      }
      const decision = decide(runs);
      const tooFew = fewest < FEWEST_RUNS;
      return {
        ...common,
        verdict: tooFew ? 'inconclusive' : decision.verdict,
        reason: tooFew
          ? `${fewest} finished run${fewest === 1 ? '' : 's'}, and the rule needs at least ${FEWEST_RUNS} (${formatEstimate(decision.estimate)})`
          : decision.reason,
        estimate: decision.estimate.value,
        interval: decision.estimate.interval,
        p: decision.p,
        findings: decision.findings,
      };
    },
  });
}
