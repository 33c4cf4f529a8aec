/** The recipe: a setup compiled once. What is expected here is written out, from the paper and from each field's meaning. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Role } from '../../src/passwords/roles.ts';
import { setups } from '../../src/properties/arbitraries.ts';
import {
  evaluationCount,
  evaluationSteps,
  freshTexts,
  isScheduled,
  LOSSES,
  lossOf,
  perLoss,
  recipeOf,
  scoredUnder,
  stops,
  usesReference,
} from '../../src/recipe/recipe.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Objective, Setup } from '../../src/setup/schema.ts';
import { tinySetup } from '../helpers/setups.ts';

/** `pocket` with all four losses in phase 3, each of a weight of its own. */
const every: Setup = {
  ...PRESETS['pocket-memorising'],
  phases: {
    pretrain: { steps: 200 },
    dpo: { steps: 800, trainable: 'first-half', stopAtHeldOutGuessRate: 0.3 },
    joint: {
      steps: 1_400,
      weights: { dpo: 1, useful: 0.5, random: 0.25, randomReverse: 0.125 },
      stopAtUsefulGuessRate: 2,
      usefulOrder: 'shuffled-passes',
    },
  },
};

const stream = (source: string, reward: string, prefix: string, loss: string) => ({ source, reward, prefix, loss });

describe('the recipe of a setup', () => {
  it('has next-token prediction on random text in phase 1, pairs in phase 2, and both with useful negatives in phase 3', () => {
    expect(recipeOf(every)).toEqual({
      pretrain: {
        phase: 'pretrain',
        steps: 200,
        streams: [stream('pretraining', 'imitated', 'regular', 'random')],
        weights: { dpo: 0, useful: 0, random: 1, randomReverse: 0 },
        trainable: 'all',
        scoredUnder: 'regular',
        stopAtUsefulGuessRate: null,
        stopAtHeldOutGuessRate: null,
      },
      dpo: {
        phase: 'dpo',
        steps: 800,
        streams: [stream('chosen', 'chosen', 'regular', 'dpo'), stream('negatives', 'rejected', 'regular', 'dpo')],
        weights: { dpo: 1, useful: 0, random: 0, randomReverse: 0 },
        trainable: 'first-half',
        scoredUnder: 'regular',
        stopAtUsefulGuessRate: null,
        stopAtHeldOutGuessRate: 0.3,
      },
      joint: {
        phase: 'joint',
        steps: 1_400,
        streams: [
          stream('chosen', 'chosen', 'regular', 'dpo'),
          stream('negatives', 'rejected', 'regular', 'dpo'),
          stream('useful', 'imitated', 'reverse', 'useful'),
          stream('jointRandom', 'imitated', 'regular', 'random'),
          stream('jointRandomReverse', 'imitated', 'reverse', 'randomReverse'),
        ],
        weights: { dpo: 1, useful: 0.5, random: 0.25, randomReverse: 0.125 },
        trainable: 'all',
        scoredUnder: 'reverse',
        stopAtUsefulGuessRate: 2,
        stopAtHeldOutGuessRate: null,
      },
    });
  });

  it('has no prefix anywhere where the setup uses none', () => {
    for (const { streams, scoredUnder } of Object.values(recipeOf({ ...every, prefixes: false }))) {
      expect(scoredUnder).toBe('none');
      for (const { prefix } of streams) expect(prefix).toBe('none');
    }
  });

  it('has passwords scored under `regular` in phases 1 and 2, and under `reverse` in phase 3', () => {
    const phases = ['pretrain', 'dpo', 'joint'] as const;
    expect(phases.map((phase) => scoredUnder(every, phase))).toEqual(['regular', 'regular', 'reverse']);
  });

  it('of any setup leaves out exactly the streams whose loss has the weight 0, and keeps the order of the others', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const { objective } = setup;
        const all = recipeOf({ ...every, objective }).joint.streams.map(({ source, loss }) => [source, loss] as const);
        const { weights } = setup.phases.joint;
        const kept = all.filter(([, loss]) => weights[loss] > 0);
        expect(recipeOf(setup).joint.streams.map(({ source, loss }) => [source, loss])).toEqual(kept);
      }),
    );
  });

  it.each([
    ['dpo', 6, 1, true],
    ['dpo', 6, 0, true],
    ['dpo', 0, 1, true],
    ['dpo', 0, 0, false],
    ['npo', 6, 1, true],
    ['simpo', 6, 1, false],
    ['gradient-ascent', 6, 1, false],
  ] as const)('of %s with %i steps of phase 2 and its weight %d in phase 3, needs the reference model: %s', (objective, steps, dpo, needed) => {
    const setup = tinySetup((draft) => {
      draft.objective = objective;
      draft.phases.dpo.steps = steps;
      draft.phases.joint.weights.dpo = dpo;
    });
    expect(usesReference(setup)).toBe(needed);
  });

  it.each<[Objective, boolean]>([
    ['dpo', true],
    ['gradient-ascent', false],
    ['npo', false],
    ['unlikelihood', false],
    ['ipo', true],
    ['kto', true],
    ['simpo', true],
    ['undial', false],
  ])('of %s gives the chosen sides: %s', (objective, given) => {
    const { dpo, joint } = recipeOf({ ...every, objective });
    for (const { streams } of [dpo, joint]) {
      expect(streams.some(({ source }) => source === 'chosen')).toBe(given);
      expect(streams.filter(({ source }) => source === 'negatives')).toHaveLength(1);
    }
  });
});

