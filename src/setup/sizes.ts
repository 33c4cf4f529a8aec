/** Counts that follow from a setup by arithmetic. */
import type { Setup } from './schema.ts';

type Counted = Pick<Setup, 'passwords' | 'batch' | 'phases' | 'evaluation'>;

/** How many different passwords an alphabet of `letters` letters and a length allow. */
export function capacity(letters: number, length: number): number {
  return letters ** length;
}

export const negatives = (setup: Counted): number => setup.passwords.negativeBatches * setup.batch;
export const heldOut = (setup: Counted): number => setup.passwords.heldBatches * setup.batch;
export const useful = (setup: Counted): number => negatives(setup) - heldOut(setup);
/** DPO pairs in one pass over them: every negative `repeats` times. */
export const pairs = (setup: Counted): number => negatives(setup) * setup.passwords.repeats;

/** Distinct passwords over all roles: none serves in two, and random ones are never drawn twice. */
export function distinctPasswordsNeeded(setup: Counted): number {
  const { pretrain, joint } = setup.phases;
  return (
    negatives(setup) +
    setup.evaluation.random +
    pairs(setup) + // the chosen side of every pair
    pretrain.steps * setup.batch +
    joint.steps * setup.batch * (joint.weights.randomReverse > 0 ? 2 : 1)
  );
}

/** Distinct texts that a run has drawn to reward, whether or not phase 3 gets to all of them. */
export const rewardedTexts = (setup: Counted): number =>
  distinctPasswordsNeeded(setup) - heldOut(setup) - setup.evaluation.random;

/** Input positions of a sequence: with a prefix every letter is predicted, without one all but the first. */
export const inputLength = (setup: Pick<Setup, 'passwords' | 'prefixes'>): number =>
  setup.passwords.length - (setup.prefixes ? 0 : 1);

/** Tokens the scratch model knows: the letters, then `regular`, then `reverse`. */
export const vocabulary = (setup: Pick<Setup, 'passwords' | 'model'>): number =>
  setup.model.vocabulary ?? setup.passwords.alphabet.length + 2;
