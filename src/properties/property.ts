/** Properties: sentences that must be true of every setup, each with the check that looks for an exception. */

import type { Engine } from '../engine/engine.ts';
import type { Setup } from '../setup/schema.ts';
import type { PasswordSpace, SetupSize } from './arbitraries.ts';

export interface SetupProperty {
  /** `<kind>/<what>` */
  readonly id: string;
  /** What is true of every setup. */
  readonly statement: string;
  /**
   * @param engine what trains; properties of the data need none
   * @throws Error that says what the setup does instead. Every further draw comes from a stream of the setup's seed.
   */
  check(setup: Setup, engine: Engine): void | Promise<void>;
}

/** Properties that are tried on the same setups. */
export interface PropertyKind {
  readonly name: 'data' | 'training';
  /** Which setups are drawn. */
  readonly size: SetupSize;
  readonly space: PasswordSpace;
  readonly properties: readonly SetupProperty[];
}

/** Computes something of a setup once for all properties that look at it. */
export function ofSetup<Value, Rest extends unknown[]>(
  compute: (setup: Setup, ...rest: Rest) => Value,
): (setup: Setup, ...rest: Rest) => Value {
  const computed = new WeakMap<Setup, Value>();
  return (setup, ...rest) => {
    if (!computed.has(setup)) computed.set(setup, compute(setup, ...rest));
    return computed.get(setup) as Value;
  };
}

/** The setup with its letters exchanged for others: the alphabet turned round. What is computed of it must not care. */
export const relabelled = (setup: Setup): Setup => ({
  ...setup,
  passwords: { ...setup.passwords, alphabet: [...setup.passwords.alphabet].reverse().join('') },
});

/** The text that a relabelled setup has in place of `text`. */
export function relabel({ passwords: { alphabet } }: Setup, text: string): string {
  return [...text].map((letter) => alphabet[alphabet.length - 1 - alphabet.indexOf(letter)]).join('');
}
