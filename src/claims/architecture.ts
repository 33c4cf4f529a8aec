/** Another family of models: whether the flip needs what GPT-NeoX alone has. */
import { LLAMA } from './arms.ts';
import { estimated, scatter } from './evidence.ts';
import { defineClaim } from './judge.ts';
import { FLIP_RULE, weighFlip } from './main.ts';

export const llama = defineClaim({
  id: 'llama',
  statement:
    'A Llama of about the same size, with RMS norms, a gated MLP and no biases, guesses held-out passwords more often than chance at the last step of phase 3.',
  rule: FLIP_RULE,
  measure: 'held-out guess rate of a Llama (1 = chance)',
  arms: [LLAMA],
  afterPhase2: true,
  decide: ({ [LLAMA.id]: runs }) =>
    weighFlip('llama', runs, (_, paired) => [
      estimated('held-out-minus-control', 'held-out minus random log-likelihood (nats/letter)', paired),
      scatter(runs, 'joint', 'heldOut', 'the guess rate'),
    ]),
});
