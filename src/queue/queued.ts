/** What a queue holds of a run: names and numbers. The setup, the record and the checkpoints are in the shared store. */
import * as z from 'zod';
import { type Kind, kindId } from '../lab/shared/shared-store.ts';

export const queuedSchema = z.strictObject({
  /** As {@link runKey}. */
  key: z.string().regex(/^[0-9a-f]{32}$/),
  setupHash: z.string().regex(/^[0-9a-f]{64}$/),
  microBatch: z.number().int().min(1).nullable(),
  /** Id of the store. */
  store: z.string(),
  /** Under which code's runs its record is kept. */
  folder: z.string(),
  keepModel: z.boolean(),
  /** Whether it is trained even if there is a record. */
  refresh: z.boolean(),
  /** Tries that came no further than the one before them, and how far that was. */
  tries: z.number().int().min(0),
  at: z.number().min(0),
});
export type Queued = z.infer<typeof queuedSchema>;

/** One queue for each code and kind: a worker is never given what it must not train. */
export const queueName = (code: string, kind: Kind): string => `${code}-${kindId(kind)}`;

/** BullMQ refuses names with a colon, and of digits alone. */
export const jobId = (key: string): string => `r-${key}`;

/** What a worker tells of a run: how far it is, or why it does not take it. */
export const toldSchema = z.union([
  z.object({ worker: z.string(), refused: z.string() }),
  z.object({
    worker: z.string(),
    heard: z.object({
      phase: z.enum(['pretrain', 'dpo', 'joint']),
      step: z.number(),
      steps: z.number(),
      loss: z.number().nullable(),
      tokens: z.number(),
      rates: z.object({ useful: z.number(), heldOut: z.number(), random: z.number() }).nullable(),
    }),
  }),
]);
export type Told = z.infer<typeof toldSchema>;

/** How a run left the queue, and how long the attempt took that ended it, where it was not ended before. */
export const endedSchema = z.object({
  ended: z.enum(['finished', 'failed', 'unwanted']),
  by: z.string(),
  seconds: z.number().optional(),
});
export type Ended = z.infer<typeof endedSchema>;
