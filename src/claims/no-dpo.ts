/** Without DPO there is nothing to flip. */
import { MAIN, NO_DPO } from './arms.ts';
import { estimate, estimated, guessRatesOf, heldOutMinusControl, meanOverRuns } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';

export const noDpo = defineClaim({
  id: 'no-dpo',
  statement: 'With phase 2 skipped and DPO weight 0, the advantage of the held-out passwords is gone.',
  rule:
    'Reproduced if the 95% interval of the held-out guess rate without DPO includes 1 and excludes the estimate with DPO; ' +
    'not reproduced if it excludes 1; inconclusive if it includes both.',
  measure: 'held-out guess rate without DPO (1 = chance)',
  arms: [MAIN, NO_DPO],
  decide({ main: runs, 'no-dpo': without }) {
    const heldOut = estimate('no-dpo/guess-rate', guessRatesOf(without, 'joint', 'heldOut'));
    const withDpo = meanOverRuns(guessRatesOf(runs, 'joint', 'heldOut'));
    const [low, high] = heldOut.interval;
    const includes = (value: number) => low <= value && value <= high;
    const paired = heldOutMinusControl('no-dpo/held-out-minus-random', without, 'joint');
    const useful = estimate('no-dpo/useful', guessRatesOf(without, 'joint', 'useful'));
    return {
      verdict: !includes(1) ? 'not reproduced' : includes(withDpo) ? 'inconclusive' : 'reproduced',
      reason: `held-out guess rate without DPO ${formatEstimate(heldOut)} against 1 and against ${withDpo.toFixed(3)} with DPO`,
      estimate: heldOut,
      p: null,
      findings: [
        estimated('held-out-minus-control', 'held-out minus random log-likelihood without DPO (nats/letter)', paired),
        estimated('useful', 'useful guess rate without DPO', useful),
      ],
    };
  },
});
