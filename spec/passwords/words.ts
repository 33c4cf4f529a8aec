/** Words to compare, for specs of overlaps. */
import type { Stream } from '../../src/random/streams.ts';

/** Distinct words of some letters, in random order. */
export function words(
  source: Stream,
  count: number,
  letters: string,
  length: number,
  taken = new Set<string>(),
): string[] {
  const drawn: string[] = [];
  while (drawn.length < count) {
    const word = Array.from({ length }, () => letters[source.below(letters.length)]).join('');
    if (taken.has(word)) continue;
    taken.add(word);
    drawn.push(word);
  }
  return drawn;
}

export const reversed = (word: string) => [...word].reverse().join('');
