import { describe, expect, it } from 'vitest';
import { parameterSpecifications } from '../../src/model/specifications.ts';
import { recipeOf } from '../../src/recipe/recipe.ts';
import { updatesDigest, updatesOf } from '../../src/recipe/updates.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { tinySetup } from '../helpers/setups.ts';
import { updates } from './expected-updates.ts';

describe('the digest of all updates', () => {
  it.each<[string, (setup: Setup) => void]>([
    ['as it is', () => {}],
    ['without prefixes', (setup) => Object.assign(setup, { prefixes: false })],
    ['with every loss', (setup) => Object.assign(setup.phases.joint.weights, { randomReverse: 0.5 })],
    ['with the second half frozen', (setup) => Object.assign(setup.phases.dpo, { trainable: 'first-half' })],
    ['without phase 2', (setup) => Object.assign(setup.phases.dpo, { steps: 0 })],
  ])('is the one that the setup gives, %s', (_, change) => {
    const setup = tinySetup(change);
    expect(updatesDigest(setup, setup.phases.joint.steps)).toBe(updates(setup));
  });

  it('counts the steps that phase 3 took, not those that it might have taken', () => {
    const setup = tinySetup();
    expect(updatesDigest(setup, 7)).not.toBe(updatesDigest(setup, 8));
    expect(
      updatesDigest(
        { ...setup, phases: { ...setup.phases, pretrain: { steps: 0 }, dpo: { ...setup.phases.dpo, steps: 0 } } },
        0,
      ),
    ).toBe('');
  });

  it.each([
    [
      'learning rate',
      (setup: Setup) => {
        setup.optimiser.learningRate *= 0.5;
      },
    ],
    [
      'weight decay',
      (setup: Setup) => {
        setup.optimiser.weightDecay = 0;
      },
    ],
    [
      'beta',
      (setup: Setup) => {
        setup.beta = 0.2;
      },
    ],
    [
      'weight of a loss',
      (setup: Setup) => {
        setup.phases.joint.weights.useful = 0.6;
      },
    ],
    [
      'warm-up',
      (setup: Setup) => {
        setup.optimiser.warmupSteps = 3;
      },
    ],
    [
      'frozen half',
      (setup: Setup) => {
        setup.phases.dpo.trainable = 'first-half';
      },
    ],
  ])('has another digest of its updates for another %s', (_, change) => {
    expect(updatesDigest(tinySetup(change), 8)).not.toBe(updatesDigest(tinySetup(), 8));
  });
});

it('an update names its phase, its step, and exactly the parameters that it trains', () => {
  const setup = tinySetup(({ phases }) => Object.assign(phases.dpo, { trainable: 'first-half' }));
  const { dpo, joint } = recipeOf(setup);
  const all = parameterSpecifications(setup);
  expect(updatesOf(setup, joint)(3)).toEqual({
    phase: 'joint',
    step: 3,
    weights: setup.phases.joint.weights,
    beta: setup.beta,
    // The second step after a warm-up of two, in a phase of eight.
    learningRate: (setup.optimiser.learningRate * (1 + Math.cos(Math.PI / 8))) / 2,
    optimiser: setup.optimiser,
    trainable: all.map(({ name }) => name),
  });
  const half = all.filter(({ firstHalf }) => firstHalf).map(({ name }) => name);
  expect(half.length).toBeLessThan(all.length);
  expect(updatesOf(setup, dpo)(0).trainable).toEqual(half);
});
