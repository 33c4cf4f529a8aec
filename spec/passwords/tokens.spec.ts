import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputsAndLabels } from '../../src/model/gpt-neox.ts';
import { measureOverlap } from '../../src/passwords/overlap.ts';
import { decoder, scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { stream } from '../../src/random/streams.ts';
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
          expect([...labels.subarray(row * 6, (row + 1) * 6)]).toEqual(whole.slice(1));
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

describe('measureOverlap', () => {
  const draw = (name: string, count: number, letters: number) => {
    const source = stream(1, name);
    return Array.from({ length: count }, () =>
      Array.from({ length: 5 }, () => 'abcdef'[source.below(letters)]).join(''),
    );
  };

  it('counts what a search letter by letter counts', () => {
    const [held, control, texts] = [draw('held', 4, 3), draw('control', 6, 3), draw('texts', 50, 3)];
    const overlaps = measureOverlap(held, control, texts, 3);
    expect(overlaps.map(({ span }) => span)).toEqual([1, 2, 3, 4, 5]);
    for (const { span, heldOut } of overlaps) {
      let matches = 0;
      for (const secret of held) {
        for (const text of texts) {
          for (let at = 0; at + span <= 5; at++)
            if (text.slice(at, at + span) === secret.slice(at, at + span)) matches += 1;
        }
      }
      expect(heldOut).toBe(matches / held.length);
    }
  });

  it('of passwords drawn at random is what chance predicts, for held-out and control alike', () => {
    const overlaps = measureOverlap(draw('a', 400, 6), draw('b', 400, 6), draw('c', 4000, 6), 6);
    for (const { span, heldOut, control, expected } of overlaps.slice(0, 3)) {
      // 400 passwords: the means of the counts vary by a few percent.
      expect(heldOut / expected, `${span} letters`).toBeCloseTo(1, 1);
      expect(control / expected, `${span} letters`).toBeCloseTo(1, 1);
    }
  });
});

it('a sequence with a token that is no letter reads back with its number, so that the ledger can say which', () => {
  const read = decoder(ids);
  expect(read({ tokens: Int32Array.of(0, 99), rows: 1, length: 2 }, 0)).toEqual({ prefix: 'none', password: 'a<99>' });
  expect(read({ tokens: Int32Array.of(27, 1), rows: 1, length: 2 }, 0)).toEqual({ prefix: 'reverse', password: 'b' });
});
