/** Passwords as token ids: an optional prefix token, then one token a letter. */
import type { Setup } from '../setup/schema.ts';
import type { Example, Prefix } from './roles.ts';

/** Which token id stands for which letter and prefix. */
export interface TokenIds {
  readonly letters: ReadonlyMap<string, number>;
  readonly prefixes: Readonly<Record<'regular' | 'reverse', number>>;
}

/** Ids of the from-scratch model: letters in the alphabet's order, then `regular`, then `reverse`. */
export function scratchTokenIds({ passwords: { alphabet } }: Pick<Setup, 'passwords'>): TokenIds {
  return {
    letters: new Map([...alphabet].map((letter, id) => [letter, id])),
    prefixes: { regular: alphabet.length, reverse: alphabet.length + 1 },
  };
}

/** Sequences of one length, row by row. */
export interface TokenBatch {
  /** `[rows, length]`, every token of every sequence, prefix included. */
  readonly tokens: Int32Array;
  readonly rows: number;
  /** Tokens in a sequence, prefix included. */
  readonly length: number;
}

/** Encodes one prefix and password. @throws RangeError for a letter outside the alphabet. */
function encode(prefix: Prefix, password: string, ids: TokenIds): number[] {
  const letters = [...password].map((letter) => {
    const id = ids.letters.get(letter);
    if (id === undefined) throw new RangeError(`the letter "${letter}" of "${password}" has no token`);
    return id;
  });
  return prefix === 'none' ? letters : [ids.prefixes[prefix], ...letters];
}

/** Encodes sequences of one length as a batch. @throws RangeError when there are none, or their lengths differ. */
export function tokenBatch(examples: readonly Pick<Example, 'prefix' | 'password'>[], ids: TokenIds): TokenBatch {
  const rows = examples.map(({ prefix, password }) => encode(prefix, password, ids));
  const length = rows[0]?.length ?? 0;
  if (length === 0) throw new RangeError('a batch needs at least one token');
  if (rows.some((row) => row.length !== length)) throw new RangeError('sequences of a batch must have one length');
  return { tokens: Int32Array.from(rows.flat()), rows: rows.length, length };
}

/** Reads sequences back from token ids, as the ledger does with the tokens that training was given. */
export function decoder(ids: TokenIds): (batch: TokenBatch, row: number) => { prefix: Prefix; password: string } {
  const letters = new Map([...ids.letters].map(([letter, id]) => [id, letter]));
  const prefixes = new Map<number, Prefix>([
    [ids.prefixes.regular, 'regular'],
    [ids.prefixes.reverse, 'reverse'],
  ]);
  return ({ tokens, length }, row) => {
    const sequence = [...tokens.subarray(row * length, (row + 1) * length)];
    const prefix = prefixes.get(sequence[0]) ?? 'none';
    const body = prefix === 'none' ? sequence : sequence.slice(1);
    const password = body.map((id) => letters.get(id) ?? `<${id}>`).join('');
    return { prefix, password };
  };
}
