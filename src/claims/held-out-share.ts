/** The paper's figure 1: how much of the negatives is held out. */
import { HELD_OUT_SHARES } from './arms.ts';
import { defineGrid, EVERYWHERE } from './grid.ts';

export const heldOutShare = defineGrid({
  id: 'held-out-share',
  statement:
    'Whichever share of the negatives is held out, 1 to 9 batches, held-out passwords are guessed more often than chance.',
  measure: 'held-out guess rate over all shares (1 = chance)',
  arms: HELD_OUT_SHARES,
  ...EVERYWHERE,
});
