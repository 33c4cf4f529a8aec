import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import {
  alphabets,
  nearlyValidSetups,
  type PasswordSpace,
  type SetupSize,
  SMALLEST,
  setups,
} from '../../src/properties/arbitraries.ts';
import { differences, leaves, valueAt } from '../../src/setup/fields.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup, SetupError } from '../../src/setup/schema.ts';
import { capacity, distinctPasswordsNeeded, negatives, pairs, useful } from '../../src/setup/sizes.ts';

const SPACES: PasswordSpace[] = ['any', 'saturated', 'roomy'];
const spaceOf = ({ passwords }: Setup) => capacity(passwords.alphabet.length, passwords.length);

describe('drawn setups', () => {
  it.each(SPACES)('(tiny, %s) are small enough to build and train in a spec', (space) => {
    fc.assert(
      fc.property(setups({ space }), (setup) => {
        const { pretrain, dpo, joint } = setup.phases;
        expect(pretrain.steps + dpo.steps + joint.steps).toBeLessThanOrEqual(16);
        expect(negatives(setup)).toBeLessThanOrEqual(20);
        expect(setup.model.hidden).toBeLessThanOrEqual(24);
        expect(buildCorpus(setup).control).toHaveLength(setup.evaluation.random);
      }),
    );
  });

  it('(any) draw at most 80,000 passwords and give training at most 250,000 sequences', () => {
    fc.assert(
      fc.property(setups({ size: 'any' }), (setup) => {
        const { pretrain, dpo, joint } = setup.phases;
        expect(distinctPasswordsNeeded(setup)).toBeLessThanOrEqual(80_000);
        expect(setup.batch * (pretrain.steps + 2 * dpo.steps + 4 * joint.steps)).toBeLessThanOrEqual(250_000);
      }),
    );
  });

  it('leave no password over where the space is saturated', () => {
    fc.assert(
      fc.property(setups({ space: 'saturated' }), (setup) => distinctPasswordsNeeded(setup) === spaceOf(setup)),
    );
  });

  it('leave so much room where it is roomy that two draws never collide', () => {
    // The probability that any two of n draws from a space of s agree is below n^2 / 2s.
    fc.assert(
      fc.property(
        setups({ space: 'roomy' }),
        (setup) => distinctPasswordsNeeded(setup) ** 2 / 2 / spaceOf(setup) < 1e-6,
      ),
    );
  });

  it.each<[SetupSize, string[]]>([
    ['any', ['model.weights', 'name']],
    ['tiny', ['model.pretrained', 'model.weights', 'name']],
  ])('(%s) vary every field but %s', (size, expected) => {
    const sample = fc.sample(setups({ size }), { numRuns: 300, seed: 1 });
    const constant = leaves(sample[0])
      .map(([path]) => path)
      .filter((path) => new Set(sample.map((setup) => valueAt(setup, path))).size === 1)
      .map((path) => path.join('.'));
    expect(constant.toSorted()).toEqual(expected);
  });

  it.each<[string, (setup: Setup) => boolean]>([
    ['of one useful negative', (setup) => useful(setup) === 1],
    [
      'that hold all but one batch out',
      ({ passwords: { heldBatches, negativeBatches } }) => heldBatches === negativeBatches - 1 && negativeBatches > 2,
    ],
    ['of two letters', ({ passwords }) => passwords.alphabet.length === 2],
    ['of passwords of two letters', ({ passwords }) => passwords.length === 2],
    ['without prefixes', ({ prefixes }) => !prefixes],
    ['with a frozen second half', ({ phases }) => phases.dpo.trainable === 'first-half'],
    ['with a single layer', ({ model }) => model.layers === 1],
    ['that skip phase 1', ({ phases }) => phases.pretrain.steps === 0],
    ['that skip phase 2', ({ phases }) => phases.dpo.steps === 0],
    ['without DPO in phase 3', ({ phases }) => phases.joint.weights.dpo === 0],
    ['with DPO only in phase 3', ({ phases: { joint } }) => joint.weights.useful + joint.weights.random === 0],
    ['with a stop rule', ({ phases }) => phases.joint.stopAtUsefulGuessRate !== null],
    ['with spare tokens', ({ model, passwords }) => (model.vocabulary ?? 0) > passwords.alphabet.length + 2],
    ['with all of each head turned', ({ model }) => model.rotaryFraction === 1],
    ['without rotary embeddings', ({ model }) => model.rotaryFraction === 0],
    [
      'with more held-out than useful',
      ({ passwords: { heldBatches, negativeBatches } }) => heldBatches > negativeBatches / 2,
    ],
    ['of one sequence a batch', ({ batch }) => batch === 1],
    [
      'whose last pass over the pairs is cut short',
      (setup) => (setup.phases.dpo.steps * setup.batch) % pairs(setup) > 0,
    ],
    [
      'whose last chunk of scored passwords holds one',
      ({ evaluation }) => evaluation.random % 128 === 1 && evaluation.random > 1,
    ],
    ['that score more passwords than there are', (setup) => setup.evaluation.heldOut > negatives(setup)],
    ['that learn nothing', ({ optimiser }) => optimiser.learningRate === 0],
    ['that learn absurdly fast', ({ optimiser }) => optimiser.learningRate >= 1],
  ])('include setups %s', (_, is) => {
    expect(fc.sample(setups(), { numRuns: 500, seed: 1 }).some(is)).toBe(true);
  });

  const smallest = (size: SetupSize, fails: (setup: Setup) => boolean): Setup => {
    const property = fc.property(setups({ size }), (setup) => !fails(setup));
    const { counterexample } = fc.check(property, { seed: 1 }) as unknown as { counterexample: [Setup] };
    return counterexample[0];
  };

  it('(any) shrink to `pocket`, and keep of a counterexample only the field that matters', () => {
    expect(smallest('any', () => true)).toEqual(PRESETS.pocket);
    expect(
      differences(
        smallest('any', ({ batch }) => batch > 20),
        PRESETS.pocket,
      ),
    ).toEqual(['batch=21']);
    expect(
      differences(
        smallest('any', ({ prefixes }) => !prefixes),
        PRESETS.pocket,
      ),
    ).toEqual(['prefixes=false']);
  });

  it('(tiny) shrink to one of everything that has a size, and to `pocket` otherwise', () => {
    expect(smallest('tiny', () => true)).toEqual(SMALLEST.tiny);
    expect(
      differences(
        smallest('tiny', ({ beta }) => beta > 5),
        SMALLEST.tiny,
      ),
    ).toHaveLength(1);
    expect(SMALLEST.tiny).toMatchObject({ beta: PRESETS.pocket.beta, prefixes: true, batch: 1, model: { layers: 1 } });
  });
});

