import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setups } from '../../src/properties/arbitraries.ts';
import { leaves, withValue } from '../../src/setup/fields.ts';
import { hasDefault } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup, SetupError } from '../../src/setup/schema.ts';
import { branches } from '../helpers/branches.ts';
import { asLlama, tinySetup } from '../helpers/setups.ts';

/** What parseSetup says against `input`. Fails where it says nothing, or throws anything but a SetupError. */
function refusal(input: unknown): string {
  try {
    parseSetup(input);
  } catch (error) {
    expect(error).toBeInstanceOf(SetupError);
    return (error as SetupError).message;
  }
  throw new Error('this setup was accepted');
}

/** The lines of a refusal that name a field, as [field, reason]. */
const complaints = (message: string): string[][] =>
  message
    .split('\n')
    .slice(1)
    .map((line) =>
      line
        .trim()
        .split(/: (.*)/s)
        .slice(0, 2),
    );

const fields = leaves(PRESETS.pocket).map(([path]) => path);
const numericFields = leaves(PRESETS.paper)
  .filter(([, value]) => typeof value === 'number')
  .map(([path]) => path);

const IMPOSSIBLE: [claim: string, change: (setup: Setup) => void, field: string, reason: RegExp][] = [
  [
    'every negative is held out, so that none is useful',
    (setup) => (setup.passwords.heldBatches = setup.passwords.negativeBatches),
    'passwords.heldBatches',
    /2 of 2 negative batches held out leaves no useful negatives; hold out at most 1/,
  ],
  [
    'more negatives are held out than there are',
    (setup) => (setup.passwords.heldBatches = 3),
    'passwords.heldBatches',
    /3 of 2 .* no useful/,
  ],
  ['none is held out', (setup) => (setup.passwords.heldBatches = 0), 'passwords.heldBatches', /small/i],
  ['there are no negatives', (setup) => (setup.passwords.negativeBatches = 0), 'passwords.negativeBatches', /small/i],
  [
    'the alphabet is too small for as many distinct passwords',
    (setup) => (setup.passwords.alphabet = 'ab'),
    'passwords.alphabet',
    /2 letters make only 16 passwords of length 4, and this setup draws 86 distinct ones/,
  ],
  [
    'a run could not keep its passwords in memory',
    (setup) => Object.assign(setup.passwords, { length: 16, repeats: 2_000_000 }),
    'passwords.repeats',
    /16000062 distinct passwords and a run keeps at most 16000000/,
  ],
  [
    'the alphabet repeats a letter',
    (setup) => (setup.passwords.alphabet = 'abcdea'),
    'passwords.alphabet',
    /must not repeat a letter/,
  ],
  [
    'the alphabet holds something else than a letter',
    (setup) => (setup.passwords.alphabet = 'abcdé'),
    'passwords.alphabet',
    /lower-case letters/,
  ],
  [
    'the alphabet has one letter',
    (setup) => (setup.passwords.alphabet = 'a'),
    'passwords.alphabet',
    /at least 2 letters/,
  ],
  ['passwords have one letter', (setup) => (setup.passwords.length = 1), 'passwords.length', /small/i],
  [
    'heads do not divide the hidden size',
    (setup) => (setup.model.heads = 3),
    'model.heads',
    /3 heads do not divide.*16/,
  ],
  [
    'rotary embeddings would turn an odd number of dimensions',
    (setup) => (setup.model.rotaryFraction = 0.375),
    'model.rotaryFraction',
    /0.375 of a head of 8 dimensions is 3, .* even/,
  ],
  [
    'rotary embeddings would turn part of a dimension',
    (setup) => (setup.model.rotaryFraction = 0.3),
    'model.rotaryFraction',
    /0.3 of a head of 8 dimensions is 2.4/,
  ],
  [
    'rotary embeddings would turn more than the head',
    (setup) => (setup.model.rotaryFraction = 1.5),
    'model.rotaryFraction',
    /big/i,
  ],
  [
    'GPT-NeoX would share keys',
    (setup) => (setup.model.keyValueHeads = 1),
    'model.keyValueHeads',
    /GPT-NeoX has as many heads of keys and values as of queries; set it to null/,
  ],
  [
    'keys would be shared by a part of a head',
    (setup) => asLlama(setup, { heads: 4, keyValueHeads: 3 }),
    'model.keyValueHeads',
    /3 heads of keys and values do not divide 4 heads of queries/,
  ],
  [
    'a number says what null says',
    (setup) => asLlama(setup, { heads: 4, keyValueHeads: 4 }),
    'model.keyValueHeads',
    /4 are as many as the heads of queries, for which null stands/,
  ],
  [
    'Llama would turn half of a head',
    (setup) => asLlama(setup, { rotaryFraction: 0.5 }),
    'model.rotaryFraction',
    /Llama turns each head as a whole, and not 0.5 of it; set it to 1/,
  ],
  [
    'Llama would be parallel',
    (setup) => asLlama(setup, { parallelResidual: true }),
    'model.parallelResidual',
    /reads the sum of input and attention; set it to false/,
  ],
  ['there is no such family', (setup) => Object.assign(setup.model, { family: 'gpt-2' }), 'model.family', /llama/],
  [
    'the vocabulary cannot hold the letters and two prefixes',
    (setup) => (setup.model.vocabulary = 27),
    'model.vocabulary',
    /27 tokens cannot hold 26 letters and 2 prefixes/,
  ],
  [
    'a model of one layer has no first half',
    (setup) => {
      setup.model.layers = 1;
      setup.phases.dpo.trainable = 'first-half';
    },
    'phases.dpo.trainable',
    /one layer has no first half/,
  ],
  [
    'phase 3 has no loss',
    (setup) => (setup.phases.joint.weights = { dpo: 0, useful: 0, random: 0, randomReverse: 0 }),
    'phases.joint.weights',
    /all weights are 0/,
  ],
  [
    'the stop rule waits for passwords that are not trained on',
    (setup) => {
      setup.phases.joint.weights.useful = 0;
      setup.phases.joint.stopAtUsefulGuessRate = 2;
    },
    'phases.joint.stopAtUsefulGuessRate',
    /weight is 0; set it to null/,
  ],
  [
    'the stop rule is met by chance',
    (setup) => (setup.phases.joint.stopAtUsefulGuessRate = 1),
    'phases.joint.stopAtUsefulGuessRate',
    /big|small/i,
  ],
  ['a weight is negative', (setup) => (setup.phases.joint.weights.dpo = -1), 'phases.joint.weights.dpo', /small/i],
  ['phase 3 has no steps', (setup) => (setup.phases.joint.steps = 0), 'phases.joint.steps', /small/i],
  ['a phase has a negative number of steps', (setup) => (setup.phases.dpo.steps = -1), 'phases.dpo.steps', /small/i],
  ['a batch is no whole number', (setup) => (setup.batch = 1.5), 'batch', /int/],
  ['the batch is empty', (setup) => (setup.batch = 0), 'batch', /small/i],
  ['beta is 0', (setup) => (setup.beta = 0), 'beta', /small/i],
  ['the objective is unknown', (setup) => Object.assign(setup, { objective: 'ppo' }), 'objective', /"dpo"\|/],
  [
    'there is a margin without SimPO',
    (setup) => (setup.margin = 0.5),
    'margin',
    /constant of SimPO, and the objective is dpo/,
  ],
  [
    'phase 2 is to end where it begins',
    (setup) => (setup.phases.dpo.stopAtHeldOutGuessRate = 1),
    'phases.dpo.stopAtHeldOutGuessRate',
    /big/i,
  ],
  ['the gradient may not have a norm', (setup) => (setup.optimiser.clipNorm = 0), 'optimiser.clipNorm', /small/i],
  ['a moment never decays', (setup) => (setup.optimiser.beta2 = 1), 'optimiser.beta2', /big/i],
  ['the seed has more than 32 bits', (setup) => (setup.seed = 2 ** 32), 'seed', /big/i],
  ['the name could not be a file name', (setup) => (setup.name = '../up'), 'name', /letters, digits and dashes/],
  [
    'an unknown part of the model is to be trained',
    (setup) => Object.assign(setup.phases.dpo, { trainable: 'second-half' }),
    'phases.dpo.trainable',
    /"all"\|"first-half"/,
  ],
];

