/** What every judgement has in common. */
import { finishedRuns, type RunView, type Views, viewsOf } from '../records/view.ts';
import type { Arm } from './arms.ts';
import { type Claim, FEWEST_RUNS, type Judgement } from './claim.ts';
import type { Estimate } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { evidenceProblems, inWords, repeatedSeeds } from './validity.ts';

/** What the rule of a claim decides. */
export interface Decision extends Pick<Judgement, 'verdict' | 'reason' | 'p' | 'findings'> {
  readonly estimate: Estimate;
}

/** A claim before its evidence is checked. */
export type Defined = Omit<Claim, 'judge' | 'weigh'> & Pick<Judgement, 'measure'>;

interface Definition extends Defined {
  /** Whether the rule looks at the end of phase 2, which a setup may skip. */
  readonly afterPhase2?: boolean;
  /** @param runs finished runs by arm id */
  decide(runs: Record<string, RunView[]>): Decision;
}

/** The finished runs of each arm, the seeds of those of the last arm, and how many runs of all arms failed. */
function countRuns(arms: readonly Arm[], views: Views) {
  const given = arms.map(({ id }) => views[id] ?? []);
  const finished = given.map((own) => finishedRuns(own));
  return {
    finished,
    seeds: finished[finished.length - 1].map(({ setup }) => setup.seed),
    failed: given.flat().length - finished.flat().length,
  };
}

const NO_NUMBERS = { estimate: null, interval: null, p: null, findings: [] } as const;

/** Gives a claim's rule the checks of its evidence: no seed counts twice, and records that cannot bear a verdict get none. */
export function checked(measure: string, rule: Omit<Claim, 'judge'>): Claim {
  const weigh: Claim['weigh'] = (views) => {
    for (const { id } of rule.arms) {
      const [seed] = repeatedSeeds(views[id] ?? []);
      if (seed !== undefined) throw new RangeError(`seed ${seed} is given twice in the arm ${id}`);
    }
    return rule.weigh(views);
  };
  return {
    ...rule,
    weigh,
    judge(evidence) {
      const problems = evidenceProblems(rule.arms, evidence);
      if (problems.length === 0) return weigh(viewsOf(evidence));
      const { seeds, failed } = countRuns(rule.arms, viewsOf(evidence));
      return { id: rule.id, verdict: 'invalid', reason: inWords(problems), measure, seeds, failed, ...NO_NUMBERS };
    },
  };
}

/** Makes a claim of its definition: counts runs, refuses to decide on too few, and phrases the outcome. */
export function defineClaim({ decide, measure, afterPhase2 = false, ...claim }: Definition): Claim {
  return checked(measure, {
    ...claim,
    weigh(views) {
      const { finished, seeds, failed } = countRuns(claim.arms, views);
      const common = { id: claim.id, measure, seeds, failed };
      const fewest = Math.min(...finished.map((runs) => runs.length));
      const skipped = afterPhase2 && finished.flat().some(({ setup }) => setup.phases.dpo.steps === 0);
      if (fewest === 0 || skipped) {
        const reason = skipped ? 'phase 2 was skipped, and the rule looks at its end' : 'no run finished';
        return { ...common, verdict: 'inconclusive', reason, ...NO_NUMBERS };
      }
      const decision = decide(Object.fromEntries(claim.arms.map(({ id }, index) => [id, finished[index]])));
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
