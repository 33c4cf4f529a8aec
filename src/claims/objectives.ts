/**
 * Is it DPO, or any punishment? Each objective in the place of DPO, in both phases that have it. They are compared at the same
 * avoidance: each pushes at a pace of its own, so that equal numbers of steps would say nothing.
 */
import { type Evaluation, finishedRuns, type RunView } from '../records/view.ts';
import { OBJECTIVES, type Objective } from '../setup/schema.ts';
import { AVOIDED, OBJECTIVE_ARMS } from './arms.ts';
import type { Claim, Finding } from './claim.ts';
import { estimate, estimated } from './evidence.ts';
import { defineGrid, inCell } from './grid.ts';

/** Evaluations of the runs at the end of phase 2, which archives keep of every run. */
const endsOfPhase2 = (runs: readonly RunView[]): Evaluation[] =>
  runs.flatMap(({ evaluations }) => evaluations.findLast(({ phase }) => phase === 'dpo') ?? []);

/** How a cell's runs came through phase 2: what the comparison rests on. */
function phase2(arm: string, runs: readonly RunView[]): { avoiding: number; findings: Finding[] } {
  const ends = endsOfPhase2(runs);
  const rates = ends.map(({ sets }) => sets.heldOut.guessRate);
  const heldOut = estimate(
    `${arm}/after-phase-2`,
    rates.map((rate) => [rate]),
  );
  const steps = estimate(
    `${arm}/steps-of-phase-2`,
    ends.map(({ step }) => [step]),
  );
  return {
    avoiding: rates.filter((rate) => rate <= AVOIDED).length,
    findings: [
      estimated('after-phase-2', 'held-out guess rate after phase 2', heldOut),
      estimated('phase-2-steps', 'steps of phase 2', steps),
    ],
  };
}

const claimOf = (objective: Objective): Claim => {
  const arm = OBJECTIVE_ARMS[objective];
  const cell = inCell(arm, OBJECTIVE_ARMS.dpo);
  return defineGrid({
    id: arm.id,
    statement:
      objective === 'dpo'
        ? 'Held-out passwords are guessed more often than chance though phase 2 ended as soon as they were avoided.'
        : `With ${arm.label} in the place of DPO, held-out passwords are guessed more often than chance.`,
    measure: `held-out guess rate, ${arm.label} (1 = chance)`,
    arms: Object.values(OBJECTIVE_ARMS),
    // What was never avoided cannot show that nothing comes back. What comes back does so however little it was avoided.
    rule:
      `${cell.rule} Where the cell is not above 1, inconclusive if less than half of its runs ended phase 2 with held-out passwords at ` +
      `${AVOIDED} of chance or below.`,
    decide(cells, views, id) {
      const decision = cell.decide(cells, views, id);
      const runs = finishedRuns(views[arm.id]);
      if (runs.length === 0) return decision;
      if (runs.some(({ setup }) => setup.phases.dpo.steps === 0))
        return { ...decision, verdict: 'inconclusive', reason: 'phase 2 was skipped, and the rule looks at its end' };
      const { avoiding, findings } = phase2(arm.id, runs);
      const avoided = avoiding >= runs.length / 2;
      return {
        ...decision,
        verdict: decision.verdict === 'not reproduced' && !avoided ? 'inconclusive' : decision.verdict,
        reason: `${decision.reason}; avoided in ${avoiding} of ${runs.length} runs`,
        findings: [...(decision.findings ?? []), ...findings],
      };
    },
  });
};

/** One claim for each objective, in the order of the setup's field. All share one family of Holm. */
export const objectiveClaims: readonly Claim[] = OBJECTIVES.map(claimOf);
