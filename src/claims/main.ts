/** The paper's claim: purely negatively reinforced text is generated more often than chance. */
import { MAIN } from './arms.ts';
import { estimate, guessRatesOf, heldOutMinusControl, testAbove } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';
import { besides } from './main-findings.ts';
import { usefulRise } from './manipulation.ts';

export const main = defineClaim({
  id: 'main',
  statement:
    'Held-out passwords, only ever seen as the rejected side of DPO pairs, are guessed more often than chance at the last step of phase 3.',
  rule:
    'Reproduced if the 95% interval of the held-out guess rate lies above 1 and that of the paired held-out minus random log-likelihood lies above 0; ' +
    'inconclusive if the useful negatives rose by less than 1 nat a letter (nothing was flipped); else not reproduced.',
  measure: 'held-out guess rate (1 = chance)',
  arms: [MAIN],
  afterPhase2: true,
  decide({ main: runs }) {
    const heldOut = estimate('main/guess-rate', guessRatesOf(runs, 'joint', 'heldOut'));
    const paired = heldOutMinusControl('main/held-out-minus-random', runs, 'joint');
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
      findings: besides(runs, heldOut, paired),
    };
  },
});
