/**
 * What every update of a run is made with: the loss weights, beta, the learning rate, the optimiser's numbers and what
 * trains. The trainer keeps a digest of them in the record. Anyone can compute it again from the setup.
 */
import { type ModelSetup, trainableNames } from '../model/specifications.ts';
import { PHASES, type Phase } from '../passwords/roles.ts';
import { canonicalJson, remembering } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { sha256Hex } from '../sha256.ts';
import { type Compiled, type PerLoss, type PhasePlan, recipeOf } from './recipe.ts';
import { learningRate } from './schedule.ts';

export interface Update {
  readonly phase: Phase;
  /** From 0. */
  readonly step: number;
  readonly weights: PerLoss<number>;
  readonly beta: number;
  readonly learningRate: number;
  readonly optimiser: Setup['optimiser'];
  /** Names of the parameters that are trained. */
  readonly trainable: readonly string[];
}

/** What updates depend on: no random draw does. */
type UpdateSetup = Compiled & ModelSetup & Pick<Setup, 'beta' | 'optimiser'>;

/** The updates of a phase, by step. */
export function updatesOf(
  setup: UpdateSetup,
  { phase, steps, weights, trainable }: PhasePlan,
): (step: number) => Update {
  const { beta, optimiser } = setup;
  const names = trainableNames(setup, trainable);
  return (step) => ({
    phase,
    step,
    weights,
    beta,
    learningRate: learningRate(optimiser.learningRate, step, steps, optimiser.warmupSteps),
    optimiser,
    trainable: names,
  });
}

/** The digest after one more update. */
export function nextUpdate(digest: string, update: Update): string {
  // In the engine's precision: the last digit of a schedule's cosine may differ between implementations of JavaScript.
  const used = { ...update, learningRate: Math.fround(update.learningRate) };
  return sha256Hex(`${digest}/${canonicalJson(used)}`);
}

const digestOf = remembering(({ jointSteps, ...setup }: UpdateSetup & { readonly jointSteps: number }): string => {
  const recipe = recipeOf(setup);
  let digest = '';
  for (const phase of PHASES) {
    const update = updatesOf(setup, recipe[phase]);
    const taken = phase === 'joint' ? jointSteps : recipe[phase].steps;
    for (let step = 0; step < taken; step++) digest = nextUpdate(digest, update(step));
  }
  return digest;
});

/** The digest of all updates that a setup makes. @param jointSteps steps that phase 3 took before it ended */
export const updatesDigest = (
  { phases, prefixes, model, passwords, beta, optimiser }: UpdateSetup,
  jointSteps: number,
): string => digestOf({ phases, prefixes, model, passwords, beta, optimiser, jointSteps });