describe('a phase ends before its last step', () => {
  const { pretrain, dpo, joint } = recipeOf(every);

  it('in phase 3 as soon as the useful negatives pass the target, and not when they reach it', () => {
    expect([1.99, 2, 2.001].map((useful) => stops(joint, { heldOut: 0, useful }))).toEqual([false, false, true]);
    expect(stops({ ...joint, stopAtUsefulGuessRate: null }, { heldOut: 0, useful: 100 })).toBe(false);
  });

  it('in phase 2 as soon as the held-out ones are down to the target', () => {
    expect([0.31, 0.3, 0.29].map((heldOut) => stops(dpo, { heldOut, useful: 100 }))).toEqual([false, true, true]);
    expect(stops({ ...dpo, stopAtHeldOutGuessRate: null }, { heldOut: 0, useful: 0 })).toBe(false);
  });

  it('never in phase 1', () => {
    expect(stops(pretrain, { heldOut: 0, useful: 100 })).toBe(false);
  });
});

describe('a phase is evaluated', () => {
  const { paper, 'pocket-memorising': pocket } = PRESETS;

  it("after 1, 6, ..., 1196 steps in the paper's setup, and here at its end besides", () => {
    const steps = evaluationSteps(paper, 1_200);
    expect(steps.slice(0, 3)).toEqual([1, 6, 11]);
    expect(steps.slice(-2)).toEqual([1_196, 1_200]);
    expect(steps).toHaveLength(241);
    expect(isScheduled(paper.evaluation, 1_200)).toBe(false);
  });

  it('every so many steps where no first one is said, and not beyond an early end', () => {
    expect(evaluationSteps(pocket, 170)).toEqual([50, 100, 150, 170]);
    expect(evaluationSteps(pocket, 1_400, 120)).toEqual([50, 100]);
    expect(evaluationSteps(pocket, 0)).toEqual([]);
  });

  it('as often as is counted', () => {
    const wholes = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(wholes, fc.option(wholes), fc.nat(120), (every, first, steps) => {
        const setup = { evaluation: { ...pocket.evaluation, every, first } };
        expect(evaluationCount(setup, steps)).toBe(evaluationSteps(setup, steps).length);
      }),
    );
  });
});

it.each<[Role, 'chosen' | 'rejected' | 'imitated', string]>([
  ['chosen', 'chosen', 'dpo'],
  ['held-out', 'rejected', 'dpo'],
  ['useful', 'rejected', 'dpo'],
  ['useful', 'imitated', 'useful'],
  ['pretraining', 'imitated', 'random'],
  ['joint-random', 'imitated', 'random'],
  ['joint-random-reverse', 'imitated', 'randomReverse'],
  ['held-out', 'imitated', 'random'], // which the ledger stops
  ['chosen', 'imitated', 'random'], // and which no stream has
])('a sequence of the role %s that is %s enters the loss %s', (role, reward, loss) => {
  expect(lossOf({ role, reward })).toBe(loss);
});

it('random text is drawn for every row that imitates it, that of phase 3 whatever its weight', () => {
  expect(freshTexts(every)).toEqual({ pretraining: 3_200, jointRandom: 22_400, jointRandomReverse: 22_400 });
  const { phases } = every;
  const weights = { dpo: 1, useful: 0.5, random: 0, randomReverse: 0 };
  const fewer = { ...every, phases: { ...phases, joint: { ...phases.joint, weights } } };
  expect(freshTexts(fewer)).toEqual({ pretraining: 3_200, jointRandom: 22_400, jointRandomReverse: 0 });
});

it('something of each loss has a key for each loss, in the order in which a step adds them up', () => {
  expect(Object.keys(perLoss(() => 0))).toEqual([...LOSSES]);
  expect([...LOSSES].sort()).toEqual(Object.keys(PRESETS['pocket-memorising'].phases.joint.weights).sort());
});