describe('a setup is refused, with the field and the reason, when', () => {
  it.each(IMPOSSIBLE)('%s', (_, change, field, reason) => {
    const setup = structuredClone(tinySetup());
    change(setup);
    const found = complaints(refusal(setup)).filter(([name]) => name === field);
    expect(found.map(([, text]) => text)).toEqual([expect.stringMatching(reason)]);
  });

  it.each(numericFields.map((path) => [path.join('.'), path] as const))('%s is NaN or infinite', (name, path) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      expect(complaints(refusal(withValue(PRESETS.paper, path, value))).map(([field]) => field)).toEqual([name]);
    }
  });

  it.each(fields.map((path) => [path.join('.'), path] as const))('%s is missing or of another type', (name, path) => {
    for (const value of [undefined, {}, [], '', 10n]) {
      const changed = withValue(PRESETS['pocket-memorising'], path, value);
      // What setups did not have from the start may be left out, and is then as it was before.
      if (value === undefined && hasDefault(path)) expect(parseSetup(changed)).toEqual(PRESETS['pocket-memorising']);
      else expect(complaints(refusal(changed)).map(([field]) => field)).toContain(name);
    }
  });

  it.each(
    branches(PRESETS.pocket).map((path) => [path.join('.') || 'setup', path] as const),
  )('%s holds an unknown key, the prototype of every object included', (name, path) => {
    for (const key of ['unknown', '__proto__', 'constructor', 'toString']) {
      const message = refusal(JSON.parse(JSON.stringify(withValue(PRESETS.pocket, [...path, key], { polluted: 1 }))));
      expect(complaints(message)).toEqual([[name, expect.stringContaining(`"${key}"`)]]);
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('it is anything else than an object', () => {
    for (const input of [null, undefined, 3, 'pocket', [PRESETS.pocket], () => PRESETS.pocket]) {
      expect(refusal(input)).toMatch(/expected object/);
    }
  });

  it('fields that are each well-formed contradict each other in several ways, all of which are named', () => {
    const setup = structuredClone(tinySetup());
    setup.model.heads = 3;
    setup.model.vocabulary = 5;
    setup.passwords.alphabet = 'abc';
    setup.passwords.length = 2;
    setup.phases.joint.weights = { dpo: 0, useful: 0, random: 0, randomReverse: 0 };
    const named = complaints(refusal(setup)).map(([field]) => field);
    expect(named).toEqual(['passwords.alphabet', 'model.heads', 'phases.joint.weights']);
  });
});

describe('parsing a setup', () => {
  it('gives back every valid setup unchanged, also after a round trip through JSON', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        expect(parseSetup(setup)).toEqual(setup);
        expect(parseSetup(JSON.parse(JSON.stringify(setup)))).toEqual(setup);
      }),
    );
  });

  it('accepts a password space that is exactly full, and refuses one more password', () => {
    fc.assert(
      fc.property(setups({ space: 'saturated' }), (setup) => {
        expect(parseSetup(setup)).toEqual(setup);
        const crowded = withValue(setup, ['evaluation', 'random'], setup.evaluation.random + 1);
        expect(complaints(refusal(crowded)).map(([field]) => field)).toEqual(['passwords.alphabet']);
      }),
    );
  });

  it('refuses or accepts whatever JSON stands in any field, and never fails in another way', () => {
    const anyField = fc.constantFrom(...fields, ...branches(PRESETS.pocket).slice(1));
    const anyValue = fc.oneof(fc.jsonValue(), fc.double(), fc.integer(), fc.constant(undefined));
    fc.assert(
      fc.property(fc.array(fc.tuple(anyField, anyValue), { minLength: 1, maxLength: 4 }), (changes) => {
        let input: unknown = PRESETS.pocket;
        for (const [path, value] of changes) {
          try {
            input = withValue(input, path, value);
          } catch {
            // An earlier change has put a plain value where this path leads through.
          }
        }
        try {
          parseSetup(input);
        } catch (error) {
          expect(error).toBeInstanceOf(SetupError);
          expect(complaints((error as SetupError).message).length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('says of an ill-formed field only what is wrong with its form', () => {
    // A count of 0 heads would also "not divide" the hidden size, and 0 letters "make only 0 passwords".
    expect(complaints(refusal(withValue(PRESETS.pocket, ['model', 'heads'], 0)))).toHaveLength(1);
    expect(complaints(refusal(withValue(PRESETS.pocket, ['passwords', 'alphabet'], '')))).toHaveLength(1);
    expect(complaints(refusal(withValue(PRESETS.pocket, ['passwords', 'length'], 1)))).toHaveLength(1);
  });
});
