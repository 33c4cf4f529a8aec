/** Leaks short of a whole password, hidden in all the text that a run of `pocket` rewards. */
import { describe, expect, it } from 'vitest';
import { drawPasswords } from '../../src/passwords/corpus.ts';
import { FALSE_ALARMS, measureOverlap, overlapProblems } from '../../src/passwords/overlap.ts';
import type { Role } from '../../src/passwords/roles.ts';
import { stream } from '../../src/random/streams.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { reversed, words } from './words.ts';

const setup = { ...PRESETS['pocket-memorising'], seed: 101 };
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
