/** The paper's claim: purely negatively reinforced text is generated more often than chance. */
import type { RunView } from '../records/view.ts';
import { MAIN } from './arms.ts';
import type { Finding } from './claim.ts';
import { type Estimate, estimate, guessRatesOf, heldOutMinusControl, testAbove } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { type Decision, defineClaim } from './judge.ts';
import { besides } from './main-findings.ts';
import { usefulRise } from './manipulation.ts';

/** The rule, for the runs of any arm. */
export const FLIP_RULE =
  'Reproduced if the 95% interval of the held-out guess rate lies above 1 and that of the paired held-out minus random log-likelihood lies above 0; ' +
  'inconclusive if the useful negatives rose by less than 1 nat a letter (nothing was flipped); else not reproduced.';

/**
 * Decides by {@link FLIP_RULE}.
 * @param id of the claim, after which its random streams are named
 * @param findings what stands beside the verdict
 */
export function weighFlip(
  id: string,
  runs: RunView[],
  findings: (heldOut: Estimate, paired: Estimate) => Finding[],
): Decision {
  const heldOut = estimate(`${id}/guess-rate`, guessRatesOf(runs, 'joint', 'heldOut'));
  const paired = heldOutMinusControl(`${id}/held-out-minus-random`, runs, 'joint');
  const rise = usefulRise(runs);
  const shown = heldOut.interval[0] > 1 && paired.interval[0] > 0;
  return {
    verdict: rise < 1 ? 'inconclusive' : shown ? 'reproduced' : 'not reproduced',
    reason:
      `held-out guess rate ${formatEstimate(heldOut)} against 1; held-out minus random ${formatEstimate(paired)} nats against 0; ` +
      `useful negatives rose by ${rise.toFixed(2)} nats`,
    estimate: heldOut,
    // Both parts of the rule must hold, so the claim is as sure as the less sure of them.
    p: Math.max(testAbove(heldOut.byRun, 1), testAbove(paired.byRun, 0)),
    findings: findings(heldOut, paired),
  };
}

export const main = defineClaim({
  id: 'main',
  statement:
    'Held-out passwords, only ever seen as the rejected side of DPO pairs, are guessed more often than chance at the last step of phase 3.',
  rule: FLIP_RULE,
  measure: 'held-out guess rate (1 = chance)',
  arms: [MAIN],
  afterPhase2: true,
  decide: ({ main: runs }) => weighFlip('main', runs, (heldOut, paired) => besides(runs, heldOut, paired)),
});
