/**
 * What every update of a run is made with: the losses' weights, beta, the learning rate, the optimiser's numbers and what
 * trains. The trainer keeps a digest of them in the record; anyone can compute it again from the setup.
 */
import { createHash } from 'node:crypto';
import { trainableNames } from '../model/specifications.ts';
import type { Phase } from '../passwords/roles.ts';
import { canonicalJson } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { learningRate } from './schedule.ts';
import type { LossWeights } from './step.ts';

export const PHASES: readonly Phase[] = ['pretrain', 'dpo', 'joint'];

export interface Update {
  readonly phase: Phase;
  /** From 0. */
  readonly step: number;
  readonly weights: LossWeights;
  readonly beta: number;
  readonly learningRate: number;
  readonly optimiser: Setup['optimiser'];
  /** Names of the parameters that are trained. */
  readonly trainable: readonly string[];
}

export function lossWeights(setup: Setup, phase: Phase): LossWeights {
  if (phase === 'pretrain') return { dpo: 0, useful: 0, random: 1, randomReverse: 0 };
  return phase === 'dpo' ? { dpo: 1, useful: 0, random: 0, randomReverse: 0 } : setup.phases.joint.weights;
}

export const trainableIn = (setup: Setup, phase: Phase): string[] =>
  trainableNames(setup, phase === 'dpo' ? setup.phases.dpo.trainable : 'all');

/** The digest after one more update. */
export function nextUpdate(digest: string, { learningRate: rate, trainable, ...update }: Update): string {
  // Of the engine's precision: the cosine of a schedule may differ in its last digit from one JavaScript to another.
  const used = { ...update, learningRate: Math.fround(rate), trainable: [...trainable] };
  return createHash('sha256')
    .update(`${digest}/${canonicalJson(used)}`)
    .digest('hex');
}

/** The digest of all updates that a setup makes. @param jointSteps steps that phase 3 took before it ended */
export function updatesDigest(setup: Setup, jointSteps: number): string {
  const { beta, optimiser, phases } = setup;
  let digest = '';
  for (const phase of PHASES) {
    const update = { phase, weights: lossWeights(setup, phase), beta, optimiser, trainable: trainableIn(setup, phase) };
    const { steps } = phases[phase];
    for (let step = 0; step < (phase === 'joint' ? jointSteps : steps); step++) {
      const rate = learningRate(optimiser.learningRate, step, steps, optimiser.warmupSteps);
      digest = nextUpdate(digest, { ...update, step, learningRate: rate });
    }
  }
  return digest;
}
