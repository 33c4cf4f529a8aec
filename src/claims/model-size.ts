/** The paper's figure 2: the size of the model. */
import { MODEL_SIZES } from './arms.ts';
import { defineGrid, EVERYWHERE } from './grid.ts';

export const modelSize = defineGrid({
  id: 'model-size',
  statement: 'Models of four sizes guess held-out passwords more often than chance.',
  measure: 'held-out guess rate over all sizes (1 = chance)',
  arms: MODEL_SIZES,
  ...EVERYWHERE,
});
