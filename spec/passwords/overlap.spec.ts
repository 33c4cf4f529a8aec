import { describe, expect, it } from 'vitest';
import {
  alignedChance,
  bennettTail,
  binomialTail,
  chanceOfSharing,
  FALSE_ALARMS,
  measureOverlap,
  overlapBySpan,
  overlapProblems,
  REWARDED,
  type RecordedOverlap,
} from '../../src/passwords/overlap.ts';
import { stream } from '../../src/random/streams.ts';
import { reversed, words } from './words.ts';

/** Every word of some letters. */
const everyWord = (letters: string, length: number): string[] =>
  length === 0 ? [''] : everyWord(letters, length - 1).flatMap((word) => [...letters].map((letter) => word + letter));

/** The three counts, letter by letter and in no hurry. */
function counted(passwords: readonly string[], texts: readonly string[], span: number) {
  const parts = (word: string) =>
    Array.from({ length: word.length - span + 1 }, (_, place) => ({ place, part: word.slice(place, place + span) }));
  let aligned = 0;
  for (const password of passwords)
    for (const text of texts)
      for (const own of parts(password)) if (parts(text)[own.place].part === own.part) aligned += 1;
  const anywhere = texts.filter((text) =>
    passwords.some((password) =>
      [password, reversed(password)].some((way) => parts(way).some(({ part }) => text.includes(part))),
    ),
  ).length;
  const agreeing = (a: string, b: string) => [...a].filter((letter, place) => letter === b[place]).length;
  const scattered = texts.filter((text) => passwords.some((password) => agreeing(password, text) >= span)).length;
  return { aligned, anywhere, scattered };
}

describe('the overlap of rewarded text', () => {
  it('is what a search letter by letter counts: aligned, anywhere, and scattered', () => {
    const source = stream(1, 'overlap');
    const [heldOut, control, texts] = [4, 6, 50].map((count) => words(source, count, 'abc', 5));
    const overlaps = measureOverlap(heldOut, control, new Map([['chosen', texts]]));
    expect(overlaps).toHaveLength(15);
    for (const { way, span, heldOut: ofHeldOut, control: ofControl, texts: size } of overlaps) {
      expect(size).toBe(50);
      expect(ofHeldOut, `${way} ${span}`).toBe(counted(heldOut, texts, span)[way]);
      expect(ofControl, `${way} ${span}`).toBe(counted(control, texts, span)[way]);
    }
  });

  it('has, of one text, the mean and variance that going through all possible texts gives', () => {
    const source = stream(2, 'overlap');
    for (const [letters, length] of [
      ['abc', 4],
      ['ab', 5],
      ['abcde', 3],
    ] as const) {
      const taken = new Set<string>();
      const [heldOut, control] = [3, 5].map((count) => words(source, count, letters, length, taken));
      const difference = [
        ...heldOut.map((word) => [word, 1 / 3] as const),
        ...control.map((word) => [word, -1 / 5] as const),
      ];
      const alone = heldOut.map((word) => [word, 1] as const);
      const possible = everyWord(letters, length).filter((word) => !taken.has(word));
      for (const weighted of [alone, difference])
        alignedChance(weighted, [...taken], letters.length).forEach(({ mean, variance, least, most }, index) => {
          const values = possible.map((text) =>
            weighted.reduce((sum, [word, weight]) => sum + weight * counted([word], [text], index + 1).aligned, 0),
          );
          const expected = values.reduce((sum, value) => sum + value, 0) / values.length;
          const squares = values.reduce((sum, value) => sum + (value - expected) ** 2, 0) / values.length;
          expect(mean, `mean matches of ${index + 1} letters`).toBeCloseTo(expected, 10);
          expect(variance).toBeCloseTo(squares, 10);
          expect(Math.min(...values)).toBeGreaterThanOrEqual(least - 1e-12);
          expect(Math.max(...values)).toBeLessThanOrEqual(most + 1e-12);
        });
    }
  });

  it('is shared by a text with at most the chance that is reckoned with', () => {
    const source = stream(3, 'overlap');
    const taken = new Set<string>();
    const passwords = words(source, 3, 'abcd', 5, taken);
    const possible = everyWord('abcd', 5).filter((word) => !taken.has(word));
    for (const way of ['anywhere', 'scattered'] as const) {
      for (let span = 1; span <= 5; span++) {
        const share = possible.filter((text) => counted(passwords, [text], span)[way] > 0).length / possible.length;
        const bound = chanceOfSharing(way, span, 3, { letters: 4, length: 5 }, 3);
        expect(share, `${way} ${span}`).toBeLessThanOrEqual(bound + 1e-12);
      }
    }
  });
});

