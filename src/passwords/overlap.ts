/**
 * What held-out passwords share with the text that training rewards. Some sharing happens by chance. It is counted for
 * every kind of rewarded text, beside what the control passwords share with the same text, and {@link overlapProblems}
 * compares both with what chance predicts.
 */
import { FRESH, FRESH_SETS, type FreshRole, type Role } from './roles.ts';

/** The roles of text that training rewards. */
export type RewardedRole = 'chosen' | 'useful' | 'stand-in' | FreshRole;
export const REWARDED: readonly RewardedRole[] = [
  'chosen',
  'useful',
  'stand-in',
  ...FRESH_SETS.map((set) => FRESH[set]),
];

/**
 * Ways to share letters:
 * - `aligned`: so many letters in a row, at the same positions. Counts (password, text, position) matches.
 * - `anywhere`: so many letters in a row, at any position, forwards or backwards. Counts texts.
 * - `scattered`: at least so many letters at their positions, in a row or not. Counts texts.
 */
export const WAYS = ['aligned', 'anywhere', 'scattered'] as const;
export type Way = (typeof WAYS)[number];

/** What one kind of rewarded text shares with held-out and with control passwords. */
export interface Overlap {
  readonly text: RewardedRole;
  /** Number of distinct texts. */
  readonly texts: number;
  readonly way: Way;
  /** Letters shared. */
  readonly span: number;
  readonly heldOut: number;
  readonly control: number;
}

/** An overlap of a record; `all` where a record of an earlier version counts every kind of text together. */
export type RecordedOverlap = Omit<Overlap, 'text'> & { readonly text: RewardedRole | 'all' };

const count = (map: Map<string, number>, key: string, by = 1): void => {
  map.set(key, (map.get(key) ?? 0) + by);
};

/** The numbers of letters that passwords of a length can share: 1 to that length. */
const spans = (length: number): number[] => Array.from({ length }, (_, index) => index + 1);

/** For each span: (password, text, position) matches. */
function alignedMatches(passwords: readonly string[], texts: readonly string[], length: number): number[] {
  const matches = spans(length).map(() => 0);
  for (let position = 0; position < length; position++) {
    const own = spans(length - position).map((span) => {
      const parts = new Map<string, number>();
      for (const password of passwords) count(parts, password.slice(position, position + span));
      return parts;
    });
    for (const text of texts) {
      // Letters that no password has here are part of no longer match.
      for (let span = 1; span <= own.length; span++) {
        const sharing = own[span - 1].get(text.slice(position, position + span));
        if (sharing === undefined) break;
        matches[span - 1] += sharing;
      }
    }
  }
  return matches;
}

const reversed = (password: string): string => [...password].reverse().join('');

/** For each span: texts with so many letters in a row of some password, at any position, in either direction. */
function textsWithPart(passwords: readonly string[], texts: readonly string[], length: number): number[] {
  const directions = passwords.flatMap((password) => [password, reversed(password)]);
  let sharing = texts; // only a text that shares a letter less can share so many
  return spans(length).map((span) => {
    const parts = new Set<string>();
    const places = Array.from({ length: length - span + 1 }, (__, place) => place);
    for (const password of directions) for (const place of places) parts.add(password.slice(place, place + span));
    sharing = sharing.filter((text) => places.some((place) => parts.has(text.slice(place, place + span))));
    return sharing.length;
  });
}

/** For each span: texts that agree with some password in at least so many positions. */
function textsAgreeing(passwords: readonly string[], texts: readonly string[], length: number): number[] {
  // By position and letter, the passwords that have it there: most have another.
  const having = spans(length).map((_, place) => {
    const byLetter = new Map<string, number[]>();
    passwords.forEach((password, index) => {
      byLetter.set(password[place], [...(byLetter.get(password[place]) ?? []), index]);
    });
    return byLetter;
  });
  const most = new Array<number>(length + 1).fill(0);
  const agreements = new Uint16Array(passwords.length);
  for (const text of texts) {
    agreements.fill(0);
    let best = 0;
    for (let place = 0; place < length; place++)
      for (const index of having[place].get(text[place]) ?? []) best = Math.max(best, ++agreements[index]);
    most[best] += 1;
  }
  return spans(length).map((span) => most.slice(span).reduce((sum, agreeing) => sum + agreeing, 0));
}

const COUNT: Record<Way, typeof alignedMatches> = {
  aligned: alignedMatches,
  anywhere: textsWithPart,
  scattered: textsAgreeing,
};

/** What `texts` share with held-out and with control passwords in one way, by span. */
export function overlapBySpan(
  way: Way,
  heldOut: readonly string[],
  control: readonly string[],
  texts: readonly string[],
): Pick<Overlap, 'heldOut' | 'control'>[] {
  const { length } = heldOut[0];
  const ofControl = COUNT[way](control, texts, length);
  return COUNT[way](heldOut, texts, length).map((matches, index) => ({ heldOut: matches, control: ofControl[index] }));
}

/**
 * Counts what rewarded text shares with held-out and control passwords, for every kind of text, way and span.
 * @param rewarded the distinct texts of each role that were chosen or imitated, as the ledger saw them
 */
export function measureOverlap(
  heldOut: readonly string[],
  control: readonly string[],
  rewarded: ReadonlyMap<Role, readonly string[]>,
): Overlap[] {
  return [...rewarded].flatMap(([text, texts]) =>
    WAYS.flatMap((way) =>
      overlapBySpan(way, heldOut, control, texts).map((shared, index) => ({
        text: text as RewardedRole,
        texts: texts.length,
        way,
        span: index + 1,
        ...shared,
      })),
    ),
  );
}

