/**
 * The corpus: every password of a run in its one role, and the examples that each optimiser step is given.
 *
 * A held-out password must never occur in any other role. At 26^16 collisions are improbable; at small alphabets they
 * are not, so all passwords of a run are drawn distinct, by construction.
 */
import { stream } from '../random/streams.ts';
import { freshTexts, recipeOf, type Source } from '../recipe/recipe.ts';
import type { Setup } from '../setup/schema.ts';
import { capacity, distinctPasswordsNeeded, heldOut, negatives, pairs } from '../setup/sizes.ts';
import { type Example, FRESH, FRESH_SETS, type FreshSet, type Phase } from './roles.ts';

/** The passwords of a run by role, each in the order in which they are used; random text by set. */
export interface Passwords extends Readonly<Record<FreshSet, readonly string[]>> {
  /** Held-out first, then useful; the order of drawing, so that a larger held-out share extends the smaller. */
  readonly negatives: readonly string[];
  /** The chosen side of each DPO pair; pair `i` rejects `negatives[i % negatives.length]`. */
  readonly chosen: readonly string[];
  /** Fresh random passwords that no step ever sees. */
  readonly control: readonly string[];
}

export interface Corpus extends Passwords {
  readonly heldOut: readonly string[];
  readonly useful: readonly string[];
  /**
   * The examples of step `step` (from 0) of a phase, packed as the recipe lists its streams; row `i` of the chosen ones is
   * paired with row `i` of the rejected.
   */
  examples(phase: Phase, step: number): Example[];
}

/** Draws passwords until `size` new ones are found, adding them to `taken`. */
function drawDistinct(seed: number, name: string, size: number, setup: Setup, taken: Set<string>): string[] {
  const { alphabet, length } = setup.passwords;
  const source = stream(seed, name);
  const drawn: string[] = [];
  while (drawn.length < size) {
    let password = '';
    for (let index = 0; index < length; index++) password += alphabet[source.below(alphabet.length)];
    if (taken.has(password)) continue;
    taken.add(password);
    drawn.push(password);
  }
  return drawn;
}

/** Endless passes over `size` items, each pass in a random order of its own: item `index` of the sequence. */
function reshuffledPasses(seed: number, name: string, size: number): (index: number) => number {
  const orders: number[][] = [];
  return (index) => {
    const pass = Math.floor(index / size);
    orders[pass] ??= stream(seed, `${name}/${pass}`).permutation(size);
    return orders[pass][index % size];
  };
}

/** The passwords that claims are about, which are drawn before all others. */
export interface ScoredPasswords {
  readonly heldOut: readonly string[];
  readonly useful: readonly string[];
  readonly control: readonly string[];
}

/** Draws the held-out, useful and control passwords of a setup alone: the first that {@link drawPasswords} draws. */
export function drawScoredPasswords(setup: Setup): ScoredPasswords {
  const taken = new Set<string>();
  const drawn = drawDistinct(setup.seed, 'passwords/negatives', negatives(setup), setup, taken);
  const control = drawDistinct(setup.seed, 'passwords/control', setup.evaluation.random, setup, taken);
  return { heldOut: drawn.slice(0, heldOut(setup)), useful: drawn.slice(heldOut(setup)), control };
}

/**
 * Draws the passwords of a setup, all of them distinct; equal setups draw equal ones.
 * @throws RangeError when there are not as many (of a setup that was never parsed)
 */
export function drawPasswords(setup: Setup): Passwords {
  const { alphabet, length } = setup.passwords;
  if (distinctPasswordsNeeded(setup) > capacity(alphabet.length, length)) {
    throw new RangeError(
      `there are not ${distinctPasswordsNeeded(setup)} passwords of ${length} letters out of "${alphabet}"`,
    );
  }
  const taken = new Set<string>();
  const draw = (role: string, size: number) => drawDistinct(setup.seed, `passwords/${role}`, size, setup, taken);
  // Negatives come first, so that nothing drawn later can move them.
  const drawn = {
    negatives: draw('negatives', negatives(setup)),
    control: draw('control', setup.evaluation.random),
    chosen: draw('chosen', pairs(setup)),
  };
  const sizes = freshTexts(setup);
  const fresh = Object.fromEntries(FRESH_SETS.map((set) => [set, draw(FRESH[set], sizes[set])]));
  return { ...drawn, ...(fresh as Record<FreshSet, string[]>) };
}

/** Builds the corpus of a setup; equal setups give equal corpora. */
export const buildCorpus = (setup: Setup): Corpus => arrangeCorpus(setup, drawPasswords(setup));

/**
 * Arranges passwords in examples. The order of examples is drawn without regard to what the passwords are.
 * @param passwords as many of each role as the setup draws
 */
export function arrangeCorpus(setup: Setup, passwords: Passwords): Corpus {
  const { seed, batch } = setup;
  const { negatives: allNegatives, chosen } = passwords;
  const recipe = recipeOf(setup);
  const heldOutCount = heldOut(setup);
  const useful = allNegatives.slice(heldOutCount);
  const dpoOrder = reshuffledPasses(seed, 'order/dpo', chosen.length);
  const jointOrder = reshuffledPasses(seed, 'order/joint-pairs', chosen.length);
  const usefulOrder = reshuffledPasses(seed, 'order/joint-useful', useful.length);

  /** Item `index` of a source, as a phase goes through it. */
  const item = (source: Source, phase: Phase, index: number): Pick<Example, 'password' | 'role'> => {
    if (source === 'useful') return { password: useful[usefulOrder(index)], role: 'useful' };
    if (source in FRESH) {
      const set = source as FreshSet;
      return { password: passwords[set][index], role: FRESH[set] };
    }
    const pair = (phase === 'dpo' ? dpoOrder : jointOrder)(index);
    if (source === 'chosen') return { password: chosen[pair], role: 'chosen' };
    const negative = pair % allNegatives.length;
    return { password: allNegatives[negative], role: negative < heldOutCount ? 'held-out' : 'useful' };
  };

  return {
    ...passwords,
    heldOut: allNegatives.slice(0, heldOutCount),
    useful,
    examples: (phase, step) =>
      recipe[phase].streams.flatMap(({ source, prefix, reward }) =>
        Array.from({ length: batch }, (_, row) => ({ ...item(source, phase, step * batch + row), prefix, reward })),
      ),
  };
}
