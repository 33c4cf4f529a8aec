/**
 * fast-check arbitraries of valid setups that build in a millisecond and train in seconds, to fuzz with. They need
 * fast-check, which the caller installs.
 */
import fc from 'fast-check';
import { ENGLISH_ALPHABET } from './presets.ts';
import { parseSetup, type Setup } from './schema.ts';
import { capacity, distinctPasswordsNeeded } from './sizes.ts';

/** How much room the password space leaves beside the passwords that the setup draws. */
export type PasswordSpace =
  /** From just enough to thousands of times too much. */
  | 'any'
  /** Every password that the alphabet and the length allow is drawn. */
  | 'saturated'
  /** 26 letters and at least 10 of them: streams never collide, so that each role's draws depend on its own stream alone. */
  | 'roomy';

/** Distinct letters a-z, in any order. */
export function alphabets({ least = 2, most = 26 }: { least?: number; most?: number } = {}): fc.Arbitrary<string> {
  return fc
    .shuffledSubarray([...ENGLISH_ALPHABET], { minLength: least, maxLength: most })
    .map((letters) => letters.join(''));
}

/** The shortest length at which `letters` letters make at least `needed` passwords. */
function shortestLength(letters: number, needed: number): number {
  let length = 2;
  while (capacity(letters, length) < needed) length += 1;
  return length;
}

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const upTo = (max: number) => fc.integer({ min: 0, max });
const lossWeight = fc.oneof(fc.constant(0), number(0.1, 1));

const models = fc
  .record({
    heads: fc.integer({ min: 1, max: 3 }),
    // Powers of two, so that a share of a head is a whole number of dimensions in floating point too.
    headDimensions: fc.constantFrom(2, 4, 8),
    rotaryEighths: fc.constantFrom(0, 2, 4, 8),
    layers: fc.integer({ min: 1, max: 3 }),
    intermediateFactor: fc.integer({ min: 1, max: 4 }),
    spareTokens: fc.option(upTo(5)),
    initialDeviation: number(0.01, 0.2),
  })
  .map(({ headDimensions, rotaryEighths, spareTokens, heads, ...model }) => ({
    ...model,
    heads,
    hidden: heads * headDimensions,
    rotaryFraction: ((headDimensions * rotaryEighths) / 8) % 2 === 0 ? rotaryEighths / 8 : 0,
    spareTokens,
  }));

const optimisers = fc.record({
  learningRate: number(1e-5, 1e-2),
  beta1: number(0, 0.95),
  beta2: number(0.5, 0.9999),
  epsilon: number(1e-10, 1e-6),
  weightDecay: number(0, 0.1),
  warmupSteps: upTo(10),
  clipNorm: number(0.1, 10),
});

const phases = fc.record({
  pretrain: fc.record({ steps: upTo(4) }),
  dpo: fc.record({ steps: upTo(6), trainable: fc.constantFrom('all' as const, 'first-half' as const) }),
  joint: fc.record({
    steps: fc.integer({ min: 1, max: 6 }),
    weights: fc.record({ dpo: lossWeight, useful: lossWeight, random: lossWeight, randomReverse: lossWeight }),
    stopAtUsefulGuessRate: fc.option(number(1.1, 5)),
  }),
});

/** Fields that may be drawn freely; what they rule out for each other is settled in {@link reconciled}. */
const drafts = fc.record({
  seed: upTo(0xffffffff),
  negativeBatches: fc.integer({ min: 2, max: 4 }),
  heldShare: upTo(11),
  repeats: fc.integer({ min: 1, max: 4 }),
  spareLength: upTo(3),
  batch: fc.integer({ min: 1, max: 5 }),
  prefixes: fc.boolean(),
  model: models,
  beta: number(0.05, 2),
  optimiser: optimisers,
  phases,
  evaluation: fc.record({
    every: fc.integer({ min: 1, max: 8 }),
    heldOut: fc.integer({ min: 1, max: 20 }),
    useful: fc.integer({ min: 1, max: 20 }),
    random: fc.integer({ min: 1, max: 20 }),
  }),
});

type Draft = typeof drafts extends fc.Arbitrary<infer Value> ? Value : never;

/** Makes a valid setup of freely drawn fields. */
function reconciled(draft: Draft, alphabet: string, space: PasswordSpace): Setup {
  const { negativeBatches, heldShare, repeats, spareLength, model, ...rest } = structuredClone(draft);
  const { spareTokens, ...shape } = model;
  const setup: Setup = {
    name: 'fuzzed',
    ...rest,
    passwords: { alphabet, length: 2, negativeBatches, heldBatches: 1 + (heldShare % (negativeBatches - 1)), repeats },
    model: {
      pretrained: null,
      ...shape,
      rotaryBase: 10_000,
      layerNormEpsilon: 1e-5,
      vocabulary: spareTokens === null ? null : alphabet.length + 2 + spareTokens,
    },
  };
  const { dpo, joint } = setup.phases;
  if (model.layers === 1) dpo.trainable = 'all';
  if (Object.values(joint.weights).every((weight) => weight === 0)) joint.weights.dpo = 1;
  if (joint.weights.useful === 0) joint.stopAtUsefulGuessRate = null;
  const needed = distinctPasswordsNeeded(setup);
  const length = space === 'roomy' ? 10 : shortestLength(alphabet.length, needed);
  setup.passwords.length = length + (space === 'saturated' ? 0 : spareLength);
  if (space === 'saturated') setup.evaluation.random += capacity(alphabet.length, length) - needed;
  return parseSetup(setup);
}

/**
 * Valid setups of three short phases, at most 20 negatives and a model of at most 24 dimensions.
 * @param space how full the password space is; 2 or 3 letters where it is `saturated`, all 26 where it is `roomy`
 * @example fc.assert(fc.property(setups(), (setup) => buildCorpus(setup).heldOut.length > 0))
 */
export function setups(space: PasswordSpace = 'any'): fc.Arbitrary<Setup> {
  const letters = { any: alphabets(), saturated: alphabets({ most: 3 }), roomy: alphabets({ least: 26 }) }[space];
  return fc.tuple(drafts, letters).map(([draft, alphabet]) => reconciled(draft, alphabet, space));
}