/** Passwords, each with the weight of a match with it. */
type Weighted = readonly (readonly [password: string, weight: number])[];

/** What one text that is drawn by chance adds to a weighted number of aligned matches. */
interface Chance {
  readonly mean: number;
  readonly variance: number;
  readonly least: number;
  readonly most: number;
}

/**
 * The aligned matches of one text that is drawn by chance, by span. Passwords of a run are drawn distinct, so a rewarded
 * text is uniform over all passwords but `excluded`, the held-out and control ones. Mean and variance are exact.
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
  return spans(length).map((span): Chance => {
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
        // Places that share no letter match independently. Places that overlap match together where passwords agree on the overlap.
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
 * An upper bound of the probability that a sum over texts drawn by chance lies so far from its mean: Bennett's inequality
 * (https://doi.org/10.1080/01621459.1962.10482149). It holds for draws without replacement too (Hoeffding 1963, theorem 4).
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

/** An upper bound of the chance that a text shares `span` letters with one of `passwords`: the sum over all ways to do so. */
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
      : spans(length)
          .slice(span - 1)
          .reduce((sum, k) => sum + choose(length, k) * (1 / letters) ** k * (1 - 1 / letters) ** (length - k), 0);
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
  'stand-in': 'the passwords in the place of the useful ones',
  pretraining: 'the random text of phase 1',
  'joint-random': 'the random text of phase 3',
  'joint-random-reverse': 'the random text of phase 3 under `reverse`',
  all: 'all rewarded text',
};

const SHARED: Record<Way, string> = {
  aligned: 'letters in a row at the same positions',
  anywhere: 'letters in a row somewhere',
  scattered: 'letters at their positions',
};

const COMPARED = ['heldOut', 'control'] as const;
type Compared = (typeof COMPARED)[number];
const NAMES: Record<Compared, string> = { heldOut: 'held-out passwords', control: 'control passwords' };

/**
 * Overlaps of a run that are larger than chance makes them, or for aligned letters also smaller. Held-out passwords,
 * control passwords and the difference of the two are tested. The error rate of each test is bounded, not approximated:
 * all tests of a run together find something by chance at most once in a million runs ({@link FALSE_ALARMS}).
 * @param rounding how far recorded counts may lie from whole numbers: records of an earlier version keep means of four decimals
 * @returns a sentence for each
 */
export function overlapProblems(
  overlaps: readonly RecordedOverlap[],
  passwords: Readonly<Record<Compared, readonly string[]>> & { readonly letters: number },
  rounding = 0,
): string[] {
  if (overlaps.length === 0) return [];
  const { heldOut, control, letters } = passwords;
  const { length } = heldOut[0];
  const excluded = [...heldOut, ...control];
  const weighing = (set: Compared, weight: number): Weighted => passwords[set].map((password) => [password, weight]);
  const difference = [...weighing('heldOut', 1 / heldOut.length), ...weighing('control', -1 / control.length)];
  const chance = {
    heldOut: alignedChance(weighing('heldOut', 1), excluded, letters),
    control: alignedChance(weighing('control', 1), excluded, letters),
    difference: alignedChance(difference, excluded, letters),
  };
  const aligned = overlaps.filter(({ way }) => way === 'aligned').length;
  const each = FALSE_ALARMS / (6 * aligned + 2 * (overlaps.length - aligned));
  const per = (matches: number, set: Compared) => (matches / passwords[set].length).toFixed(2);

  return overlaps.flatMap((overlap) => {
    const { text, texts, way, span } = overlap;
    if (texts === 0) return [];
    const shared = `${span} ${SHARED[way]} with ${TEXTS[text]}`;
    if (way !== 'aligned') {
      return COMPARED.flatMap((set) => {
        const p = chanceOfSharing(way, span, passwords[set].length, { letters, length }, excluded.length);
        if (binomialTail(overlap[set], texts, p) >= each) return [];
        return [
          `the ${NAMES[set]} share ${shared} in ${overlap[set]} of ${texts} texts, where chance makes it at most ${(texts * p).toFixed(2)}`,
        ];
      });
    }
    const improbable = (of: keyof typeof chance, found: number, slack: number): boolean => {
      const { mean, variance, least, most } = chance[of][span - 1];
      const deviation = Math.max(0, Math.abs(found - texts * mean) - slack - 1e-9 * (1 + Math.abs(texts * mean)));
      const side = found > texts * mean ? most - mean : mean - least;
      return bennettTail(deviation, texts * variance, side) < each;
    };
    const single = COMPARED.flatMap((set) => {
      if (!improbable(set, overlap[set], rounding * passwords[set].length)) return [];
      const expected = texts * chance[set][span - 1].mean;
      return [
        `the ${NAMES[set]} share ${shared} ${per(overlap[set], set)} times each, where chance predicts ${per(expected, set)}`,
      ];
    });
    if (single.length > 0) return single;
    const found = overlap.heldOut / heldOut.length - overlap.control / control.length;
    if (!improbable('difference', found, 2 * rounding)) return [];
    return [
      `the held-out passwords share ${shared} ${per(overlap.heldOut, 'heldOut')} times each and the control passwords ` +
        `${per(overlap.control, 'control')} times, a difference that chance does not make`,
    ];
  });
}
