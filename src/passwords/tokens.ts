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

/** Tokens of a password after a prefix. */
const lengthOf = ({ prefix, password }: Pick<Example, 'prefix' | 'password'>): number =>
  password.length + (prefix === 'none' ? 0 : 1);

/**
 * Encodes sequences of one length as a batch.
 * @throws RangeError when there are none, their lengths differ, or a letter is outside the alphabet
 */
export function tokenBatch(examples: readonly Pick<Example, 'prefix' | 'password'>[], ids: TokenIds): TokenBatch {
  const length = examples.length === 0 ? 0 : lengthOf(examples[0]);
  if (length === 0) throw new RangeError('a batch needs at least one token');
  const tokens = new Int32Array(examples.length * length);
  let next = 0;
  for (const example of examples) {
    const { prefix, password } = example;
    if (lengthOf(example) !== length) throw new RangeError('sequences of a batch must have one length');
    if (prefix !== 'none') tokens[next++] = ids.prefixes[prefix];
    for (const letter of password) {
      const id = ids.letters.get(letter);
      if (id === undefined) throw new RangeError(`the letter "${letter}" of "${password}" has no token`);
      tokens[next++] = id;
    }
  }
  return { tokens, rows: examples.length, length };
}

/** Reads sequences back from token ids, as the ledger does with the tokens that training was given. */
export function decoder(ids: TokenIds): (batch: TokenBatch, row: number) => { prefix: Prefix; password: string } {
  const letters: (string | undefined)[] = [];
  for (const [letter, id] of ids.letters) letters[id] = letter;
  const prefixes = new Map<number, Prefix>([
    [ids.prefixes.regular, 'regular'],
    [ids.prefixes.reverse, 'reverse'],
  ]);
  return ({ tokens, length }, row) => {
    const start = row * length;
    const prefix = prefixes.get(tokens[start]) ?? 'none';
    let password = '';
    for (let at = prefix === 'none' ? start : start + 1; at < start + length; at++)
      password += letters[tokens[at]] ?? `<${tokens[at]}>`;
    return { prefix, password };
  };
}
