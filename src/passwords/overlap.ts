/**
 * Shorter overlaps between a password and the text that training rewards: unavoidable chance, so it is measured, and
 * compared with what chance predicts and with what random control passwords share with the same text.
 */

/** Overlap of `span` letters in a row, at the same positions. */
export interface Overlap {
  readonly span: number;
  /** Mean number of (rewarded text, position) matches for a held-out password. */
  readonly heldOut: number;
  /** The same for a random control password. */
  readonly control: number;
  /** What iid uniform letters predict for both. */
  readonly expected: number;
}

/** For each of `passwords`, how many texts share its `span` letters at a position, summed over positions; the mean. */
function meanMatches(passwords: readonly string[], texts: readonly string[], span: number): number {
  const positions = passwords[0].length - span + 1;
  let matches = 0;
  for (let position = 0; position < positions; position++) {
    const counts = new Map<string, number>();
    for (const text of texts) {
      const letters = text.slice(position, position + span);
      counts.set(letters, (counts.get(letters) ?? 0) + 1);
    }
    for (const password of passwords) matches += counts.get(password.slice(position, position + span)) ?? 0;
  }
  return matches / passwords.length;
}

/**
 * Measures overlaps of every span from 1 letter to the whole password.
 * @param rewarded every distinct text that is chosen or imitated in the run
 */
export function measureOverlap(
  heldOut: readonly string[],
  control: readonly string[],
  rewarded: readonly string[],
  letters: number,
): Overlap[] {
  const { length } = heldOut[0];
  return Array.from({ length }, (_, index) => {
    const span = index + 1;
    return {
      span,
      heldOut: meanMatches(heldOut, rewarded, span),
      control: meanMatches(control, rewarded, span),
      expected: rewarded.length * (length - span + 1) * letters ** -span,
    };
  });
}
