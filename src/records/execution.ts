/** How a machine carries a run out: no part of what the run is, but what its last digits depend on, beside the engine. */
import { z } from 'zod';
import type { Setup } from '../setup/schema.ts';

export const executionSchema = z.strictObject({
  /**
   * Sequences of each kind in one forward and backward pass, to fit a step into memory: gradients of the passes are added
   * up to those of the step, but for rounding. null takes the whole step at once.
   */
  microBatch: z.number().int().min(1).max(65536).nullable(),
});
export type Execution = Readonly<z.infer<typeof executionSchema>>;

/** Every step in one pass. */
export const AT_ONCE: Execution = { microBatch: null };

/** Passes of the whole step, or of more, are the step at once. */
export const executionOf = ({ batch }: Pick<Setup, 'batch'>, microBatch: number | null): Execution =>
  microBatch !== null && microBatch < batch ? { microBatch } : AT_ONCE;

/** In words, for what records depend on; empty for a step at once. */
export const passesInWords = ({ microBatch }: Execution): string =>
  microBatch === null ? '' : ` in passes of ${microBatch}`;
