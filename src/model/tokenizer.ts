/** The tokens of letters and prefixes in a pretrained model's own vocabulary. */
import { Tokenizer } from '@huggingface/tokenizers';
import * as z from 'zod';
import type { TokenIds } from '../passwords/tokens.ts';
import { orRefuse, parseJson } from '../untrusted.ts';
import { ModelError } from './config.ts';

/** A letter or prefix as text: after a space, as in the paper, so that each starts a word. */
const asText = (word: string): string => ` ${word}`;

const id = z
  .number()
  .int()
  .min(0)
  .max(2 ** 31 - 1);
const piece = z.string().max(1_000);
const flag = z.boolean().default(false);
const MOST_PIECES = 2_000_000;

/** Patterns of Llama 3 and of Qwen 2, which differ in how many digits stay together. Any other pattern is refused. */
const patternOf = (digits: string): string =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
const PATTERNS = [patternOf(String.raw`\p{N}{1,3}`), patternOf(String.raw`\p{N}`)];

/** One step, or a sequence of such steps under `key`. Steps that would run a pattern of the file's own are refused. */
function stepsOf(step: z.ZodType, key: string): z.ZodType {
  const steps: z.ZodType = z.lazy(() =>
    z.union([step, z.object({ type: z.literal('Sequence'), [key]: z.array(steps).max(8) })]),
  );
  return steps;
}

/** The parts of a file that have a `type` of their own, by which they are refused. */
const PARTS = {
  normalizer: stepsOf(z.object({ type: z.enum(['NFC', 'NFD', 'NFKC', 'NFKD']) }), 'normalizers').nullish(),
  pre_tokenizer: stepsOf(
    z.union([
      z.object({
        type: z.literal('ByteLevel'),
        add_prefix_space: z.boolean().optional(),
        trim_offsets: z.boolean().optional(),
        use_regex: z.boolean().optional(),
      }),
      z.object({ type: z.literal('Digits'), individual_digits: z.boolean().optional() }),
      z.object({
        type: z.literal('Split'),
        pattern: z.strictObject({ Regex: z.enum(PATTERNS) }),
        behavior: z.literal('Isolated'),
        invert: z.literal(false),
      }),
    ]),
    'pretokenizers',
  ).nullish(),
  decoder: stepsOf(z.object({ type: z.literal('ByteLevel') }), 'decoders').nullish(),
};

/** What is read of a tokenizer.json: the byte-level BPE of GPT-NeoX, of SmolLM2 and of Llama 3. */
const tokenizerSchema = z.object({
  added_tokens: z
    .array(
      z.object({
        id,
        content: piece.min(1),
        single_word: flag,
        lstrip: flag,
        rstrip: flag,
        normalized: flag,
        special: flag,
      }),
    )
    .max(100_000)
    .default([]),
  ...PARTS,
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

function readTokenizer(json: string, where: string): Tokenizer {
  const given = orRefuse(
    () => parseJson(json),
    (why) => new ModelError(`${where}: ${why}`),
  );
  const result = tokenizerSchema.safeParse(given);
  if (!result.success) {
    const [{ path, message }] = result.error.issues;
    throw new ModelError(
      Object.hasOwn(PARTS, path[0] ?? '')
        ? `${where}: its ${String(path[0])} is not supported; only byte-level BPE as GPT-NeoX, SmolLM2 or Llama 3 have it is, and no pattern of the file's own is run`
        : `${where}: ${path.slice(0, 3).join('.').slice(0, 200) || 'the document'}: ${message}`,
    );
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

/**
 * Looks up the tokens of an alphabet and of both prefixes.
 * @param json the text of a tokenizer.json
 * @param where names the file in messages
 * @param prefixed whether the prefixes are wanted at all
 * @throws ModelError where a letter or prefix is not one token of its own, with the letters that are
 */
export function tokenIdsOf(json: string, alphabet: string, where: string, prefixed = true): TokenIds {
  const tokenizer = readTokenizer(json, where);
  /** The one token of a word, or null. */
  const tokenOf = (word: string): number | null => {
    try {
      const { ids } = tokenizer.encode(asText(word), { add_special_tokens: false });
      // A token that reads back as something else stands for what the vocabulary lacks.
      const single = ids.length === 1 && Number.isInteger(ids[0]) && tokenizer.decode(ids).trim() === word;
      return single ? ids[0] : null;
    } catch (error) {
      throw new ModelError(`${where}: fails at "${asText(word)}" (${(error as Error).message.slice(0, 200)})`);
    }
  };
  const missing: string[] = [];
  const idOf = (word: string): number => {
    const token = tokenOf(word);
    if (token === null) missing.push(`"${asText(word)}"`);
    return token ?? -1;
  };
  // Where no prefix is used, two numbers that are no tokens stand for them.
  const prefixes = prefixed ? { regular: idOf('regular'), reverse: idOf('reverse') } : { regular: -1, reverse: -2 };
  if (missing.length > 0) {
    throw new ModelError(
      `${where}: the prefix ${missing.join(' and ')} is not one token; choose a model with the GPT-NeoX vocabulary ` +
        '(any Pythia), or a setup without prefixes: --set prefixes=false',
    );
  }
  const letters = new Map([...alphabet].map((letter) => [letter, idOf(letter)]));
  if (missing.length > 0) {
    const usable = [...'abcdefghijklmnopqrstuvwxyz'].filter((letter) => tokenOf(letter) !== null).join('');
    throw new ModelError(
      `${where}: ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} not one token; ` +
        (usable.length < 2
          ? 'no alphabet of letters can be used with this model'
          : `choose the alphabet of what is: --set passwords.alphabet=${usable}`),
    );
  }
  const all = [...letters.values(), ...Object.values(prefixes)];
  if (new Set(all).size < all.length) throw new ModelError(`${where}: two of the letters and prefixes share a token`);
  return { letters, prefixes };
}
