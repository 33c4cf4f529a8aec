/**
 * How many threads TensorFlow uses on the native engine. Results do not depend, down to the bit, on how many operations run side by side.
 * On some processors they do depend on how many threads one operation is divided among (seen on an AMD EPYC of family 25,
 * model 1, and not on others), so that a record says it.
 */

/** TensorFlow's variable for the threads that one operation is divided among. */
export const WITHIN_OPERATIONS = 'TF_NUM_INTRAOP_THREADS';
/** TensorFlow's variable for the operations that run side by side. */
export const BETWEEN_OPERATIONS = 'TF_NUM_INTEROP_THREADS';

/**
 * From this width on it pays to divide an operation. On two cores a step of `pocket` (64 wide) took twice as long with
 * divided operations, one of 256 wide 10% longer, and one of 768 wide (Pythia-160M) 15% less.
 */
const DIVIDED_FROM = 512;

/** What the last digits depend on besides the processor: how operations are divided, where they are. */
export function dividedInWords(within = process.env[WITHIN_OPERATIONS]): string {
  const threads = Number(within);
  return threads > 1 ? `, operations divided among ${threads} threads` : '';
}

/** A kind of processor without how operations are divided on it. */
export const undivided = (kind: string): string => kind.replace(/, operations divided among \d+ threads/, '');

/** Environment of a process that trains a model `hidden` wide on `threads` threads. */
export const threadVariables = (hidden: number, threads: number): Record<string, string> => ({
  [WITHIN_OPERATIONS]: String(hidden < DIVIDED_FROM ? 1 : threads),
  [BETWEEN_OPERATIONS]: String(threads),
});
