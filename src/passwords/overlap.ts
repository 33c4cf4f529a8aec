/**
 * What held-out passwords share with the text that training rewards. Some of it is unavoidable chance, so it is counted
 * for every kind of rewarded text, beside what random control passwords share with the same text, and
 * {@link overlapProblems} holds both against what chance predicts.
 */
import { FRESH, FRESH_SETS, type FreshRole, type Role } from './roles.ts';

/** The roles whose text training rewards. */
export type RewardedRole = 'chosen' | 'useful' | FreshRole;
export const REWARDED: readonly RewardedRole[] = ['chosen', 'useful', ...FRESH_SETS.map((set) => FRESH[set])];

/**
 * Ways to share letters:
 * - `aligned`: that many letters in a row, at the same positions; counted are (password, text, position) matches.
 * - `anywhere`: that many letters in a row, wherever they stand, forwards or backwards; counted are texts.
 * - `scattered`: at least that many letters at their positions, in a row or not; counted are texts.
 */
export const WAYS = ['aligned', 'anywhere', 'scattered'] as const;
export type Way = (typeof WAYS)[number];

/** What one kind of rewarded text shares with held-out and with control passwords. */
export interface Overlap {
  readonly text: RewardedRole;
  /** How many distinct texts. */
  readonly texts: number;
  readonly way: Way;
  /** Letters shared. */
  readonly span: number;
  readonly heldOut: number;
  readonly control: number;
}

/** The same; `all` where a record of an earlier version counts every kind of text together. */
export type RecordedOverlap = Omit<Overlap, 'text'> & { readonly text: RewardedRole | 'all' };

const count = (map: Map<string, number>, key: string, by = 1): void => {
  map.set(key, (map.get(key) ?? 0) + by);
};

/** For each span from 1 letter on: (password, text, position) matches. */
function alignedMatches(passwords: readonly string[], texts: readonly string[], length: number): number[] {
  return Array.from({ length }, (_, index) => {
    const span = index + 1;
    let matches = 0;
    for (let position = 0; position + span <= length; position++) {
      const own = new Map<string, number>();
      for (const password of passwords) count(own, password.slice(position, position + span));
      for (const text of texts) matches += own.get(text.slice(position, position + span)) ?? 0;
    }
    return matches;
  });
}

/** Aligned matches alone, by span: of held-out and of control passwords with `texts`. */
export function alignedOverlap(
  heldOut: readonly string[],
  control: readonly string[],
  texts: readonly string[],
): { readonly heldOut: number; readonly control: number }[] {
  const { length } = heldOut[0];
  const ofControl = alignedMatches(control, texts, length);
  return alignedMatches(heldOut, texts, length).map((matches, index) => ({
    heldOut: matches,
    control: ofControl[index],
  }));
}

const reversed = (password: string): string => [...password].reverse().join('');

/** For each span from 1 letter on: texts with so many letters in a row of some password, anywhere, in either direction. */
function textsWithPart(passwords: readonly string[], texts: readonly string[], length: number): number[] {
  const directions = passwords.flatMap((password) => [password, reversed(password)]);
  return Array.from({ length }, (_, index) => {
    const span = index + 1;
    const parts = new Set<string>();
    const places = Array.from({ length: length - span + 1 }, (__, place) => place);
    for (const password of directions) for (const place of places) parts.add(password.slice(place, place + span));
    return texts.filter((text) => places.some((place) => parts.has(text.slice(place, place + span)))).length;
  });
}

/** For each number of letters from 1 on: texts that have at least so many in the places where some password has them. */
function textsAgreeing(passwords: readonly string[], texts: readonly string[], length: number): number[] {
  const codes = passwords.map((password) => Uint16Array.from(password, (letter) => letter.charCodeAt(0)));
  const most = new Array<number>(length + 1).fill(0);
  for (const text of texts) {
    let best = 0;
    for (const code of codes) {
      let agree = 0;
      for (let place = 0; place < length; place++) if (code[place] === text.charCodeAt(place)) agree++;
      if (agree > best) best = agree;
    }
    most[best] += 1;
  }
  return Array.from({ length }, (_, index) => most.slice(index + 1).reduce((sum, texts_) => sum + texts_, 0));
}

const COUNT: Record<Way, typeof alignedMatches> = {
  aligned: alignedMatches,
  anywhere: textsWithPart,
  scattered: textsAgreeing,
};

/**
 * Counts what rewarded text shares with held-out and control passwords, for every kind of text, way and number of letters.
 * @param rewarded the distinct texts of each role that were chosen or imitated, as the ledger saw them
 */
