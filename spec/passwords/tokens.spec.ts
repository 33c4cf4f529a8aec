import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputsAndLabels } from '../../src/model/model.ts';
import { decoder, scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { tinySetup } from '../helpers/setups.ts';

const ids = scratchTokenIds(tinySetup());
const password = fc.string({ unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz'), minLength: 6, maxLength: 6 });
const prefix = fc.constantFrom('regular' as const, 'reverse' as const);
const sequences = fc.array(fc.record({ prefix, password }), { minLength: 1, maxLength: 5 });

describe('token batches', () => {
  it('read back as what was encoded', () => {
    fc.assert(
      fc.property(sequences, (examples) => {
        const batch = tokenBatch(examples, ids);
        expect(examples.map((_, row) => decoder(ids)(batch, row))).toEqual(examples);
      }),
    );
  });

  it('begin with the prefix, then one token a letter', () => {
    expect([...tokenBatch([{ prefix: 'reverse', password: 'az' }], ids).tokens]).toEqual([27, 0, 25]);
    expect([...tokenBatch([{ prefix: 'regular', password: 'ba' }], ids).tokens]).toEqual([26, 1, 0]);
    expect([...tokenBatch([{ prefix: 'none', password: 'ba' }], ids).tokens]).toEqual([1, 0]);
  });

  it('become inputs of all but the last token and labels of all but the first', () => {
    fc.assert(
      fc.property(sequences, (examples) => {
        const batch = tokenBatch(examples, ids);
        const { inputs, labels } = inputsAndLabels(batch);
        for (let row = 0; row < batch.rows; row++) {
          const whole = [...batch.tokens.subarray(row * 7, (row + 1) * 7)];
          expect([...inputs.subarray(row * 6, (row + 1) * 6)]).toEqual(whole.slice(0, -1));
          expect([...labels.subarray(row * 6, (row + 1) * 6)], 'labels').toEqual(whole.slice(1));
        }
      }),
    );
  });

  it('refuse letters without a token, sequences of several lengths, and nothing at all', () => {
    expect(() => tokenBatch([{ prefix: 'none', password: 'aB' }], ids)).toThrow('the letter "B" of "aB" has no token');
    const uneven = [
      { prefix: 'none' as const, password: 'ab' },
      { prefix: 'none' as const, password: 'abc' },
    ];
    expect(() => tokenBatch(uneven, ids)).toThrow('one length');
    expect(() => tokenBatch([], ids)).toThrow('at least one token');
  });
});

it('a sequence with a token that is no letter reads back with its number, so that the ledger can say which', () => {
  const read = decoder(ids);
  expect(read({ tokens: Int32Array.of(0, 99), rows: 1, length: 2 }, 0)).toEqual({ prefix: 'none', password: 'a<99>' });
  expect(read({ tokens: Int32Array.of(27, 1), rows: 1, length: 2 }, 0)).toEqual({ prefix: 'reverse', password: 'b' });
});
