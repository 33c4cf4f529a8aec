/** The program in JAX trains as this project does, so that their times are of the same work. Where JAX is absent, this is skipped. */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { mean } from 'simple-statistics';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { startEngine } from '../../../src/engine/engine.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import type { Snapshot } from '../../../src/training/evaluation.ts';
import { trainToEnd } from '../../../src/training/trainer.ts';
import { tinySetup } from '../../helpers/setups.ts';
import type { Steps } from '../engine-process.ts';
import { findPython, JaxInTurn, missing } from './python.ts';
import { Job, lossesApart } from './whole-runs.ts';

const TOLERANCE = 1e-4;

/** Every part of a step: frozen layers in phase 2, all three losses in phase 3, a learning rate that rises and falls. */
const setup = tinySetup((tiny) => {
  tiny.phases.dpo.trainable = 'first-half';
  // Large enough that a step without one of them has other losses.
  Object.assign(tiny.optimiser, { learningRate: 0.01, weightDecay: 1, clipNorm: 0.5 });
  tiny.beta = 1;
});
const python = findPython('jax');
const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-spec-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('train_jax.py', () => {
  beforeEach((context) => {
    context.skip(python === undefined, `not compared with JAX: ${missing('jax')}`);
  });

  it('has the losses and evaluations of this project, from the same data and initial weights', async () => {
    const jax = new Job(folder, setup).jax(python as string);
    const { trajectories, evaluations, snapshots } = await trainToEnd(setup, { engine: await startEngine() });
    const losses = Object.fromEntries(PHASES.map((phase) => [phase, trajectories[phase].total]));
    for (const phase of PHASES) {
      expect(jax.losses[phase]).toHaveLength(setup.phases[phase].steps);
      expect(lossesApart(jax, { losses } as Parameters<typeof lossesApart>[1])[phase]).toBeLessThan(TOLERANCE);
    }
    expect(jax.evaluations).toHaveLength(evaluations.length);
    for (const [index, { phase, step, sets }] of evaluations.entries()) {
      const found = jax.evaluations[index];
      expect(found).toMatchObject({ phase, step });
      [sets.heldOut, sets.useful, sets.random].forEach(({ logLikelihood }, set) => {
        expect(Math.abs(found.logProbabilities[set] / logLikelihood - 1)).toBeLessThan(TOLERANCE);
      });
    }
    // Under the prefix of the last evaluation.
    const { sets } = snapshots.filter(({ prefix }) => prefix === 'reverse').at(-1) as Snapshot;
    const ranks = [sets.heldOut, sets.useful, sets.random].map((scores) => mean(scores.ranks.flat()));
    ranks.forEach((rank, set) => {
      expect(jax.evaluations.at(-1)?.ranks[set]).toBeCloseTo(rank, 5);
    });
  });

  it('takes steps when it is asked to, phase after phase', async () => {
    const { folder: of } = new Job(folder, setup);
    const program = new JaxInTurn(python as string, of, 1);
    try {
      for (const phase of PHASES) {
        await program.ask({ ask: 'begin', phase });
        for (let round = 0; round < 2; round++) {
          const { step } = await program.ask<Steps>({ ask: 'steps' });
          expect(step).toBeGreaterThan(0);
        }
      }
    } finally {
      program.stop();
    }
  });
});