export function measureOverlap(
  heldOut: readonly string[],
  control: readonly string[],
  rewarded: ReadonlyMap<Role, readonly string[]>,
): Overlap[] {
  const { length } = heldOut[0];
  return [...rewarded].flatMap(([text, texts]) =>
    WAYS.flatMap((way) => {
      const ofHeldOut = COUNT[way](heldOut, texts, length);
      const ofControl = COUNT[way](control, texts, length);
      return ofHeldOut.map((matches, index) => ({
        text: text as RewardedRole,
        texts: texts.length,
        way,
        span: index + 1,
        heldOut: matches,
        control: ofControl[index],
      }));
    }),
  );
}

/** Passwords, each with the weight that a match of it counts. */
type Weighted = readonly (readonly [password: string, weight: number])[];

/** Mean and bounds of what one text adds to a weighted number of aligned matches, for a text drawn by chance. */
export interface Chance {
  readonly mean: number;
  readonly variance: number;
  readonly least: number;
  readonly most: number;
}

/**
 * What chance makes of the aligned matches of one text, by span. Passwords of a run are drawn distinct, so a rewarded text
 * is uniform over all passwords but `excluded`, the held-out and control ones: mean and variance are exact.
 */
export function alignedChance(weighted: Weighted, excluded: readonly string[], letters: number): Chance[] {
  const [[{ length }]] = weighted;
  const total = weighted.reduce((sum, [, weight]) => sum + weight, 0);
  // Weights by the letters at positions [from, to).
  const tables = Array.from({ length }, (_, from) =>
    Array.from({ length: length - from }, (__, size) => {
      const table = new Map<string, number>();
      for (const [password, weight] of weighted) count(table, password.slice(from, from + size + 1), weight);
      return table;
    }),
  );
  const squares = tables.map((row) => row.map((table) => [...table.values()].reduce((sum, w) => sum + w * w, 0)));
  const population = letters ** length;
  const rest = population - excluded.length;
  return Array.from({ length }, (_, index): Chance => {
    const span = index + 1;
    const positions = length - span + 1;
    let meanOfAll = 0;
    let squareOfAll = 0;
    let [least, most] = [0, 0];
    for (let at = 0; at < positions; at++) {
      meanOfAll += total * letters ** -span;
      const weights = [...tables[at][span - 1].values()];
      least += Math.min(0, ...weights);
      most += Math.max(0, ...weights);
      for (let other = 0; other < positions; other++) {
        const distance = Math.abs(at - other);
        // Two places of one text that share no letter match independently; else both match where passwords agree on what they share.
        squareOfAll +=
          distance >= span
            ? total ** 2 * letters ** (-2 * span)
            : squares[Math.max(at, other)][span - distance - 1] * letters ** -(span + distance);
      }
    }
    let [sum, sumOfSquares] = [0, 0];
    for (const password of excluded) {
      let own = 0;
      for (let at = 0; at < positions; at++) own += tables[at][span - 1].get(password.slice(at, at + span)) ?? 0;
      sum += own;
      sumOfSquares += own ** 2;
    }
    const mean = (population * meanOfAll - sum) / rest;
    const variance = Math.max(0, (population * squareOfAll - sumOfSquares) / rest - mean ** 2);
    return { mean, variance, least, most };
  });
}

/** (1 + u) ln(1 + u) - u */
const bennett = (u: number): number => (1 + u) * Math.log1p(u) - u;

/**
 * An upper bound of the probability that a sum over texts drawn by chance lies so far from its mean. Bennett's inequality
 * (https://doi.org/10.1080/01621459.1962.10482149), which holds for draws without replacement too (Hoeffding 1963, theorem 4).
 * @param most how far one text's value can lie from its mean on that side
 */
export function bennettTail(deviation: number, variance: number, most: number): number {
  if (deviation <= 0) return 1;
  if (variance === 0 || most <= 0) return 0;
  return Math.exp((-variance / most ** 2) * bennett((most * deviation) / variance));
}

const choose = (n: number, k: number): number => {
  let product = 1;
  for (let index = 0; index < k; index++) product = (product * (n - index)) / (index + 1);
  return product;
};

/** An upper bound of the chance that a text shares so many letters with one of `passwords`: the sum over all ways to do so. */
export function chanceOfSharing(
  way: 'anywhere' | 'scattered',
  span: number,
  passwords: number,
  { letters, length }: { letters: number; length: number },
  excluded = 0,
): number {
  const one =
    way === 'anywhere'
      ? 2 * (length - span + 1) ** 2 * letters ** -span
      : Array.from({ length: length - span + 1 }, (_, more) => span + more).reduce(
          (sum, agree) => sum + choose(length, agree) * (1 / letters) ** agree * (1 - 1 / letters) ** (length - agree),
          0,
        );
  const population = letters ** length;
  return Math.min(1, (passwords * one * population) / (population - excluded));
}

