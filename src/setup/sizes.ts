/** Counts that follow from a setup by arithmetic. */
import type { SetName } from '../passwords/roles.ts';
import { freshTexts, OBJECTIVE_TRAITS } from '../recipe/recipe.ts';
import type { Setup } from './schema.ts';

type Counted = Pick<Setup, 'passwords' | 'batch' | 'phases' | 'evaluation' | 'objective'>;

/** How many different passwords an alphabet of `letters` letters and a length allow. */
export const capacity = (letters: number, length: number): number => letters ** length;

export const negatives = (setup: Counted): number => setup.passwords.negativeBatches * setup.batch;
export const heldOut = (setup: Counted): number => setup.passwords.heldBatches * setup.batch;
export const useful = (setup: Counted): number => negatives(setup) - heldOut(setup);
/** How many passwords of each set are scored. */
export const scoredCounts = (setup: Counted): Readonly<Record<SetName, number>> => ({
  heldOut: Math.min(setup.evaluation.heldOut, heldOut(setup)),
  useful: Math.min(setup.evaluation.useful, useful(setup)),
  random: setup.evaluation.random,
});

/** Passwords that take the place of others; see the field `passwords.standIns`. */
export const standIns = (setup: Counted): number =>
  ({ none: 0, 'held-out': heldOut(setup), useful: useful(setup) })[setup.passwords.standIns];

/** DPO pairs in one pass over them: every negative `repeats` times. */
export const pairs = (setup: Counted): number => negatives(setup) * setup.passwords.repeats;

/** Distinct texts that a run draws to reward, whether or not phase 3 uses all of them: useful ones or their stand-ins, chosen and fresh ones. */
export const rewardedTexts = (setup: Counted): number =>
  Object.values(freshTexts(setup)).reduce((sum, size) => sum + size, useful(setup) + pairs(setup));

/** Distinct passwords over all roles: none serves in two, and random ones are never drawn twice. */
export const distinctPasswordsNeeded = (setup: Counted): number =>
  heldOut(setup) + standIns(setup) + setup.evaluation.random + rewardedTexts(setup);

/** Input positions of a sequence. With a prefix every letter is predicted, without one all but the first. */
export const inputLength = (setup: Pick<Setup, 'passwords' | 'prefixes'>): number =>
  setup.passwords.length - (setup.prefixes ? 0 : 1);

/** Width of the MLP's inner layer. */
export const innerWidth = ({
  hidden,
  intermediateFactor,
}: Pick<Setup['model'], 'hidden' | 'intermediateFactor'>): number =>
  Math.max(1, Math.round(hidden * intermediateFactor));

/** Tokens of the model's vocabulary; without a number in the setup, the letters and the two prefixes. */
export const vocabulary = (setup: Pick<Setup, 'passwords' | 'model'>): number =>
  setup.model.vocabulary ?? setup.passwords.alphabet.length + 2;

/** Passwords that are scored with the reference model once, for objectives that compare sums. */
export const referencePasswords = (setup: Counted): number => {
  const { reference, chosen } = OBJECTIVE_TRAITS[setup.objective];
  return reference === 'sums' ? negatives(setup) + (chosen ? pairs(setup) : 0) : 0;
};
