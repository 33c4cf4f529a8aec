/** How a machine takes the steps of a run. It is no part of the setup, but the last digits depend on it, as they do on the engine. */
import * as z from 'zod';
import type { Setup } from '../setup/schema.ts';

export const executionSchema = z.strictObject({
  /**
   * Sequences of each kind in one forward and backward pass, so that a step fits into memory; null takes the whole step at
   * once. The gradients of the passes add up to those of the step, except for rounding.
   */
  microBatch: z.number().int().min(1).max(65536).nullable(),
});
export type Execution = Readonly<z.infer<typeof executionSchema>>;

/** Every step in one pass. */
export const AT_ONCE: Execution = { microBatch: null };

/** The execution of a setup's steps: passes that would hold the whole step are the step at once. */
export const executionOf = ({ batch }: Pick<Setup, 'batch'>, microBatch: number | null): Execution =>
  microBatch !== null && microBatch < batch ? { microBatch } : AT_ONCE;

/** The passes in words; empty for a step at once. */
export const passesInWords = ({ microBatch }: Execution): string =>
  microBatch === null ? '' : ` in passes of ${microBatch}`;
