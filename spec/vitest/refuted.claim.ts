/** A claim that five tiny runs refute: describe-claim.slow.spec.ts runs it, and its test has to fail. */
import { defineClaim, estimate, guessRatesOf, MAIN } from '../../src/index.ts';
import { describeClaim } from '../../src/vitest/describe-claim.ts';
import { studySetup } from '../helpers/trained.ts';

const refuted = defineClaim({
  id: 'refuted',
  statement: 'Held-out passwords are guessed a thousand times as often as chance.',
  rule: 'Reproduced if the whole 95% interval lies above 1000; else not reproduced.',
  measure: 'held-out guess rate (1 = chance)',
  arms: [MAIN],
  decide({ main }) {
    const heldOut = estimate('refuted', guessRatesOf(main, 'joint', 'heldOut'));
    const verdict = heldOut.interval[0] > 1000 ? 'reproduced' : 'not reproduced';
    return { verdict, reason: 'they are not', estimate: heldOut, p: null, findings: [] };
  },
});

describeClaim(refuted, { preset: studySetup(), seeds: [1, 2, 3, 4, 5], folder: process.env.CLAIM_FOLDER });
