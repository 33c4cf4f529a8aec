/** DPO does what it should: the model avoids the negatives. */
import { MAIN } from './arms.ts';
import { estimate, estimated, guessRatesOf, heldOutMinusControl, scatter, testAbove } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';

export const avoidance = defineClaim({
  id: 'avoidance',
  statement: 'At the end of phase 2, under `regular`, held-out passwords fall below chance and below random passwords.',
  rule:
    'Reproduced if the 95% interval of the held-out guess rate at the end of phase 2 lies below 1 and that of the paired held-out minus random ' +
    'log-likelihood lies below 0; else not reproduced.',
  measure: 'held-out guess rate after phase 2 (1 = chance)',
  arms: [MAIN],
  afterPhase2: true,
  decide({ main: runs }) {
    const heldOut = estimate('avoidance/guess-rate', guessRatesOf(runs, 'dpo', 'heldOut'));
    const paired = heldOutMinusControl('avoidance/held-out-minus-random', runs, 'dpo');
    const control = estimate('avoidance/random', guessRatesOf(runs, 'dpo', 'random'));
    const testBelow = (values: number[], expected: number) =>
      testAbove(
        values.map((value) => -value),
        -expected,
      );
    return {
      verdict: heldOut.interval[1] < 1 && paired.interval[1] < 0 ? 'reproduced' : 'not reproduced',
      reason: `held-out guess rate ${formatEstimate(heldOut)} against 1; held-out minus random ${formatEstimate(paired)} nats against 0`,
      estimate: heldOut,
      p: Math.max(testBelow(heldOut.byRun, 1), testBelow(paired.byRun, 0)),
      findings: [
        estimated('held-out-minus-control', 'held-out minus random log-likelihood (nats/letter)', paired),
        estimated('control', 'random guess rate after phase 2', control),
        scatter(runs, 'dpo', 'heldOut', 'the guess rate'),
      ],
    };
  },
});
