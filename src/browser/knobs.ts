/** What can be turned on the page, with what the paper has and which claims of ours turn it. */

export interface Knob {
  readonly path: string;
  readonly label: string;
  /** What the paper did with it, and found. */
  readonly paper: string;
  /** Claims whose arms differ in it. */
  readonly claims: readonly string[];
  /** Whether each cell of them is another value of it. */
  readonly byCell?: boolean;
}

export const KNOBS: readonly Knob[] = [
  {
    path: 'optimiser.weightDecay',
    label: 'Weight decay',
    paper: 'It does not vary it.',
    claims: ['dose'],
    byCell: true,
  },
  {
    path: 'beta',
    label: 'Beta of DPO',
    paper: 'It chose it in a grid of learning rates and betas.',
    claims: ['lrbeta'],
  },
  {
    path: 'passwords.heldBatches',
    label: 'Batches of negatives held out',
    paper: 'Its figure 1 has 1 to 9 of 20 batches: the log-likelihood of the held-out passwords by their share.',
    claims: ['held-out-share'],
    byCell: true,
  },
  {
    path: 'phases.dpo.trainable',
    label: 'Trained in phase 2 (all, first-half)',
    paper: 'It freezes the second half. Its figure 3 leaves that out: freezing matters.',
    claims: ['freeze'],
  },
  {
    path: 'prefixes',
    label: 'Prefixes (true, false)',
    paper: 'It has them. Its figure 3 leaves them out: they matter.',
    claims: ['prefix'],
  },
  {
    path: 'passwords.length',
    label: 'Letters of a password',
    paper: 'It does not vary it.',
    claims: [],
  },
  {
    path: 'phases.dpo.steps',
    label: 'Steps of phase 2',
    paper: 'Each negative is rejected 60 times. It leaves the phase out in a tuning grid alone.',
    claims: ['no-dpo'],
  },
  {
    path: 'phases.joint.steps',
    label: 'Steps of phase 3',
    paper: 'As many as in phase 2, always.',
    claims: [],
  },
  {
    path: 'seed',
    label: 'Seed',
    paper: 'It has 8: the held-out passwords are 13% likelier than chance, letter by letter.',
    claims: ['main'],
  },
];

/** What the reference report says of a claim, as its claims.json has it. */
export interface Known {
  /** The study's name: that of its preset. */
  readonly study: string;
  readonly id: string;
  readonly verdict: string;
  readonly measure: string;
  readonly estimate: number | null;
  readonly interval: readonly [number, number] | null;
  readonly seeds: readonly number[];
  readonly cells?: readonly { readonly label: string; readonly estimate: number | null }[];
}