describe('nearly valid setups', () => {
  it('are refused, each with the field that is wrong', () => {
    fc.assert(
      fc.property(nearlyValidSetups(), ({ input, field }) => {
        expect(() => parseSetup(input)).toThrow(SetupError);
        expect(() => parseSetup(input)).toThrow(`  ${field}:`);
      }),
      { numRuns: 500 },
    );
  });

  it('differ from a valid setup in what is wrong alone', () => {
    fc.assert(
      fc.property(nearlyValidSetups(), ({ input, field }) => {
        try {
          parseSetup(input);
        } catch (error) {
          expect(
            (error as Error).message
              .split('\n')
              .slice(1)
              .every((line) => line.includes(`  ${field}`)),
          ).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('drawn alphabets', () => {
  it('hold distinct letters, as many as asked for', () => {
    const bounds = fc.tuple(fc.integer({ min: 2, max: 26 }), fc.integer({ min: 2, max: 26 }));
    fc.assert(
      fc.property(
        bounds.chain(([a, b]) => {
          const [least, most] = [Math.min(a, b), Math.max(a, b)];
          return fc.tuple(fc.constant({ least, most }), alphabets({ least, most }));
        }),
        ([{ least, most }, alphabet]) => {
          expect(alphabet).toMatch(/^[a-z]+$/);
          expect(new Set(alphabet).size).toBe(alphabet.length);
          expect(alphabet.length).toBeGreaterThanOrEqual(least);
          expect(alphabet.length).toBeLessThanOrEqual(most);
        },
      ),
    );
  });
});