/** Chernoff's bound of the probability of `successes` or more in `trials` of probability `p`. */
export function binomialTail(successes: number, trials: number, p: number): number {
  const rate = successes / trials;
  if (rate <= p) return 1;
  if (p === 0) return 0;
  const divergence = rate * Math.log(rate / p) + (rate === 1 ? 0 : (1 - rate) * Math.log((1 - rate) / (1 - p)));
  return Math.exp(-trials * divergence);
}

/** How often, at most, {@link overlapProblems} finds something in a run whose passwords were all drawn by chance. */
export const FALSE_ALARMS = 1e-6;

const TEXTS: Record<RecordedOverlap['text'], string> = {
  chosen: 'the chosen side of the pairs',
  useful: 'the useful passwords',
  pretraining: 'the random text of phase 1',
  'joint-random': 'the random text of phase 3',
  'joint-random-reverse': 'the random text of phase 3 under `reverse`',
  all: 'all rewarded text',
};

const SHARED: Record<Way, (span: number) => string> = {
  aligned: (span) => `${span} letters in a row at the same positions`,
  anywhere: (span) => `${span} letters in a row somewhere`,
  scattered: (span) => `${span} letters at their positions`,
};

/**
 * Where a run's overlaps are more, or of aligned letters also less, than chance makes them: of the held-out passwords, of
 * the control passwords, and of the difference of the two. Each test's error rate is bounded, not approximated, and all of
 * a run's together find something by chance at most once in a million runs ({@link FALSE_ALARMS}).
 * @param rounding how far the recorded counts may lie from whole numbers, as records of an earlier version keep means of four decimals
 * @returns a sentence for each
 */
export function overlapProblems(
  overlaps: readonly RecordedOverlap[],
  { heldOut, control, letters }: { heldOut: readonly string[]; control: readonly string[]; letters: number },
  rounding = 0,
): string[] {
  if (overlaps.length === 0) return [];
  const { length } = heldOut[0];
  const excluded = [...heldOut, ...control];
  const sides = {
    heldOut: heldOut.map((password) => [password, 1] as const),
    control: control.map((password) => [password, 1] as const),
    difference: [
      ...heldOut.map((password) => [password, 1 / heldOut.length] as const),
      ...control.map((password) => [password, -1 / control.length] as const),
    ],
  };
  const chance = {
    heldOut: alignedChance(sides.heldOut, excluded, letters),
    control: alignedChance(sides.control, excluded, letters),
    difference: alignedChance(sides.difference, excluded, letters),
  };
  const aligned = overlaps.filter(({ way }) => way === 'aligned').length;
  const each = FALSE_ALARMS / (6 * aligned + 2 * (overlaps.length - aligned));
  const name = { heldOut: 'held-out passwords', control: 'control passwords' };
  const per = (matches: number, passwords: number) => (matches / passwords).toFixed(2);

  return overlaps.flatMap((overlap) => {
    const { text, texts, way, span } = overlap;
    if (texts === 0) return [];
    const shared = `${SHARED[way](span)} with ${TEXTS[text]}`;
    if (way !== 'aligned') {
      return (['heldOut', 'control'] as const).flatMap((set) => {
        const passwords = set === 'heldOut' ? heldOut.length : control.length;
        const p = chanceOfSharing(way, span, passwords, { letters, length }, excluded.length);
        if (binomialTail(overlap[set], texts, p) >= each) return [];
        return [
          `the ${name[set]} share ${shared} in ${overlap[set]} of ${texts} texts, where chance makes it at most ${(texts * p).toFixed(2)}`,
        ];
      });
    }
    const improbable = (of: keyof typeof chance, found: number, slack: number): boolean => {
      const { mean, variance, least, most } = chance[of][span - 1];
      const deviation = Math.max(0, Math.abs(found - texts * mean) - slack - 1e-9 * (1 + Math.abs(texts * mean)));
      const side = found > texts * mean ? most - mean : mean - least;
      return bennettTail(deviation, texts * variance, side) < each;
    };
    const single = (['heldOut', 'control'] as const).flatMap((set) => {
      const passwords = set === 'heldOut' ? heldOut.length : control.length;
      if (!improbable(set, overlap[set], rounding * passwords)) return [];
      const expected = texts * chance[set][span - 1].mean;
      return [
        `the ${name[set]} share ${shared} ${per(overlap[set], passwords)} times each, where chance predicts ${per(expected, passwords)}`,
      ];
    });
    if (single.length > 0) return single;
    const difference = overlap.heldOut / heldOut.length - overlap.control / control.length;
    if (!improbable('difference', difference, 2 * rounding)) return [];
    return [
      `the held-out passwords share ${shared} ${per(overlap.heldOut, heldOut.length)} times each and the control passwords ` +
        `${per(overlap.control, control.length)} times, a difference that chance does not make`,
    ];
  });
}
