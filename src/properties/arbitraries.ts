/**
 * fast-check arbitraries of setups, for properties about them. Each field is drawn from its sensible range, edges often, and
 * shrinks to its value in the preset `pocket`: a counterexample shows which of its fields matter.
 */
import fc from 'fast-check';
import { leaves, withValue } from '../setup/fields.ts';
import { hasDefault } from '../setup/hash.ts';
import { ENGLISH_ALPHABET, PRESETS } from '../setup/presets.ts';
import {
  ACTIVATIONS,
  type Activation,
  FAMILIES,
  type Family,
  OBJECTIVES,
  type Objective,
  parseSetup,
  type Setup,
  STAND_INS,
  type StandIns,
  USEFUL_ORDERS,
  type UsefulOrder,
} from '../setup/schema.ts';
import { capacity, distinctPasswordsNeeded } from '../setup/sizes.ts';

/** How large the password space is, compared with the passwords that the setup draws. */
export type PasswordSpace =
  /** From just large enough to thousands of times larger. */
  | 'any'
  /** Every password that the alphabet and the length allow is drawn. */
  | 'saturated'
  /** 26 letters and a length of at least 10: streams never collide, so each role's draws depend only on its own stream. */
  | 'roomy';

export type SetupSize =
  /** Every size that builds in a fraction of a second: for properties that train nothing. Shrinks to `pocket`. */
  | 'any'
  /** Three phases of a few steps, which train in a second. Sizes shrink to 1, other fields to `pocket`. */
  | 'tiny';

/** Values of a field. @param base the one to shrink to @param edges drawn often @param free any value */
function field<Value>(base: Value, edges: readonly Value[], free: fc.Arbitrary<Value>): fc.Arbitrary<Value> {
  return fc.oneof(
    { withCrossShrink: true },
    { weight: 2, arbitrary: fc.constant(base) },
    { weight: 2, arbitrary: fc.constantFrom(base, ...edges) },
    { weight: 3, arbitrary: free },
  );
}

/** Whole numbers, which shrink towards `base` step by step. */
const whole = (base: number, min: number, max: number, ...edges: number[]): fc.Arbitrary<number> =>
  field(
    base,
    edges,
    fc.integer({ min: min - base, max: max - base }).map((offset) => base + offset),
  );

const real = (min: number, max: number) => fc.double({ min, max, noNaN: true });

/** Positive numbers of every magnitude from `min` to `max`. */
const magnitude = (base: number, min: number, max: number, ...edges: number[]): fc.Arbitrary<number> =>
  field(
    base,
    edges,
    real(Math.log(min), Math.log(max)).map((power) => Number(Math.exp(power).toPrecision(6))),
  );

const share = (base: number, max: number, ...edges: number[]) => field(base, edges, real(0, max));

const lossWeight = (base: number) => magnitude(base, 0.01, 10, 0, 0, 1e-6, 1e6);

/** One of a few values, the first of which is the one to shrink to. */
const among = <Value>(...values: Value[]) => field(values[0], values, fc.constantFrom(...values));

/** Distinct letters a-z, in any order. */
export function alphabets({ least = 2, most = 26 }: { least?: number; most?: number } = {}): fc.Arbitrary<string> {
  return fc
    .shuffledSubarray([...ENGLISH_ALPHABET], { minLength: least, maxLength: most })
    .map((letters) => letters.join(''));
}

const { pocket } = PRESETS;

