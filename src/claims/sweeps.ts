/** The reference's tuning grids as claims: the effect is not one lucky setting of learning rate, beta and loss weights. */
import { SWEEPS } from './arms.ts';
import { defineGrid, ON_AVERAGE } from './grid.ts';

export const lrbeta = defineGrid({
  id: 'lrbeta',
  statement:
    'Over a grid of learning rates, betas, prefixes and freezing, held-out passwords are guessed more often than chance on average.',
  measure: 'held-out guess rate, average over readable cells (1 = chance)',
  arms: SWEEPS.lrbeta,
  ...ON_AVERAGE,
});

export const weights = defineGrid({
  id: 'weights',
  statement:
    'Over a grid of loss weights, learning rates and phase 2 done or skipped, held-out passwords are guessed more often than chance on average.',
  measure: 'held-out guess rate, average over readable cells (1 = chance)',
  arms: SWEEPS.weights,
  ...ON_AVERAGE,
});
