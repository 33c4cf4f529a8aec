/** The control: fresh random passwords that no step ever saw. */
import { MAIN } from './arms.ts';
import { estimate, guessRatesOf, meanOverRuns, scatter } from './evidence.ts';
import { formatEstimate } from './format.ts';
import { defineClaim } from './judge.ts';

export const control = defineClaim({
  id: 'control',
  statement: 'Fresh random passwords, in the same runs, are not guessed more often than chance.',
  rule:
    'Reproduced if the 95% interval of the random guess rate reaches down to 1 or below and lies below the estimate for held-out passwords; ' +
    'not reproduced if it lies above 1; inconclusive if it is too wide to exclude the held-out estimate.',
  measure: 'random guess rate (1 = chance)',
  arms: [MAIN],
  decide({ main: runs }) {
    const random = estimate('control/guess-rate', guessRatesOf(runs, 'joint', 'random'));
    const heldOut = meanOverRuns(guessRatesOf(runs, 'joint', 'heldOut'));
    const [low, high] = random.interval;
    return {
      verdict: low > 1 ? 'not reproduced' : high < heldOut ? 'reproduced' : 'inconclusive',
      reason: `random guess rate ${formatEstimate(random)} against 1 and against the held-out estimate ${heldOut.toFixed(3)}`,
      estimate: random,
      p: null,
      findings: [scatter(runs, 'joint', 'random', 'the guess rate')],
    };
  },
});
