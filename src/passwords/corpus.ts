/**
 * The corpus: every password of a run in its one role, and the examples that each optimiser step is given.
 *
 * A held-out password must never occur in any other role. Among 26^16 passwords collisions are improbable, but in small
 * password spaces they are not. So all passwords of a run are drawn distinct, by construction.
 */
import { stream } from '../random/streams.ts';
import { freshTexts, recipeOf, type Source } from '../recipe/recipe.ts';
import type { Setup } from '../setup/schema.ts';
import { capacity, distinctPasswordsNeeded, heldOut, negatives, pairs, standIns } from '../setup/sizes.ts';
import { type Example, FRESH, FRESH_SETS, type FreshSet, type Phase } from './roles.ts';

/** The passwords of a run by role, each in the order in which they are used; random text by set. */
export interface Passwords extends Readonly<Record<FreshSet, readonly string[]>> {
  /** Held-out first, then useful, in the order of drawing: a larger held-out share extends a smaller one. */
  readonly negatives: readonly string[];
  /** The chosen side of each DPO pair; pair `i` rejects `negatives[i % negatives.length]`. */
  readonly chosen: readonly string[];
  /** Random passwords that no step ever sees. */
  readonly control: readonly string[];
  /** Passwords in the place of the held-out or of the useful ones; none but in controls. */
  readonly standIns: readonly string[];
}

export interface Corpus extends Passwords {
  readonly heldOut: readonly string[];
  readonly useful: readonly string[];
  /** What phase 3 imitates under `reverse`: the useful negatives, or what stands in for them. */
  readonly taught: readonly string[];
  /**
   * The examples of step `step` (from 0) of a phase, packed as the recipe lists its streams. Row `i` of the chosen ones is
   * paired with row `i` of the rejected ones.
   */
  examples(phase: Phase, step: number): Example[];
}

/** What a corpus depends on. */
export type CorpusSetup = Pick<
  Setup,
  'seed' | 'passwords' | 'batch' | 'prefixes' | 'objective' | 'phases' | 'evaluation'
>;

/** Draws `size` passwords of one role after another, each role from its own stream, none of them twice. */
function drawing({ seed, passwords: { alphabet, length } }: CorpusSetup): (role: string, size: number) => string[] {
  const taken = new Set<string>();
  return (role, size) => {
    const source = stream(seed, `passwords/${role}`);
    const drawn: string[] = [];
    while (drawn.length < size) {
      let password = '';
      for (let index = 0; index < length; index++) password += alphabet[source.below(alphabet.length)];
      if (taken.has(password)) continue;
      taken.add(password);
      drawn.push(password);
    }
    return drawn;
  };
}

/** Endless passes over `size` items, each in a random order of its own. Gives the item at place `index` of the passes. */
function reshuffledPasses(seed: number, name: string, size: number): (index: number) => number {
  const orders: number[][] = [];
  return (index) => {
    const pass = Math.floor(index / size);
    orders[pass] ??= stream(seed, `${name}/${pass}`).permutation(size);
    return orders[pass][index % size];
  };
}

/** `size` items repeated to `length` places and shuffled as a whole. Gives the item at a place. */
function shuffledOnce(seed: number, name: string, size: number, length: number): (index: number) => number {
  let order: number[] | undefined;
  return (index) => {
    order ??= stream(seed, name).permutation(length);
    return order[index] % size;
  };
}

type Draw = ReturnType<typeof drawing>;

/** The first draws of a setup. Negatives come first, so that nothing drawn later can move them. */
const firstDraws = (draw: Draw, setup: CorpusSetup): Pick<Passwords, 'negatives' | 'control' | 'standIns'> => ({
  negatives: draw('negatives', negatives(setup)),
  control: draw('control', setup.evaluation.random),
  standIns: draw('stand-ins', standIns(setup)),
});

