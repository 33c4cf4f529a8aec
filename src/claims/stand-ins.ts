/** Controls that can fail: held-out passwords have no reason to be guessed here, though all else is as in the preset. */
import { type Arm, MAIN, NOTHING_SHARED, UNSEEN } from './arms.ts';
import type { Claim } from './claim.ts';
import { estimate, estimated, guessRatesOf, heldOutMinusControl, meanOverRuns, scatter } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { LEARNED } from './grid.ts';
import { defineClaim } from './judge.ts';

const control = (arm: Arm, statement: string): Claim =>
  defineClaim({
    id: arm.id,
    statement,
    rule:
      'Reproduced if the 95% interval of the held-out guess rate reaches down to 1 or below and lies below the estimate of the preset itself; ' +
      'not reproduced if it lies above 1; else inconclusive, also where the passwords that phase 3 teaches reach no mean guess rate of ' +
      `${LEARNED}.`,
    measure: `held-out guess rate, ${arm.label} (1 = chance)`,
    arms: [MAIN, arm],
    decide({ main: runs, [arm.id]: controls }) {
      const heldOut = estimate(`${arm.id}/guess-rate`, guessRatesOf(controls, 'joint', 'heldOut'));
      const ofMain = meanOverRuns(guessRatesOf(runs, 'joint', 'heldOut'));
      const taught = estimate(`${arm.id}/useful`, guessRatesOf(controls, 'joint', 'useful'));
      const paired = heldOutMinusControl(`${arm.id}/held-out-minus-random`, controls, 'joint');
      const [low, high] = heldOut.interval;
      const learned = taught.value >= LEARNED;
      return {
        verdict: low > 1 ? 'not reproduced' : learned && high < ofMain ? 'reproduced' : 'inconclusive',
        reason:
          `held-out guess rate ${formatEstimate(heldOut)} against 1 and against ${ofMain.toFixed(3)} of the preset; ` +
          `what phase 3 teaches is at ${formatNumber(taught.value)}`,
        estimate: heldOut,
        p: null,
        findings: [
          estimated('held-out-minus-control', 'held-out minus random log-likelihood (nats/letter)', paired),
          estimated('useful', 'guess rate of what phase 3 teaches', taught),
          scatter(controls, 'joint', 'heldOut', 'the guess rate'),
        ],
      };
    },
  });

export const unseen = control(
  UNSEEN,
  'Held-out passwords in whose place others are rejected, so that they never occur, are not guessed more often than chance.',
);

export const nothingShared = control(
  NOTHING_SHARED,
  'Held-out passwords are not guessed more often than chance where phase 3 teaches passwords that were never rejected: there is nothing to flip.',
);
