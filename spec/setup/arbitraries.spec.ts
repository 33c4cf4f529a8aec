import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import { alphabets, type PasswordSpace, setups } from '../../src/setup/arbitraries.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { capacity, distinctPasswordsNeeded, negatives } from '../../src/setup/sizes.ts';
import { leaves, valueAt } from './leaves.ts';

const SPACES: PasswordSpace[] = ['any', 'saturated', 'roomy'];
const spaceOf = ({ passwords }: Setup) => capacity(passwords.alphabet.length, passwords.length);

describe('drawn setups', () => {
  it.each(SPACES)('(%s) are small enough to build and train in a spec', (space) => {
    fc.assert(
      fc.property(setups(space), (setup) => {
        const { pretrain, dpo, joint } = setup.phases;
        expect(pretrain.steps + dpo.steps + joint.steps).toBeLessThanOrEqual(16);
        expect(negatives(setup)).toBeLessThanOrEqual(20);
        expect(setup.model.hidden).toBeLessThanOrEqual(24);
        expect(buildCorpus(setup).control).toHaveLength(setup.evaluation.random);
      }),
    );
  });

  it('leave no password over where the space is saturated', () => {
    fc.assert(fc.property(setups('saturated'), (setup) => distinctPasswordsNeeded(setup) === spaceOf(setup)));
  });

  it('leave so much room where it is roomy that two draws never collide', () => {
    // The probability that any two of n draws from a space of s agree is below n^2 / 2s.
    fc.assert(fc.property(setups('roomy'), (setup) => distinctPasswordsNeeded(setup) ** 2 / 2 / spaceOf(setup) < 1e-6));
  });

  it('vary every field but the name, the pretrained weights and two constants of the architecture', () => {
    const sample = fc.sample(setups(), { numRuns: 200, seed: 1 });
    const constant = leaves(sample[0])
      .map(([path]) => path)
      .filter((path) => new Set(sample.map((setup) => valueAt(setup, path))).size === 1)
      .map((path) => path.join('.'));
    expect(constant.toSorted()).toEqual(['model.layerNormEpsilon', 'model.pretrained', 'model.rotaryBase', 'name']);
  });

  it.each<[string, (setup: Setup) => boolean]>([
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
    ['that score more passwords than there are', (setup) => setup.evaluation.heldOut > negatives(setup)],
  ])('include setups %s', (_, is) => {
    expect(fc.sample(setups(), { numRuns: 300, seed: 1 }).some(is)).toBe(true);
  });

  it('shrink to the smallest setup', () => {
    const { counterexample } = fc.check(
      fc.property(setups(), () => false),
      { seed: 1 },
    ) as unknown as { counterexample: [Setup] };
    const { batch, passwords, phases, model } = counterexample[0];
    expect({ batch, ...passwords, steps: phases.joint.steps, layers: model.layers }).toMatchObject({
      batch: 1,
      negativeBatches: 2,
      heldBatches: 1,
      repeats: 1,
      steps: 1,
      layers: 1,
    });
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