/** What depends on the size of a setup. */
const SIZES = {
  any: {
    batch: whole(pocket.batch, 1, 24, 1),
    negativeBatches: whole(pocket.passwords.negativeBatches, 2, 24, 2),
    heldBatches: whole(pocket.passwords.heldBatches, 1, 24, 1, 24),
    repeats: whole(pocket.passwords.repeats, 1, 60, 1),
    pretrainSteps: whole(pocket.phases.pretrain.steps, 0, 300, 0, 1),
    dpoSteps: whole(pocket.phases.dpo.steps, 0, 900, 0, 1),
    jointSteps: whole(pocket.phases.joint.steps, 1, 1_500, 1),
    warmupSteps: whole(pocket.optimiser.warmupSteps, 0, 1_000, 0, 1e9),
    evaluation: {
      every: whole(pocket.evaluation.every, 1, 500, 1, 1e9),
      first: among(pocket.evaluation.first, null, 1, 5, 1e9),
      heldOut: whole(pocket.evaluation.heldOut, 1, 500, 1, 1e9),
      useful: whole(pocket.evaluation.useful, 1, 500, 1, 1e9),
      random: whole(pocket.evaluation.random, 1, 1_000, 1),
    },
    heads: whole(pocket.model.heads, 1, 16, 1),
    // Powers of two, so that a share of a head is a whole number of dimensions in floating point too.
    headDimensions: among(16, 2, 4, 8, 32, 64),
    layers: whole(pocket.model.layers, 1, 24, 1),
    intermediateFactor: whole(pocket.model.intermediateFactor, 1, 8, 1, 8 / 3),
    spareTokens: 50_000,
    pretrained: fc.constantFrom(null, null, 'EleutherAI/pythia-160m'),
    /** The most distinct passwords: `pocket` with any one field changed is left as it is. */
    passwords: 80_000,
    /** The most sequences that training is given. */
    sequences: 250_000,
  },
  tiny: {
    batch: whole(1, 1, 5),
    negativeBatches: whole(2, 2, 4),
    heldBatches: whole(1, 1, 4, 1, 4),
    repeats: whole(1, 1, 4),
    pretrainSteps: whole(1, 0, 4, 0),
    dpoSteps: whole(1, 0, 6, 0),
    jointSteps: whole(1, 1, 6),
    warmupSteps: whole(0, 0, 10, 1e9),
    evaluation: {
      every: whole(1, 1, 8, 1e9),
      first: among<number | null>(null, 1, 3, 1e9),
      heldOut: whole(1, 1, 20, 1e9),
      useful: whole(1, 1, 20, 1e9),
      random: whole(1, 1, 20, 129), // 129 leaves one password for a second chunk of scoring
    },
    heads: whole(1, 1, 3),
    headDimensions: among(8, 2, 4),
    layers: whole(1, 1, 3),
    intermediateFactor: whole(1, 1, 4, 8 / 3),
    spareTokens: 5,
    pretrained: fc.constantFrom(null, null),
    passwords: 1_000,
    sequences: 1_000,
  },
};
type Size = (typeof SIZES)[SetupSize];

