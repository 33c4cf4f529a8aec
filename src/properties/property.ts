/** Properties: sentences that must be true of every setup, each with the check that looks for an exception. */
import type { Engine } from '../engine/engine.ts';
import type { RewardCounts } from '../passwords/ledger.ts';
import type { Phase } from '../passwords/roles.ts';
import type { Objective, Setup } from '../setup/schema.ts';
import type { SetupSize } from './arbitraries.ts';

export interface SetupProperty {
  /** `<kind>/<what>` */
  readonly id: string;
  /** What is true of every setup. */
  readonly statement: string;
  /**
   * @param engine what trains; properties of the data need none
   * @throws Error that says what the setup does instead. All that a check draws comes from streams of the setup's seed.
   */
  check(setup: Setup, engine: Engine): void | Promise<void>;
}

/** Properties that are tried on the same setups. */
export interface PropertyKind {
  readonly name: 'data' | 'training';
  /** Which setups are drawn. */
  readonly size: SetupSize;
  readonly properties: readonly SetupProperty[];
}

/** Makes the properties of a kind. */
export const propertyOf =
  (kind: PropertyKind['name']) =>
  (what: string, statement: string, check: SetupProperty['check']): SetupProperty => ({
    id: `${kind}/${what}`,
    statement,
    check,
  });

/** Computes something of a setup once for all properties that look at it; anew where the rest, as an engine, is another. */
export function ofSetup<Value, Rest extends unknown[]>(
  compute: (setup: Setup, ...rest: Rest) => Value,
): (setup: Setup, ...rest: Rest) => Value {
  const computed = new WeakMap<Setup, { rest: Rest; value: Value }>();
  return (setup, ...rest) => {
    const known = computed.get(setup);
    if (known?.rest.every((part, index) => part === rest[index])) return known.value;
    const value = compute(setup, ...rest);
    computed.set(setup, { rest, value });
    return value;
  };
}

/** Objectives that are given negatives alone. */
const UNPAIRED: readonly Objective[] = ['gradient-ascent', 'npo', 'unlikelihood', 'undial'];

/** Whether a setup gives the optimiser the chosen sides of its pairs. */
export const givesChosen = ({ objective }: Pick<Setup, 'objective'>): boolean => !UNPAIRED.includes(objective);

/** The sequences that a ledger must count after so many steps of each phase. */
export function sequencesAfter(setup: Setup, steps: Readonly<Record<Phase, number>>): RewardCounts {
  const { batch, phases } = setup;
  const { dpo, ...imitated } = phases.joint.weights;
  const rejected = batch * (steps.dpo + (dpo > 0 ? steps.joint : 0));
  const kinds = Object.values(imitated).filter((weight) => weight > 0).length;
  const imitations = batch * (steps.pretrain + kinds * steps.joint);
  return { chosen: givesChosen(setup) ? rejected : 0, rejected, imitated: imitations };
}

/** The setup with its alphabet reversed, which exchanges letters for others. Nothing that is computed may depend on it. */
export const relabelled = (setup: Setup): Setup => ({
  ...setup,
  passwords: { ...setup.passwords, alphabet: [...setup.passwords.alphabet].reverse().join('') },
});

/** The text that a relabelled setup has in place of `text`. */
export function relabel({ passwords: { alphabet } }: Setup, text: string): string {
  return [...text].map((letter) => alphabet[alphabet.length - 1 - alphabet.indexOf(letter)]).join('');
}
