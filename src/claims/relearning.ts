/** An attack: whether what was pushed away comes back when some of it is trained again, and nothing is pushed any more. */
import type { RunView } from '../records/view.ts';
import { RELEARNED } from './arms.ts';
import { estimate, estimated, evaluationsOfPhase3, scatter } from './evidence.ts';
import { defineClaim } from './judge.ts';
import { FLIP_RULE, weighFlip } from './main.ts';

/** Steps of phase 3 until held-out passwords are first guessed as often as by chance; all of them, where that never comes. */
function stepsToChance(run: RunView): number {
  const all = evaluationsOfPhase3(run);
  return (all.find(({ sets }) => sets.heldOut.guessRate >= 1) ?? all[all.length - 1]).step;
}

export const relearning = defineClaim({
  id: 'relearning',
  statement:
    'Where phase 3 imitates the useful negatives and does nothing else, held-out passwords are guessed more often than chance at its last step.',
  rule: FLIP_RULE,
  measure: 'held-out guess rate after useful negatives alone (1 = chance)',
  arms: [RELEARNED],
  afterPhase2: true,
  decide: ({ [RELEARNED.id]: runs }) =>
    weighFlip('relearning', runs, (_, paired) => [
      estimated('held-out-minus-control', 'held-out minus random log-likelihood (nats/letter)', paired),
      estimated(
        'steps-to-chance',
        'steps of phase 3 until held-out passwords are at chance',
        estimate(
          'relearning/steps-to-chance',
          runs.map((run) => [stepsToChance(run)]),
        ),
      ),
      scatter(runs, 'joint', 'heldOut', 'the guess rate'),
    ]),
});