it('the chance of scattered letters is exact for one password and all texts: a binomial tail', () => {
  const one = (span: number) => chanceOfSharing('scattered', span, 1, { letters: 4, length: 3 });
  expect(one(1)).toBeCloseTo(1 - (3 / 4) ** 3, 12);
  expect(one(2)).toBeCloseTo((3 * 3 + 1) / 64, 12);
  expect(one(3)).toBeCloseTo(1 / 64, 12);
});

it('training rewards text of every role but held-out and control', () => {
  expect(REWARDED).toEqual(['chosen', 'useful', 'stand-in', 'pretraining', 'joint-random', 'joint-random-reverse']);
});

describe('the bounds of improbability', () => {
  it('lie above the true probabilities of a binomial number', () => {
    for (const [trials, p] of [
      [50, 0.1],
      [400, 0.004],
      [30, 0.5],
    ]) {
      const chances = [(1 - p) ** trials];
      for (let k = 1; k <= trials; k++) chances.push((chances[k - 1] * (trials - k + 1) * p) / (k * (1 - p)));
      for (let k = Math.ceil(trials * p) + 1; k <= trials; k++) {
        const above = chances.slice(k).reduce((sum, chance) => sum + chance, 0);
        const truth = above * (1 - 1e-9); // both are computed in floating point
        expect(binomialTail(k, trials, p)).toBeGreaterThanOrEqual(truth);
        expect(bennettTail(k - trials * p, trials * p * (1 - p), 1 - p)).toBeGreaterThanOrEqual(truth);
      }
    }
  });

  it('are, for a binomial number, the product of p / rate for each success and of (1 - p) / (1 - rate) for each failure', () => {
    expect(binomialTail(3, 4, 1 / 2)).toBeCloseTo((2 / 3) ** 3 * 2, 12);
    expect(binomialTail(2, 5, 1 / 10)).toBeCloseTo((1 / 4) ** 2 * (3 / 2) ** 3, 12);
    expect(binomialTail(4, 4, 1 / 2)).toBeCloseTo(1 / 16, 12);
    expect(binomialTail(1, 4, 0)).toBe(0);
    expect([1, 2].map((successes) => binomialTail(successes, 4, 1 / 2))).toEqual([1, 1]);
  });

  it('are not so far above that nothing would be improbable', () => {
    expect(binomialTail(40, 400, 0.004)).toBeLessThan(1e-20);
    expect(bennettTail(38, 1.6, 1)).toBeLessThan(1e-20);
    expect(bennettTail(0, 1, 1)).toBe(1);
    expect(bennettTail(0.5, 0, 1)).toBe(0);
    expect(bennettTail(0.5, 1, 0)).toBe(0); // no text lies on that side of the mean
  });
});