/** Fields that may be drawn freely; {@link reconciled} settles what they rule out for each other. */
const drafts = (size: Size, alphabet: fc.Arbitrary<string>) =>
  fc.record({
    seed: field(pocket.seed, [0xffffffff], fc.integer({ min: 0, max: 0xffffffff })),
    alphabet,
    length: whole(pocket.passwords.length, 2, 16, 2, 2, 40),
    negativeBatches: size.negativeBatches,
    heldBatches: size.heldBatches,
    repeats: size.repeats,
    standIns: field<StandIns>('none', [], fc.constantFrom('none', 'none', ...STAND_INS)),
    batch: size.batch,
    prefixes: field(pocket.prefixes, [false], fc.boolean()),
    model: fc.record({
      pretrained: size.pretrained,
      weights: fc.constant(null),
      parallelResidual: field(pocket.model.parallelResidual, [false], fc.boolean()),
      activation: field<Activation>(pocket.model.activation, [], fc.constantFrom(...ACTIVATIONS)),
      tiedEmbeddings: field(pocket.model.tiedEmbeddings, [true], fc.boolean()),
      heads: size.heads,
      headDimensions: size.headDimensions,
      rotaryEighths: field(8 * pocket.model.rotaryFraction, [0, 8], fc.constantFrom(0, 2, 4, 6, 8)),
      layers: size.layers,
      intermediateFactor: size.intermediateFactor,
      rotaryBase: magnitude(pocket.model.rotaryBase, 10, 1e6, 1.5),
      layerNormEpsilon: magnitude(pocket.model.layerNormEpsilon, 1e-8, 1e-2, 1e-12, 1),
      spareTokens: field<number | null>(null, [0, 1], fc.integer({ min: 0, max: size.spareTokens })),
      initialDeviation: magnitude(pocket.model.initialDeviation, 1e-3, 1, 10),
      family: field<Family>(pocket.model.family, [], fc.constantFrom(...FAMILIES)),
      sharing: among(1, 2, 3),
    }),
    objective: field<Objective>('dpo', [], fc.constantFrom('dpo', 'dpo', ...OBJECTIVES)),
    beta: magnitude(pocket.beta, 0.01, 10, 1e-3, 1000),
    margin: field(0, [0, 1000], real(0, 2)),
    optimiser: fc.record({
      learningRate: magnitude(pocket.optimiser.learningRate, 1e-6, 0.1, 0, 1e-12, 1, 10),
      beta1: share(pocket.optimiser.beta1, 0.99, 0, 0.9999),
      beta2: share(pocket.optimiser.beta2, 0.9999, 0, 0.999999),
      epsilon: magnitude(pocket.optimiser.epsilon, 1e-10, 1e-4, 1e-12, 1),
      weightDecay: magnitude(pocket.optimiser.weightDecay, 1e-4, 1, 0, 10),
      warmupSteps: size.warmupSteps,
      clipNorm: magnitude(pocket.optimiser.clipNorm, 0.01, 100, 1e-6, 1e6),
    }),
    phases: fc.record({
      pretrain: fc.record({ steps: size.pretrainSteps }),
      dpo: fc.record({
        steps: size.dpoSteps,
        trainable: field<Trainable>(pocket.phases.dpo.trainable, ['all'], fc.constantFrom('all', 'first-half')),
        stopAtHeldOutGuessRate: field<number | null>(null, [null, 1e-6, 0.999999], real(0.01, 0.99)),
      }),
      joint: fc.record({
        steps: size.jointSteps,
        weights: fc.record({
          dpo: lossWeight(pocket.phases.joint.weights.dpo),
          useful: lossWeight(pocket.phases.joint.weights.useful),
          random: lossWeight(pocket.phases.joint.weights.random),
          randomReverse: field(0, [0.5, 1e6], real(0.01, 10)),
        }),
        stopAtUsefulGuessRate: field<number | null>(
          pocket.phases.joint.stopAtUsefulGuessRate,
          [null, 1.000001, 1e6],
          real(1.01, 5),
        ),
        usefulOrder: field<UsefulOrder>(pocket.phases.joint.usefulOrder, [], fc.constantFrom(...USEFUL_ORDERS)),
      }),
    }),
    evaluation: fc.record({
      ...size.evaluation,
      dissection: field(pocket.evaluation.dissection, [], fc.constantFrom(false, false, true)),
    }),
  });

type Trainable = Setup['phases']['dpo']['trainable'];

type Draft = ReturnType<typeof drafts> extends fc.Arbitrary<infer Value> ? Value : never;

/** The shortest length at which `letters` letters make at least `needed` passwords. */
function shortestLength(letters: number, needed: number): number {
  let length = 2;
  while (capacity(letters, length) < needed) length += 1;
  return length;
}

const sequencesOf = ({ batch, phases: { pretrain, dpo, joint } }: Setup): number =>
  batch * (pretrain.steps + 2 * dpo.steps + 5 * joint.steps);

