import { describe, expect, it } from 'vitest';
import { drawPasswords } from '../../src/passwords/corpus.ts';
import {
  alignedChance,
  bennettTail,
  binomialTail,
  chanceOfSharing,
  FALSE_ALARMS,
  measureOverlap,
  overlapProblems,
} from '../../src/passwords/overlap.ts';
import type { Role } from '../../src/passwords/roles.ts';
import { type Stream, stream } from '../../src/random/streams.ts';
import { PRESETS } from '../../src/setup/presets.ts';

/** Distinct words of some letters, in random order. */
function words(source: Stream, count: number, letters: string, length: number, taken = new Set<string>()): string[] {
  const drawn: string[] = [];
  while (drawn.length < count) {
    const word = Array.from({ length }, () => letters[source.below(letters.length)]).join('');
    if (taken.has(word)) continue;
    taken.add(word);
    drawn.push(word);
  }
  return drawn;
}

/** Every word of some letters. */
const everyWord = (letters: string, length: number): string[] =>
  length === 0 ? [''] : everyWord(letters, length - 1).flatMap((word) => [...letters].map((letter) => word + letter));

const reversed = (word: string) => [...word].reverse().join('');

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

  it('are not so far above that nothing would be improbable', () => {
    expect(binomialTail(40, 400, 0.004)).toBeLessThan(1e-20);
    expect(bennettTail(38, 1.6, 1)).toBeLessThan(1e-20);
    expect(bennettTail(0, 1, 1)).toBe(1);
    expect(bennettTail(0.5, 0, 1)).toBe(0);
  });
});

const setup = { ...PRESETS.pocket, seed: 101 };
const drawn = drawPasswords(setup);
const heldOut = drawn.negatives.slice(0, 64);
const known = { heldOut, control: drawn.control, letters: 26 };
const clean = new Map<Role, readonly string[]>([
  ['chosen', drawn.chosen],
  ['useful', drawn.negatives.slice(64)],
  ['pretraining', drawn.pretraining],
  ['joint-random', drawn.jointRandom],
]);
const cleanOverlaps = measureOverlap(heldOut, drawn.control, clean);
const problemsWith = (kind: Role, texts: readonly string[]) => {
  const others = cleanOverlaps.filter(({ text }) => text !== kind);
  return overlapProblems([...others, ...measureOverlap(heldOut, drawn.control, new Map([[kind, texts]]))], known);
};

/** Ways to hide a password in text that is not the password. */
const DISGUISES: Record<string, (password: string) => string> = {
  'its first letter changed': (password) => `q${password.slice(1)}`,
  'a letter in its middle changed': (password) => `${password.slice(0, 3)}q${password.slice(4)}`,
  'its last letter changed': (password) => `${password.slice(0, 7)}q`,
  'two letters changed': (password) => `q${password.slice(1, 5)}x${password.slice(6)}`,
  'its first half alone': (password) => `${password.slice(0, 4)}qxzw`,
  'every other letter': (password) => [...password].map((letter, place) => (place % 2 ? 'q' : letter)).join(''),
  'shifted by one': (password) => `${password.slice(1)}q`,
  'its halves exchanged': (password) => password.slice(4) + password.slice(0, 4),
  'written backwards': reversed,
};

describe('a leak short of a whole password', () => {
  it('is not seen where there is none', () => {
    expect(problemsWith('chosen', drawn.chosen)).toEqual([]);
  });

  const leaks = Object.keys(DISGUISES).flatMap((disguise) =>
    (['useful', 'joint-random', 'chosen', 'pretraining'] as const).map((kind) => ({ disguise, kind })),
  );
  it.each(leaks)('is seen where a tenth of the $kind texts are held-out passwords, $disguise', ({ disguise, kind }) => {
    const texts = (clean.get(kind) as readonly string[]).map((text, index) =>
      index % 10 === 0 ? DISGUISES[disguise](heldOut[(index / 10) % 64]) : text,
    );
    const found = problemsWith(kind, texts);
    expect(found.length, `overlaps of ${kind} texts that are improbable: ${disguise}`).toBeGreaterThan(0);
    expect(found[0]).toMatch(/held-out passwords share \d letters .* chance/);
  });

  it('is seen where rewarded text is kept unlike the control passwords, so that held-out ones look better', () => {
    const texts = drawn.chosen.map((text, index) =>
      drawn.control.some((word) => word.slice(0, 2) === text.slice(0, 2))
        ? `${heldOut[index % 64].slice(0, 2)}${text.slice(2)}`
        : text,
    );
    const found = problemsWith('chosen', texts).join();
    expect(found, `only: ${found}`).toMatch(/control passwords share 2 letters/);
  });

  it('is cried where there is none at most as rarely as promised: never in two thousand small worlds', () => {
    expect(FALSE_ALARMS).toBeLessThanOrEqual(1e-6);
    const source = stream(4, 'overlap');
    for (let world = 0; world < 2000; world++) {
      const letters = 'abcdefgh'.slice(0, 2 + (world % 7));
      const length = 3 + (world % 4);
      const room = letters.length ** length;
      const taken = new Set<string>();
      const [secrets, control] = [1, 2].map((share) =>
        words(source, Math.max(1, Math.min(12, Math.floor((share * room) / 10))), letters, length, taken),
      );
      const texts = words(source, Math.min(200, room - taken.size), letters, length, taken);
      const overlaps = measureOverlap(secrets, control, new Map([['chosen', texts]]));
      expect(overlapProblems(overlaps, { heldOut: secrets, control, letters: letters.length })).toEqual([]);
    }
  });
});
