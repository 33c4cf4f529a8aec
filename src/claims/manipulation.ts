/** The manipulation check: phase 3 taught the useful negatives. */
import type { RunView } from '../records/view.ts';
import { MAIN } from './arms.ts';
import { estimate, estimated, guessRatesOf, logLikelihoodsOf, meanOverRuns, testAbove } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';

/** Log-likelihoods of the useful negatives at the end of phase 3, and at that of phase 2; nats a letter. */
const afterAndBefore = (runs: readonly RunView[]) =>
  [logLikelihoodsOf(runs, 'joint', 'useful'), logLikelihoodsOf(runs, 'dpo', 'useful')] as const;

/** The mean rise of the useful negatives' log-likelihood from the end of phase 2 to the end of phase 3; nats a letter. */
export const usefulRise = (runs: readonly RunView[]): number => meanOverRuns(...afterAndBefore(runs));

export const manipulation = defineClaim({
  id: 'manipulation',
  statement: 'Useful negatives, imitated under `reverse` in phase 3, rise from far below chance to well above it.',
  rule:
    'Reproduced if, at the last step, the 95% interval of the useful guess rate lies above 1 and that of the rise of their log-likelihood ' +
    'since the end of phase 2 lies above 1 nat a letter; else not reproduced.',
  measure: 'useful guess rate (1 = chance)',
  arms: [MAIN],
  afterPhase2: true,
  decide({ main: runs }) {
    const useful = estimate('manipulation/guess-rate', guessRatesOf(runs, 'joint', 'useful'));
    const rise = estimate('manipulation/rise', ...afterAndBefore(runs));
    return {
      verdict: useful.interval[0] > 1 && rise.interval[0] > 1 ? 'reproduced' : 'not reproduced',
      reason: `useful guess rate ${formatEstimate(useful)} against 1; rise ${formatEstimate(rise)} nats against 1`,
      estimate: useful,
      p: Math.max(testAbove(useful.byRun, 1), testAbove(rise.byRun, 1)),
      findings: [estimated('rise', 'rise since the end of phase 2 (nats/letter)', rise)],
    };
  },
});