/** Halves whichever count contributes most, until the setup is as small as its size allows. */
function shrunkTo({ passwords, sequences }: Size, setup: Setup): void {
  while (distinctPasswordsNeeded(setup) > passwords || sequencesOf(setup) > sequences) {
    const { pretrain, dpo, joint } = setup.phases;
    const counts = [
      { of: setup.passwords, key: 'repeats', count: setup.passwords.negativeBatches * setup.passwords.repeats },
      ...[pretrain, dpo, joint].map((of) => ({ of, key: 'steps', count: of.steps })),
    ];
    const [{ of, key }] = counts.toSorted((a, b) => b.count - a.count);
    const fields = of as unknown as Record<string, number>;
    if (fields[key] > 1) fields[key] = Math.floor(fields[key] / 2);
    else setup.batch = Math.max(1, Math.floor(setup.batch / 2));
  }
}

/** What a Llama cannot have otherwise. @param sharing heads of queries that share keys and values, if that divides them */
const asLlama = ({ heads, pretrained }: Setup['model'], sharing: number): Partial<Setup['model']> => ({
  pretrained: pretrained && 'HuggingFaceTB/SmolLM2-135M',
  keyValueHeads: sharing > 1 && heads % sharing === 0 ? heads / sharing : null,
  rotaryFraction: 1,
  parallelResidual: false,
});

/** Makes a valid setup of freely drawn fields. */
function reconciled(draft: Draft, name: string, size: Size, space: PasswordSpace): Setup {
  const { alphabet, length, negativeBatches, heldBatches, repeats, standIns, model, ...rest } = structuredClone(draft);
  const { spareTokens, headDimensions, rotaryEighths, sharing, ...shape } = model;
  const rotary = (headDimensions * rotaryEighths) / 8;
  const setup: Setup = {
    name,
    ...rest,
    passwords: {
      alphabet,
      length: 2,
      negativeBatches,
      heldBatches: Math.min(heldBatches, negativeBatches - 1),
      repeats,
      standIns,
    },
    model: {
      ...shape,
      hidden: shape.heads * headDimensions,
      keyValueHeads: null,
      rotaryFraction: rotary % 2 === 0 ? rotaryEighths / 8 : 0,
      vocabulary: spareTokens === null ? null : alphabet.length + 2 + spareTokens,
    },
  };
  if (shape.family === 'llama') Object.assign(setup.model, asLlama(setup.model, sharing));
  const { dpo, joint } = setup.phases;
  if (setup.objective !== 'simpo') setup.margin = 0;
  if (shape.layers === 1) dpo.trainable = 'all';
  if (Object.values(joint.weights).every((weight) => weight === 0)) joint.weights.dpo = 1;
  if (joint.weights.useful === 0) joint.stopAtUsefulGuessRate = null;
  shrunkTo(size, setup);
  const needed = distinctPasswordsNeeded(setup);
  const shortest = shortestLength(alphabet.length, needed);
  if (space === 'saturated') {
    setup.evaluation.random += capacity(alphabet.length, shortest) - needed;
    setup.passwords.length = shortest;
  } else {
    setup.passwords.length = Math.max(length, space === 'roomy' ? 10 : shortest);
  }
  return parseSetup(setup);
}

interface Drawn {
  readonly size?: SetupSize;
  readonly space?: PasswordSpace;
  /** Any, where it is left out. */
  readonly family?: Family;
}

/**
 * Valid setups.
 * @param size how large they are
 * @param space how full the password space is; 2 or 3 letters where it is `saturated`, all 26 where it is `roomy`
 * @param family of the model
 * @example fc.assert(fc.property(setups(), (setup) => buildCorpus(setup).heldOut.length > 0))
 */
export function setups({ size = 'tiny', space = 'any', family }: Drawn = {}): fc.Arbitrary<Setup> {
  const letters = {
    any: field(ENGLISH_ALPHABET, ['ab', 'ba', 'az'], alphabets()),
    saturated: alphabets({ most: 3 }),
    roomy: field(ENGLISH_ALPHABET, [], alphabets({ least: 26 })),
  }[space];
  const name = size === 'any' ? 'pocket' : 'tiny';
  return drafts(SIZES[size], letters).map((draft) => {
    const model = family === undefined ? draft.model : { ...draft.model, family };
    return reconciled({ ...draft, model }, name, SIZES[size], space);
  });
}

