import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputsAndLabels } from '../../src/model/model.ts';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { setups } from '../../src/properties/arbitraries.ts';
import {
  capacity,
  distinctPasswordsNeeded,
  heldOut,
  inputLength,
  negatives,
  pairs,
  useful,
  vocabulary,
} from '../../src/setup/sizes.ts';

describe('the sizes computed from a setup', () => {
  it('are those of the corpus that is built', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const corpus = buildCorpus(setup);
        expect(corpus.negatives).toHaveLength(negatives(setup));
        expect(corpus.heldOut).toHaveLength(heldOut(setup));
        expect(corpus.useful).toHaveLength(useful(setup));
        expect(corpus.chosen).toHaveLength(pairs(setup));
        const { control, standIns, chosen, pretraining, jointRandom, jointRandomReverse } = corpus;
        const drawn = [
          corpus.negatives,
          control,
          standIns,
          chosen,
          pretraining,
          jointRandom,
          jointRandomReverse,
        ].flat();
        expect(drawn).toHaveLength(distinctPasswordsNeeded(setup));
      }),
    );
  });

  it('are those of the sequences that the model is given', () => {
    fc.assert(
      fc.property(setups(), (setup) => {
        const ids = scratchTokenIds(setup);
        const batch = tokenBatch(buildCorpus(setup).examples('joint', 0), ids);
        expect(inputsAndLabels(batch).inputs).toHaveLength(batch.rows * inputLength(setup));
        const highest = Math.max(...ids.letters.values(), ...Object.values(ids.prefixes));
        expect(highest).toBeLessThan(vocabulary(setup));
        if (setup.model.vocabulary === null) expect(vocabulary(setup)).toBe(highest + 1);
      }),
    );
  });

  it.each([
    [2, 2, 4],
    [2, 10, 1024],
    [26, 3, 17_576],
    [3, 4, 81],
  ])('%i letters make, at length %i, %i passwords', (letters, length, expected) => {
    expect(capacity(letters, length)).toBe(expected);
  });
});
