/** The tokens of letters and prefixes in a pretrained model's own vocabulary. */
import { Tokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import type { TokenIds } from '../passwords/tokens.ts';
import { parseJson, UntrustedError } from '../untrusted.ts';
import { ModelError } from './config.ts';

const PREFIXES = ['regular', 'reverse'] as const;

/** What a letter or prefix is as text: after a space, as the paper has it, so that each starts a word. */
const asText = (word: string): string => ` ${word}`;

const id = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const piece = z.string().max(1_000);
const MOST_PIECES = 2_000_000;

/** Normalizers of which none runs a pattern of the file's own. */
const normalizer: z.ZodType = z.lazy(() =>
  z.union([
    z.object({ type: z.enum(['NFC', 'NFD', 'NFKC', 'NFKD']) }),
    z.object({ type: z.literal('Sequence'), normalizers: z.array(normalizer).max(8) }),
  ]),
);

/** Pre-tokenizers, likewise: GPT-NeoX's is ByteLevel. */
const preTokenizer: z.ZodType = z.lazy(() =>
  z.union([
    z.object({
      type: z.literal('ByteLevel'),
      add_prefix_space: z.boolean().optional(),
      trim_offsets: z.boolean().optional(),
      use_regex: z.boolean().optional(),
    }),
    z.object({ type: z.literal('Sequence'), pretokenizers: z.array(preTokenizer).max(8) }),
  ]),
);

const decoder: z.ZodType = z.lazy(() =>
  z.union([
    z.object({ type: z.literal('ByteLevel') }),
    z.object({ type: z.literal('Sequence'), decoders: z.array(decoder).max(8) }),
  ]),
);

/** What is read of a tokenizer.json: the byte-level BPE of GPT-NeoX and of models made like it. */
const tokenizerSchema = z.object({
  added_tokens: z
    .array(
      z.object({
        id,
        content: piece.min(1),
        single_word: z.boolean().default(false),
        lstrip: z.boolean().default(false),
        rstrip: z.boolean().default(false),
        normalized: z.boolean().default(false),
        special: z.boolean().default(false),
      }),
    )
    .max(100_000)
    .default([]),
  normalizer: normalizer.nullish(),
  pre_tokenizer: preTokenizer.nullish(),
  decoder: decoder.nullish(),
  model: z.object({
    type: z.literal('BPE').optional(),
    vocab: z.record(piece, id),
    merges: z.array(z.union([piece, z.tuple([piece, piece])])).max(MOST_PIECES),
    unk_token: piece.nullish(),
    continuing_subword_prefix: piece.nullish(),
    end_of_word_suffix: piece.nullish(),
    byte_fallback: z.boolean().optional(),
    ignore_merges: z.boolean().optional(),
    fuse_unk: z.boolean().optional(),
    dropout: z.null().optional(),
  }),
});

/** The part of a file that has a `type` of its own, by which it is refused. */
const PARTS = ['normalizer', 'pre_tokenizer', 'decoder'] as const;

function readTokenizer(json: string, where: string): Tokenizer {
  let given: unknown;
  try {
    given = parseJson(json);
  } catch (error) {
    if (error instanceof UntrustedError) throw new ModelError(`${where}: ${error.message}`);
    throw error;
  }
  const result = tokenizerSchema.safeParse(given);
  if (!result.success) {
    const [{ path, message }] = result.error.issues;
    const part = PARTS.find((name) => name === path[0]);
    if (part !== undefined) {
      throw new ModelError(
        `${where}: its ${part} is not supported; only byte-level BPE as GPT-NeoX has it is, and no pattern of the file's own is run`,
      );
    }
    throw new ModelError(`${where}: ${path.slice(0, 3).join('.').slice(0, 200) || 'the document'}: ${message}`);
  }
  const { model, ...rest } = result.data;
  if (Object.keys(model.vocab).length > MOST_PIECES)
    throw new ModelError(`${where}: its vocabulary has more than ${MOST_PIECES} pieces`);
  try {
    // No post-processing: a token is wanted for a word, not for a text.
    const config = { ...rest, model: { type: 'BPE', ...model }, post_processor: null };
    return new Tokenizer(config as unknown as ConstructorParameters<typeof Tokenizer>[0], {});
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
    if (ids.length !== 1 || !Number.isInteger(ids[0])) return null;
    try {
      // A token that reads back as something else stands for what the vocabulary lacks.
      return tokenizer.decode(ids).trim() === word ? ids[0] : null;
    } catch (error) {
      throw new ModelError(`${where}: fails at token ${ids[0]} (${(error as Error).message.slice(0, 200)})`);
    }
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