/** What setups shrink to. */
export const SMALLEST: Readonly<Record<SetupSize, Setup>> = {
  any: pocket,
  tiny: parseSetup({
    ...pocket,
    name: 'tiny',
    batch: 1,
    passwords: { ...pocket.passwords, negativeBatches: 2, heldBatches: 1, repeats: 1 },
    model: { ...pocket.model, hidden: 8, heads: 1, layers: 1, intermediateFactor: 1 },
    optimiser: { ...pocket.optimiser, warmupSteps: 0 },
    phases: {
      pretrain: { steps: 1 },
      dpo: { trainable: 'all', steps: 1 },
      joint: { ...pocket.phases.joint, steps: 1 },
    },
    evaluation: { every: 1, first: null, heldOut: 1, useful: 1, random: 1 },
  }),
};

/** A setup with one thing wrong. */
export interface NearlyValid {
  readonly input: unknown;
  /** The field that a refusal has to name. */
  readonly field: string;
  /** What is wrong with it, in words. */
  readonly wrong: string;
}

type Value = string | number | boolean | null | Readonly<Record<string, number>> | ((setup: Setup) => number | string);

interface Break {
  readonly field: string;
  readonly wrong: string;
  /** Values by path, set in this order. */
  readonly changes: Readonly<Record<string, Value>>;
}

/** Gives a field a value that it cannot have, or not beside the others. */
const put = (field: string, value: Value, wrong: string, others: Break['changes'] = {}): Break => ({
  field,
  wrong,
  changes: { ...others, [field]: value },
});

const LLAMA = { 'model.family': 'llama', 'model.rotaryFraction': 1, 'model.parallelResidual': false };