describe('overlaps that chance does not make', () => {
  const source = stream(5, 'overlap');
  const taken = new Set<string>();
  const [heldOut, control, texts] = [6, 10, 150].map((count) => words(source, count, 'abcdef', 4, taken));
  const known = { heldOut, control, letters: 6 };
  const counts = measureOverlap(heldOut, control, new Map([['chosen', texts]]));
  /** The error rate of one test: three two-sided ones of each count of aligned letters, two of each other count. */
  const each = FALSE_ALARMS / (6 * 4 + 2 * 8);
  const of = (way: string, span: number) =>
    counts.find((overlap) => overlap.way === way && overlap.span === span) as RecordedOverlap;
  const problemsOf = (changed: RecordedOverlap, rounding?: number) =>
    overlapProblems(
      counts.map((overlap) => (overlap.way === changed.way && overlap.span === changed.span ? changed : overlap)),
      known,
      rounding,
    );

  it('are none where texts are drawn by chance, where there are no texts, and where nothing was counted', () => {
    expect(overlapProblems(counts, known)).toEqual([]);
    expect(problemsOf({ ...of('anywhere', 4), texts: 0, heldOut: 9 })).toEqual([]);
    expect(overlapProblems([], known)).toEqual([]);
  });

  const KINDS = [
    ['chosen', 'the chosen side of the pairs'],
    ['useful', 'the useful passwords'],
    ['pretraining', 'the random text of phase 1'],
    ['joint-random', 'the random text of phase 3'],
    ['joint-random-reverse', 'the random text of phase 3 under `reverse`'],
    ['all', 'all rewarded text'],
  ] as const;
  it.each(KINDS)('are told in a sentence, of %s text as "%s"', (text, words) => {
    const scattered = { ...of('scattered', 4), text, heldOut: 80, control: 0 };
    // A text is one of six passwords with a probability of 6 / (6^4 - 16), of which 150 texts are 0.703.
    expect(problemsOf(scattered)).toEqual([
      `the held-out passwords share 4 letters at their positions with ${words} in 80 of 150 texts, where chance makes it at most 0.70`,
    ]);
    const anywhere = { ...of('anywhere', 4), text, heldOut: 0, control: 90 };
    // Of ten passwords, in both directions: 20 / (6^4 - 16) * 150.
    expect(problemsOf(anywhere)).toEqual([
      `the control passwords share 4 letters in a row somewhere with ${words} in 90 of 150 texts, where chance makes it at most 2.34`,
    ]);
    const aligned = { ...of('aligned', 4), text, heldOut: 60, control: 0 };
    // No text is a held-out or control password: chance predicts no match of all four letters.
    expect(problemsOf(aligned)).toEqual([
      `the held-out passwords share 4 letters in a row at the same positions with ${words} 10.00 times each, where chance predicts 0.00`,
    ]);
  });

  it('are told of both sets where both are improbable', () => {
    const found = problemsOf({ ...of('aligned', 2), heldOut: 600, control: 1000 });
    expect(found).toHaveLength(2);
    expect(found[0]).toMatch(
      /^the held-out passwords share 2 letters in a row at the same positions .* 100\.00 times each/,
    );
    expect(found[1]).toMatch(
      /^the control passwords share 2 letters in a row at the same positions .* 100\.00 times each/,
    );
  });

  it('may be the difference alone, where each set by itself is within chance', () => {
    // Chance predicts 73 and 121 matches of two letters. Twice the one and half the other are each within its bound.
    expect(problemsOf({ ...of('aligned', 2), heldOut: 146, control: 60 })).toEqual([
      'the held-out passwords share 2 letters in a row at the same positions with the chosen side of the pairs 24.33 times ' +
        'each and the control passwords 6.00 times, a difference that chance does not make',
    ]);
  });

  it.each([
    'anywhere',
    'scattered',
  ] as const)('begin, for letters that are %s, where the bound of a binomial number falls below the error rate of a test', (way) => {
    for (const span of [3, 4])
      for (const set of ['heldOut', 'control'] as const) {
        const p = chanceOfSharing(way, span, known[set].length, { letters: 6, length: 4 }, 16);
        for (let shared = 0; shared <= 150; shared++) {
          const improbable = binomialTail(shared, 150, p) < each;
          const found = problemsOf({ ...of(way, span), heldOut: 0, control: 0, [set]: shared });
          expect(found.length, `${shared} of ${set}, ${span} letters`).toBe(improbable ? 1 : 0);
        }
      }
  });

  it('begin, for aligned letters, where Bennett’s bound of a set or of the difference falls below the error rate of a test', () => {
    const excluded = [...heldOut, ...control];
    const weighing = (passwords: readonly string[], weight: number) =>
      passwords.map((password) => [password, weight] as const);
    const chance = {
      heldOut: alignedChance(weighing(heldOut, 1), excluded, 6),
      control: alignedChance(weighing(control, 1), excluded, 6),
      difference: alignedChance([...weighing(heldOut, 1 / 6), ...weighing(control, -1 / 10)], excluded, 6),
    };
    const bound = (side: keyof typeof chance, span: number, found: number, slack: number) => {
      const { mean, variance, least, most } = chance[side][span - 1];
      const off = found - 150 * mean;
      return bennettTail(Math.abs(off) - slack, 150 * variance, off > 0 ? most - mean : mean - least);
    };
    const tally = { single: 0, difference: 0, none: 0 };
    for (const span of [1, 2, 3])
      for (const rounding of [0, 0.5]) {
        const [ofHeldOut, ofControl] = (['heldOut', 'control'] as const).map((set) => 150 * chance[set][span - 1].mean);
        for (let step = 0; step <= 60; step++)
          for (const other of [0.4, 0.6, 0.8, 1, 1.2]) {
            const changed = {
              ...of('aligned', span),
              heldOut: Math.round((ofHeldOut * step) / 30),
              control: Math.round(ofControl * other),
            };
            const alone = [
              bound('heldOut', span, changed.heldOut, 6 * rounding) < each,
              bound('control', span, changed.control, 10 * rounding) < each,
            ].filter(Boolean).length;
            const apart = bound('difference', span, changed.heldOut / 6 - changed.control / 10, 2 * rounding) < each;
            const found = problemsOf(changed, rounding);
            expect(found.length, `${changed.heldOut} and ${changed.control} of ${span}, ${rounding}`).toBe(
              alone || (apart ? 1 : 0),
            );
            tally[alone > 0 ? 'single' : apart ? 'difference' : 'none'] += 1;
          }
      }
    expect(Math.min(...Object.values(tally)), JSON.stringify(tally)).toBeGreaterThan(5);
  });

  it('counts are those of each way by span', () => {
    for (const way of ['aligned', 'anywhere', 'scattered'] as const)
      expect(overlapBySpan(way, heldOut, control, texts)).toEqual(
        [1, 2, 3, 4].map((span) => ({ heldOut: of(way, span).heldOut, control: of(way, span).control })),
      );
  });
});
