/** How many threads TensorFlow uses on the native engine. Results do not depend on them, down to the bit; times do. */

/** TensorFlow's variable for the threads that one operation is divided among. */
export const WITHIN_OPERATIONS = 'TF_NUM_INTRAOP_THREADS';
/** TensorFlow's variable for the operations that run side by side. */
export const BETWEEN_OPERATIONS = 'TF_NUM_INTEROP_THREADS';

/**
 * From this width on it pays to divide an operation. On two cores a step of `pocket` (64 wide) took twice as long with
 * divided operations, one of 256 wide 10% longer, and one of 768 wide (Pythia-160M) 15% less.
 */
const DIVIDED_FROM = 512;

/** Environment of a process that trains a model `hidden` wide on `threads` threads. */
export const threadVariables = (hidden: number, threads: number): Record<string, string> => ({
  [WITHIN_OPERATIONS]: String(hidden < DIVIDED_FROM ? 1 : threads),
  [BETWEEN_OPERATIONS]: String(threads),
});
