/** The tokens of letters and prefixes in a pretrained model's own vocabulary. */
import { Tokenizer } from '@huggingface/tokenizers';
import type { TokenIds } from '../passwords/tokens.ts';
import { ModelError } from './config.ts';

const PREFIXES = ['regular', 'reverse'] as const;

/** What a letter or prefix is as text: after a space, as the paper has it, so that each starts a word. */
const asText = (word: string): string => ` ${word}`;

function readTokenizer(json: string, where: string): Tokenizer {
  try {
    // No post-processing: a token is wanted for a word, not for a text.
    return new Tokenizer({ ...JSON.parse(json), post_processor: null }, {});
  } catch (error) {
    throw new ModelError(`${where}: cannot be read as a tokenizer (${(error as Error).message.slice(0, 200)})`);
  }
}

/** Stands for the prefixes where none is used. */
const NO_PREFIXES = { regular: -1, reverse: -2 };

/**
 * Looks up the tokens of an alphabet and of both prefixes.
 * @param json the text of a tokenizer.json
 * @param where names the file in messages
 * @param prefixed whether the prefixes are wanted at all
 * @throws ModelError where a letter or prefix is not one token of its own, with the letters that are
 */
export function tokenIdsOf(json: string, alphabet: string, where: string, prefixed = true): TokenIds {
  const tokenizer = readTokenizer(json, where);
  const encode = (word: string): number[] => {
    try {
      return tokenizer.encode(asText(word), { add_special_tokens: false }).ids;
    } catch (error) {
      throw new ModelError(`${where}: fails at "${asText(word)}" (${(error as Error).message.slice(0, 200)})`);
    }
  };
  const single = (word: string): number | null => {
    const ids = encode(word);
    // A token that reads back as something else stands for what the vocabulary lacks.
    return ids.length === 1 && tokenizer.decode(ids).trim() === word ? ids[0] : null;
  };
  const missing: string[] = [];
  const idOf = (word: string): number => {
    const id = single(word);
    if (id === null) missing.push(word);
    return id ?? -1;
  };
  const letters = new Map([...alphabet].map((letter) => [letter, idOf(letter)]));
  const prefixes = prefixed ? { regular: idOf('regular'), reverse: idOf('reverse') } : NO_PREFIXES;
  const lostPrefixes = missing.filter((word) => PREFIXES.some((prefix) => prefix === word));
  if (lostPrefixes.length > 0) {
    throw new ModelError(
      `${where}: the prefix ${lostPrefixes.map((word) => `"${asText(word)}"`).join(' and ')} is not one token; choose a ` +
        'model with the GPT-NeoX vocabulary (any Pythia), or a setup without prefixes: --set prefixes=false',
    );
  }
  if (missing.length > 0) {
    const usable = [...'abcdefghijklmnopqrstuvwxyz'].filter((letter) => single(letter) !== null).join('');
    throw new ModelError(
      `${where}: ${missing.map((letter) => `"${asText(letter)}"`).join(', ')} ${missing.length === 1 ? 'is' : 'are'} not one token; ` +
        (usable.length < 2
          ? 'no alphabet of letters can be used with this model'
          : `choose the alphabet of what is: --set passwords.alphabet=${usable}`),
    );
  }
  const all = [...letters.values(), prefixes.regular, prefixes.reverse];
  if (new Set(all).size < all.length) throw new ModelError(`${where}: two of the letters and prefixes share a token`);
  return { letters, prefixes };
}