/** The kinds of negatives, and what phase 3 teaches. */
function kindsOf(
  setup: CorpusSetup,
  drawn: Pick<Passwords, 'negatives' | 'standIns'>,
): Pick<Corpus, 'heldOut' | 'useful' | 'taught'> {
  const border = heldOut(setup);
  const useful = drawn.negatives.slice(border);
  const taught = setup.passwords.standIns === 'useful' ? drawn.standIns : useful;
  return { heldOut: drawn.negatives.slice(0, border), useful, taught };
}

/** The passwords that claims are about, without those that {@link drawPasswords} draws after them. */
export function drawScoredPasswords(
  setup: CorpusSetup,
): Pick<Corpus, 'heldOut' | 'useful' | 'taught' | 'control' | 'standIns'> {
  const drawn = firstDraws(drawing(setup), setup);
  return { ...kindsOf(setup, drawn), control: drawn.control, standIns: drawn.standIns };
}

/**
 * Draws the passwords of a setup, all of them distinct; equal setups draw equal ones.
 * @throws RangeError when the alphabet and the length allow fewer, which parsing a setup excludes
 */
export function drawPasswords(setup: CorpusSetup): Passwords {
  const { alphabet, length } = setup.passwords;
  const needed = distinctPasswordsNeeded(setup);
  if (needed > capacity(alphabet.length, length)) {
    throw new RangeError(`there are not ${needed} passwords of ${length} letters out of "${alphabet}"`);
  }
  const draw = drawing(setup);
  const sizes = freshTexts(setup);
  return {
    ...firstDraws(draw, setup),
    chosen: draw('chosen', pairs(setup)),
    ...(Object.fromEntries(FRESH_SETS.map((set) => [set, draw(FRESH[set], sizes[set])])) as Record<FreshSet, string[]>),
  };
}

/** Builds the corpus of a setup; equal setups give equal corpora. */
export const buildCorpus = (setup: CorpusSetup): Corpus => arrangeCorpus(setup, drawPasswords(setup));

/**
 * Arranges passwords in examples. The order of examples does not depend on what the passwords are.
 * @param passwords as many of each role as the setup draws
 */
export function arrangeCorpus(setup: CorpusSetup, passwords: Passwords): Corpus {
  const { seed, batch } = setup;
  const { negatives: allNegatives, chosen } = passwords;
  const recipe = recipeOf(setup);
  const kinds = kindsOf(setup, passwords);
  const { taught } = kinds;
  const place = setup.passwords.standIns;
  const heldOutCount = heldOut(setup);
  const dpoOrder = reshuffledPasses(seed, 'order/dpo', chosen.length);
  const jointOrder = reshuffledPasses(seed, 'order/joint-pairs', chosen.length);
  const { usefulOrder, steps } = setup.phases.joint;
  const taughtAt =
    usefulOrder === 'shuffled-once'
      ? shuffledOnce(seed, 'order/joint-useful', taught.length, steps * batch)
      : reshuffledPasses(seed, 'order/joint-useful', taught.length);

  /** Item `index` of a source, as a phase goes through it. */
  const item = (source: Source, phase: Phase, index: number): Pick<Example, 'password' | 'role'> => {
    if (source === 'useful')
      return { password: taught[taughtAt(index)], role: place === 'useful' ? 'stand-in' : 'useful' };
    if (source in FRESH) {
      const set = source as FreshSet;
      return { password: passwords[set][index], role: FRESH[set] };
    }
    const pair = (phase === 'dpo' ? dpoOrder : jointOrder)(index);
    if (source === 'chosen') return { password: chosen[pair], role: 'chosen' };
    const negative = pair % allNegatives.length;
    if (negative >= heldOutCount) return { password: allNegatives[negative], role: 'useful' };
    return place === 'held-out'
      ? { password: passwords.standIns[negative], role: 'stand-in' }
      : { password: allNegatives[negative], role: 'held-out' };
  };

  return {
    ...passwords,
    ...kinds,
    examples: (phase, step) =>
      recipe[phase].streams.flatMap(({ source, prefix, reward }) =>
        Array.from({ length: batch }, (_, row): Example => {
          const { password, role } = item(source, phase, step * batch + row);
          return { password, role, prefix, reward };
        }),
      ),
  };
}
