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
  readonly objective: Setup['objective'];
  readonly beta: number;
  readonly margin: number;
  readonly learningRate: number;
  readonly optimiser: Setup['optimiser'];
  /** Names of the parameters that are trained. */
  readonly trainable: readonly string[];
}

/** What updates depend on: no random draw does. */
type UpdateSetup = Compiled & ModelSetup & Pick<Setup, 'beta' | 'margin' | 'optimiser'>;

/** The updates of a phase, by step. */
export function updatesOf(
  setup: UpdateSetup,
  { phase, steps, weights, trainable }: PhasePlan,
): (step: number) => Update {
  const { objective, beta, margin, optimiser } = setup;
  const names = trainableNames(setup, trainable);
  return (step) => ({
    phase,
    step,
    weights,
    objective,
    beta,
    margin,
    learningRate: learningRate(optimiser.learningRate, step, steps, optimiser.warmupSteps),
    optimiser,
    trainable: names,
  });
}

/** Steps that each phase took before it ended. */
export type StepsTaken = Readonly<Record<Phase, number>>;

/** The digest after one more update. */
export function nextUpdate(digest: string, { objective, margin, ...update }: Update): string {
  // In the engine's precision: the last digit of a schedule's cosine may differ between implementations of JavaScript.
  const used = { ...update, learningRate: Math.fround(update.learningRate) };
  // Records from before there were other objectives have digests without one.
  const other = objective === 'dpo' ? {} : { objective, margin };
  return sha256Hex(`${digest}/${canonicalJson({ ...used, ...other })}`);
}

const digestOf = remembering(({ taken, ...setup }: UpdateSetup & { readonly taken: StepsTaken }): string => {
  const recipe = recipeOf(setup);
  let digest = '';
  for (const phase of PHASES) {
    const update = updatesOf(setup, recipe[phase]);
    for (let step = 0; step < taken[phase]; step++) digest = nextUpdate(digest, update(step));
  }
  return digest;
});

/** The digest of all updates that a setup makes. @param taken steps that each phase took before it ended */
export const updatesDigest = (
  { phases, prefixes, model, passwords, objective, beta, margin, optimiser }: UpdateSetup,
  taken: StepsTaken,
): string => digestOf({ phases, prefixes, model, passwords, objective, beta, margin, optimiser, taken });
