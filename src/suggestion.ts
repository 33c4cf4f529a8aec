/** What was probably meant by a word that is not known. */
import { closest, distance } from 'fastest-levenshtein';

/** ` (did you mean "main"?)`, or nothing where no known word is near. */
export function didYouMean(given: string, known: readonly string[]): string {
  if (given === '' || known.length === 0) return '';
  const near = closest(given, known);
  const far = distance(given, near);
  return far < given.length && far <= Math.max(2, given.length / 3) ? ` (did you mean "${near}"?)` : '';
}