const BREAKS: readonly Break[] = [
  put('passwords.heldBatches', ({ passwords }) => passwords.negativeBatches, 'nothing is left useful'),
  put('passwords.heldBatches', ({ passwords }) => passwords.negativeBatches + 1, 'more held out than there is'),
  put('passwords.alphabet', 'ab', 'one password more than the letters make', {
    'passwords.length': (setup) => shortestLength(2, distinctPasswordsNeeded(setup)),
    'evaluation.random': (setup) =>
      setup.evaluation.random + 1 + capacity(2, setup.passwords.length) - distinctPasswordsNeeded(setup),
  }),
  put('margin', 0.5, 'a margin without SimPO', { objective: 'dpo' }),
  put('passwords.repeats', 1e8, 'more passwords than memory keeps', { 'passwords.length': 40 }),
  put('passwords.alphabet', ({ passwords: { alphabet } }) => alphabet.slice(0, 25) + alphabet[0], 'a letter twice'),
  put('model.heads', ({ model }) => model.hidden + 1, 'heads that do not divide the width', {
    'model.keyValueHeads': null,
  }),
  put('model.rotaryFraction', 0.25, 'an odd number of rotary dimensions', {
    'model.hidden': ({ model }) => 4 * model.heads,
  }),
  put('model.family', 'gpt-2', 'an unknown family'),
  put('model.keyValueHeads', 1, 'keys that GPT-NeoX does not share', { 'model.family': 'gpt-neox' }),
  put('model.keyValueHeads', ({ model }) => model.heads + 1, 'more keys than queries', LLAMA),
  put('model.keyValueHeads', ({ model }) => model.heads, 'a number where null says the same', LLAMA),
  put('model.rotaryFraction', 0, 'a Llama that does not turn its heads', LLAMA),
  put('model.parallelResidual', true, 'a parallel Llama', LLAMA),
  put('model.vocabulary', ({ passwords }) => passwords.alphabet.length + 1, 'no token for a prefix'),
  put('phases.dpo.trainable', 'first-half', 'half of one layer', { 'model.layers': 1 }),
  put('phases.joint.weights', { dpo: 0, useful: 0, random: 0, randomReverse: 0 }, 'no loss at all', {
    'phases.joint.stopAtUsefulGuessRate': null,
  }),
  put('phases.joint.stopAtUsefulGuessRate', 2, 'waiting for what is not trained', {
    'phases.joint.weights.dpo': 1,
    'phases.joint.weights.useful': 0,
  }),
  put('phases.joint.stopAtUsefulGuessRate', 1, 'a stop at chance'),
  put('phases.joint.steps', 0, 'no phase 3'),
  put('phases.dpo.steps', -1, 'steps below 0'),
  put('phases.dpo.trainable', 'second-half', 'an unknown part'),
  put('phases.joint.weights.useful', -0.5, 'a weight below 0'),
  put('passwords.alphabet', 'a', 'one letter'),
  put('passwords.alphabet', 'abC', 'a capital letter'),
  put('passwords.alphabet', 'аb', 'a Cyrillic letter'),
  put('passwords.length', 1, 'one letter a password'),
  put('passwords.length', 257, 'a password too long'),
  put('passwords.heldBatches', 0, 'nothing held out'),
  put('prefixes', 'regular', 'a prefix on one side only'),
  put('prefixes', 'reverse', 'a prefix on one side only'),
  put('batch', 0, 'an empty batch'),
  put('batch', 1.5, 'half a sequence'),
  put('batch', '16', 'a number as text'),
  put('beta', 0, 'a beta of 0'),
  put('beta', 1e9, 'a huge beta'),
  put('seed', 2 ** 32, 'a seed of 33 bits'),
  put('seed', -1, 'a seed below 0'),
  put('name', '../../etc/passwd', 'a path for a name'),
  put('name', '__proto__', 'the prototype for a name'),
  put('name', '', 'no name'),
  put('optimiser.learningRate', 11, 'a learning rate beyond reason'),
  put('optimiser.beta2', 1, 'a moment that never decays'),
  put('optimiser.clipNorm', 0, 'no gradient at all'),
  put('model.rotaryFraction', 1.5, 'more than the whole head'),
  put('model.layers', 1e6, 'a model beyond reason'),
  put('model.pretrained', '', 'an empty id'),
  put('model.activation', 'relu', 'an unknown nonlinearity'),
  put('model.weights', '0'.repeat(64), 'weights of no model', { 'model.pretrained': null }),
  put('evaluation.every', 0, 'an evaluation every 0 steps'),
];

const WRONG_TYPES = [undefined, {}, [], '', Number.NaN, Number.POSITIVE_INFINITY, 1e300, [16]] as const;

/** Setups that must be refused, each for one reason: a contradiction between fields, or a field of no allowed value. */
export function nearlyValidSetups(options: Drawn = {}): fc.Arbitrary<NearlyValid> {
  const broken = fc.tuple(setups(options), fc.constantFrom(...BREAKS)).map(([setup, { field, wrong, changes }]) => {
    const input = Object.entries(changes).reduce(
      (before, [path, value]) =>
        withValue(before, path.split('.'), typeof value === 'function' ? value(before) : value),
      setup,
    );
    return { input, field, wrong };
  });
  const fields = leaves(pocket).map(([path]) => path);
  const mistyped = fc
    .tuple(setups(options), fc.constantFrom(...fields), fc.constantFrom(...WRONG_TYPES))
    .filter(([, path, value]) => value !== undefined || !hasDefault(path))
    .map(([setup, path, value]) => ({
      input: withValue(setup, path, value),
      field: path.join('.'),
      wrong: value === undefined ? 'missing' : 'of another type',
    }));
  return fc.oneof({ weight: 3, arbitrary: broken }, { weight: 1, arbitrary: mistyped });
}
