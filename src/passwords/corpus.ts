/**
 * The corpus: every password of a run in its one role, and the examples that each optimiser step is given.
 *
 * A held-out password must never occur in any other role. At 26^16 collisions are improbable; at small alphabets they
 * are not, so all passwords of a run are drawn distinct, by construction.
 */
import { stream } from '../random/streams.ts';
import type { Setup } from '../setup/schema.ts';
import { capacity, distinctPasswordsNeeded, heldOut, negatives, pairs } from '../setup/sizes.ts';
import type { Example, Phase, Prefix, Role } from './roles.ts';

/** The passwords of a run by role, each in the order in which they are used. */
export interface Passwords {
  /** Held-out first, then useful; the order of drawing, so that a larger held-out share extends the smaller. */
  readonly negatives: readonly string[];
  /** The chosen side of each DPO pair; pair `i` rejects `negatives[i % negatives.length]`. */
  readonly chosen: readonly string[];
  /** Random text of phase 1. */
  readonly pretraining: readonly string[];
  /** Random text of phase 3. */
  readonly jointRandom: readonly string[];
  /** Random text that phase 3 imitates under `reverse`; empty where its weight is 0. */
  readonly jointRandomReverse: readonly string[];
  /** Fresh random passwords that no step ever sees. */
  readonly control: readonly string[];
}

export interface Corpus extends Passwords {
  readonly heldOut: readonly string[];
  readonly useful: readonly string[];
  /**
   * The examples of step `step` (from 0) of a phase, in the order they are packed: pretrain: random; dpo: chosen, then
   * rejected (row `i` of one paired with row `i` of the other); joint: chosen, rejected, useful, random, random under `reverse`. Kinds whose
   * weight is 0 are left out.
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

/** Which prefix texts of a phase and reward carry (paper: `reverse` marks the useful negatives of phase 3 only). */
export function prefixOf(setup: Pick<Setup, 'prefixes'>, kind: 'regular' | 'reverse'): Prefix {
  return setup.prefixes ? kind : 'none';
}

/** The prefix under which a phase is evaluated: `reverse` in phase 3, `regular` before. */
export const evaluationPrefix = (setup: Pick<Setup, 'prefixes'>, phase: Phase): Prefix =>
  prefixOf(setup, phase === 'joint' ? 'reverse' : 'regular');

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
  const { seed, batch, phases } = setup;
  const { alphabet, length } = setup.passwords;
  if (distinctPasswordsNeeded(setup) > capacity(alphabet.length, length)) {
    throw new RangeError(
      `there are not ${distinctPasswordsNeeded(setup)} passwords of ${length} letters out of "${alphabet}"`,
    );
  }
  const taken = new Set<string>();
  const draw = (role: string, size: number) => drawDistinct(seed, `passwords/${role}`, size, setup, taken);
  // Negatives come first, so that nothing drawn later can move them.
  const drawn = {
    negatives: draw('negatives', negatives(setup)),
    control: draw('control', setup.evaluation.random),
    chosen: draw('chosen', pairs(setup)),
    pretraining: draw('pretraining', phases.pretrain.steps * batch),
    jointRandom: draw('joint-random', phases.joint.steps * batch),
  };
  const reverse = phases.joint.weights.randomReverse > 0 ? phases.joint.steps * batch : 0;
  return { ...drawn, jointRandomReverse: draw('joint-random-reverse', reverse) };
}

/** Builds the corpus of a setup; equal setups give equal corpora. */
export const buildCorpus = (setup: Setup): Corpus => arrangeCorpus(setup, drawPasswords(setup));

/**
 * Arranges passwords in examples. The order of examples is drawn without regard to what the passwords are.
 * @param passwords as many of each role as the setup draws
 */
export function arrangeCorpus(setup: Setup, passwords: Passwords): Corpus {
  const { seed, batch, phases } = setup;
  const { negatives: allNegatives, chosen, pretraining, jointRandom, jointRandomReverse } = passwords;
  const { weights } = phases.joint;
  const heldOutCount = heldOut(setup);
  const useful = allNegatives.slice(heldOutCount);

  const regular = prefixOf(setup, 'regular');
  const reverse = prefixOf(setup, 'reverse');
  const dpoOrder = reshuffledPasses(seed, 'order/dpo', chosen.length);
  const jointOrder = reshuffledPasses(seed, 'order/joint-pairs', chosen.length);
  const usefulOrder = reshuffledPasses(seed, 'order/joint-useful', useful.length);

  const rows = (step: number, example: (index: number) => Example) =>
    Array.from({ length: batch }, (_, row) => example(step * batch + row));
  const imitated = (step: number, role: Role, prefix: Prefix, at: (index: number) => string) =>
    rows(step, (index) => ({ password: at(index), role, prefix, reward: 'imitated' }));
  const pairRows = (step: number, order: (index: number) => number): Example[] => [
    ...rows(step, (index) => ({ password: chosen[order(index)], role: 'chosen', prefix: regular, reward: 'chosen' })),
    ...rows(step, (index) => {
      const negative = order(index) % allNegatives.length;
      const role = negative < heldOutCount ? 'held-out' : 'useful';
      return { password: allNegatives[negative], role, prefix: regular, reward: 'rejected' };
    }),
  ];

  return {
    ...passwords,
    heldOut: allNegatives.slice(0, heldOutCount),
    useful,
    examples(phase, step) {
      if (phase === 'pretrain') return imitated(step, 'pretraining', regular, (index) => pretraining[index]);
      if (phase === 'dpo') return pairRows(step, dpoOrder);
      const random = (index: number) => jointRandom[index];
      const randomReverse = (index: number) => jointRandomReverse[index];
      return [
        ...(weights.dpo > 0 ? pairRows(step, jointOrder) : []),
        ...(weights.useful > 0 ? imitated(step, 'useful', reverse, (index) => useful[usefulOrder(index)]) : []),
        ...(weights.random > 0 ? imitated(step, 'joint-random', regular, random) : []),
        ...(weights.randomReverse > 0 ? imitated(step, 'joint-random-reverse', reverse, randomReverse) : []),
      ];
    },
  };
}
