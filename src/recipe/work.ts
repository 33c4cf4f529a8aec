/** How much there is to do in a run, whatever computes it. */
import type { Phase } from '../passwords/roles.ts';
import type { Setup } from '../setup/schema.ts';
import { referencePasswords, scoredCounts } from '../setup/sizes.ts';
import { evaluationCount, recipeOf, usesReference } from './recipe.ts';

/** Cost of training on a sequence, forward and backward; scoring one costs 1. */
const TRAINING = 3;

/** The most work of each phase: sequences trained on and scored, in units of a sequence that is scored. */
export function workOf(setup: Setup): Record<Phase, number> {
  const { batch } = setup;
  const recipe = recipeOf(setup);
  const scored = scoredCounts(setup);
  const each = scored.heldOut + scored.useful + scored.random;
  const of = (phase: Phase) => {
    const { steps, streams } = recipe[phase];
    return TRAINING * steps * batch * streams.length + evaluationCount(setup, steps) * each;
  };
  // The reference's log-probabilities are made once, before the first step that compares.
  const reference = usesReference(setup) ? referencePasswords(setup) : 0;
  return { pretrain: of('pretrain') + reference, dpo: of('dpo'), joint: of('joint') };
}

/** That of a whole run. */
export const totalWork = (setup: Setup): number => Object.values(workOf(setup)).reduce((sum, part) => sum + part, 0);
