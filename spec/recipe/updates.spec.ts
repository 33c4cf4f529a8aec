import { describe, expect, it } from 'vitest';
import { parameterSpecifications } from '../../src/model/specifications.ts';
import { recipeOf } from '../../src/recipe/recipe.ts';
import { updatesDigest, updatesOf } from '../../src/recipe/updates.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { tinySetup } from '../helpers/setups.ts';
import { updates } from './expected-updates.ts';

/** The steps of tinySetup's phases. */
const ALL = { pretrain: 4, dpo: 6, joint: 8 };

describe('the digest of all updates', () => {
  it.each<[string, (setup: Setup) => void]>([
    ['as it is', () => {}],
    ['without prefixes', (setup) => Object.assign(setup, { prefixes: false })],
    ['with every loss', (setup) => Object.assign(setup.phases.joint.weights, { randomReverse: 0.5 })],
    ['with the second half frozen', (setup) => Object.assign(setup.phases.dpo, { trainable: 'first-half' })],
    ['without phase 2', (setup) => Object.assign(setup.phases.dpo, { steps: 0 })],
    ['with another objective', (setup) => Object.assign(setup, { objective: 'simpo', margin: 0.5 })],
  ])('is the one that the setup gives, %s', (_, change) => {
    const setup = tinySetup(change);
    expect(updatesDigest(setup, { ...ALL, dpo: setup.phases.dpo.steps })).toBe(updates(setup));
  });

  it('counts the steps that phases took, not those that they might have taken', () => {
    const setup = tinySetup();
    expect(updatesDigest(setup, { ...ALL, joint: 7 })).not.toBe(updatesDigest(setup, ALL));
    expect(updatesDigest(setup, { ...ALL, dpo: 5 })).not.toBe(updatesDigest(setup, ALL));
    expect(updatesDigest(setup, { pretrain: 0, dpo: 0, joint: 0 })).toBe('');
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
      'objective',
      (setup: Setup) => {
        setup.objective = 'npo';
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
    expect(updatesDigest(tinySetup(change), ALL)).not.toBe(updatesDigest(tinySetup(), ALL));
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
    objective: 'dpo',
    beta: setup.beta,
    margin: 0,
    // The second step after a warm-up of two, in a phase of eight.
    learningRate: (setup.optimiser.learningRate * (1 + Math.cos(Math.PI / 8))) / 2,
    optimiser: setup.optimiser,
    trainable: all.map(({ name }) => name),
  });
  const half = all.filter(({ firstHalf }) => firstHalf).map(({ name }) => name);
  expect(half.length).toBeLessThan(all.length);
  expect(updatesOf(setup, dpo)(0).trainable).toEqual(half);
});
