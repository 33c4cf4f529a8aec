import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../src/model/config.ts';
import { tokenIdsOf } from '../../src/model/tokenizer.ts';
import { ENGLISH_ALPHABET } from '../../src/setup/presets.ts';

const json = readFileSync(new URL('../../fixtures/tokenizer/tokenizer.json', import.meta.url), 'utf8');
const here = 'tokenizer.json';

/** The ids that the reference code used, for " a" to " z". */
const PAPER = [
  247, 270, 260, 277, 299, 269, 305, 288, 891, 480, 465, 298, 278, 295, 258, 268, 2805, 391, 256, 246, 1484, 362, 259,
  1269, 340, 1182,
];

/** The tokenizer after a change to its vocabulary. */
const without = (...tokens: string[]): string => {
  const tokenizer = JSON.parse(json);
  for (const token of tokens) delete tokenizer.model.vocab[token];
  tokenizer.model.merges = tokenizer.model.merges.filter((merge: string) => !tokens.includes(merge.replace(' ', '')));
  return JSON.stringify(tokenizer);
};

describe('the tokens of the GPT-NeoX vocabulary', () => {
  it('are those that the paper had: letters and prefixes, each after a space', () => {
    const { letters, prefixes } = tokenIdsOf(json, ENGLISH_ALPHABET, here);
    expect([...letters.keys()].join('')).toBe(ENGLISH_ALPHABET);
    expect([...letters.values()]).toEqual(PAPER);
    expect(prefixes).toEqual({ regular: 3963, reverse: 8107 });
  });

  it('follow the order of the alphabet that is asked for', () => {
    expect([...tokenIdsOf(json, 'zab', here).letters]).toEqual([
      ['z', 1182],
      ['a', 247],
      ['b', 270],
    ]);
  });
});

describe('the tokens of a vocabulary whose text is cut as', () => {
  /** The text of the pattern of Llama 3 and Qwen 2. */
  const pattern = (digits: string) =>
    `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
  const split = (Regex: string) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false });
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };

  it.each<[string, object[]]>([
    [
      'by SmolLM2',
      [
        { type: 'Digits', individual_digits: true },
        { ...bytes, use_regex: true },
      ],
    ],
    ['by Llama 3', [split(pattern('\\p{N}{1,3}')), { ...bytes, use_regex: false }]],
    ['by Qwen 2', [split(pattern('\\p{N}')), { ...bytes, use_regex: false }]],
  ])('%s are found as well', (_, pretokenizers) => {
    const decoder = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
    const cut = { ...JSON.parse(json), normalizer: null, decoder, pre_tokenizer: { type: 'Sequence', pretokenizers } };
    const { letters, prefixes } = tokenIdsOf(JSON.stringify(cut), ENGLISH_ALPHABET, here);
    expect([...letters.values()]).toEqual(PAPER);
    expect(prefixes).toEqual({ regular: 3963, reverse: 8107 });
  });

  it('by a pattern that is nearly one of these are refused', () => {
    const nearly = { ...JSON.parse(json), pre_tokenizer: split(`${pattern('\\p{N}')}|x`) };
    expect(() => tokenIdsOf(JSON.stringify(nearly), 'ab', here)).toThrow(/no pattern of the file's own is run/);
  });
});

describe('a vocabulary that lacks', () => {
  it('a letter names it, and the alphabet of what there is', () => {
    const cut = without('Ġq', 'Ġz');
    expect(() => tokenIdsOf(cut, ENGLISH_ALPHABET, here)).toThrow(ModelError);
    expect(() => tokenIdsOf(cut, ENGLISH_ALPHABET, here)).toThrow(
      /" q", " z" are not one token.*--set passwords.alphabet=abcdefghijklmnoprstuvwxy$/,
    );
    expect(tokenIdsOf(cut, 'abcdefghijklmnoprstuvwxy', here).letters.size).toBe(24);
  });

  it('a prefix names it; it is not asked for where no prefix is used', () => {
    const cut = without('Ġreverse');
    expect(() => tokenIdsOf(cut, 'ab', here)).toThrow(/prefix " reverse" is not one token.*--set prefixes=false/);
    expect(tokenIdsOf(cut, 'ab', here, false).letters.size).toBe(2);
  });

  it('every letter says that no alphabet will do', () => {
    const cut = without(...[...ENGLISH_ALPHABET].map((letter) => `Ġ${letter}`));
    expect(() => tokenIdsOf(cut, 'ab', here)).toThrow(/no alphabet of letters can be used/);
  });
});

it.each(['', '{', '[]', 'null', '{}', '{"model":{"type":"Nonsense"}}'])('%j is refused as a tokenizer', (text) => {
  expect(() => tokenIdsOf(text, 'ab', here)).toThrow(ModelError);
});
