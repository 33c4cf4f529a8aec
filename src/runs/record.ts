/** Run records: one JSON document for each run, finished or failed. Claims are functions of these and nothing else. */
import { z } from 'zod';
import { setupHash } from '../setup/hash.ts';
import { setupSchema } from '../setup/schema.ts';

const phase = z.enum(['pretrain', 'dpo', 'joint']);
const prefix = z.enum(['regular', 'reverse', 'none']);
const finite = z.number();
const perStep = z.array(finite.nullable());
const trajectory = z.strictObject({
  total: z.array(finite),
  dpo: perStep,
  useful: perStep,
  random: perStep,
  randomReverse: perStep,
  gradientNorm: z.array(finite),
});
const measures = z.strictObject({ logLikelihood: finite, perf: finite, guessRate: finite, topRate: finite });
const measuresAndHalves = measures.extend({ halves: z.tuple([measures, measures]) });
const scores = z.strictObject({
  passwords: z.array(z.string()),
  /** `[passwords][letters]`, nats. */
  logProbabilities: z.array(z.array(finite)),
  /** `[passwords][letters]`: how many tokens were likelier than the true letter. */
  ranks: z.array(z.array(z.number().int().min(0))),
  /** What the embedding and each block leave in the residual stream, read by the logit lens: means over the set. */
  lens: z.array(z.strictObject({ logLikelihood: finite, guessRate: finite })),
  /** Log-likelihood of each password at a temperature fitted on the other half of its set. */
  calibrated: z.strictObject({ inverseTemperatures: z.tuple([finite, finite]), logLikelihoods: z.array(finite) }),
});
const sets = <Schema extends z.ZodType>(schema: Schema) =>
  z.strictObject({ heldOut: schema, useful: schema, random: schema });
const rewardCounts = z.strictObject({ chosen: finite, rejected: finite, imitated: finite });

const about = {
  schemaVersion: z.literal(2),
  setup: setupSchema,
  /** SHA-256 of the setup's content. */
  setupHash: z.string(),
  engine: z.strictObject({ name: z.enum(['native', 'wasm', 'cpu']), version: z.string() }),
  /** What the run ran on. Not part of what two equal runs must agree in. */
  environment: z.strictObject({
    node: z.string(),
    platform: z.string(),
    processor: z.string(),
    cores: z.number().int(),
    memoryGiB: finite,
    package: z.string(),
    commit: z.string().nullable(),
    dirty: z.boolean().nullable(),
  }),
  /** Times of the process that finished the run; `resumed` says that an earlier one did part of it. */
  times: z.strictObject({
    startedAt: z.string(),
    finishedAt: z.string(),
    wallSeconds: finite,
    cpuSeconds: finite,
    tokensPerSecond: finite,
    resumed: z.boolean(),
  }),
};

const finished = z.strictObject({
  ...about,
  status: z.literal('finished'),
  trajectories: z.strictObject({ pretrain: trajectory, dpo: trajectory, joint: trajectory }),
  evaluations: z.array(z.strictObject({ phase, step: z.number().int(), sets: sets(measuresAndHalves) })),
  /** Every letter at the end of phase 2 (unless skipped), and at the end of the run under `reverse` and `regular`. */
  snapshots: z.array(z.strictObject({ phase, step: z.number().int(), prefix, sets: sets(scores) })).min(1),
  ledger: z.strictObject({
    clean: z.literal(true),
    sequences: rewardCounts,
    heldOut: rewardCounts,
    useful: rewardCounts,
    heldOutRejections: z.strictObject({ fewest: finite, most: finite }),
    digest: z.string(),
  }),
  overlap: z.array(z.strictObject({ span: finite, heldOut: finite, control: finite, expected: finite })),
  parametersDigest: z.string(),
});

const failed = z.strictObject({
  ...about,
  status: z.literal('failed'),
  error: z.strictObject({ name: z.string(), message: z.string() }),
});

export const runRecordSchema = z.discriminatedUnion('status', [finished, failed]);
export type RunRecord = z.infer<typeof runRecordSchema>;
export type FinishedRun = z.infer<typeof finished>;
export type FailedRun = z.infer<typeof failed>;

/** A file that is no run record; the message names file and field. */
export class RecordError extends Error {
  override name = 'RecordError';
}

/** Reads a run record from JSON text. @throws RecordError naming the source and the first offending field. */
export function parseRunRecord(text: string, source: string): RunRecord {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RecordError(
      `${source} is no JSON (${(error as Error).message}); a truncated copy? Delete it to run again`,
    );
  }
  const result = runRecordSchema.safeParse(json);
  if (result.success) {
    if (result.data.setupHash === setupHash(result.data.setup)) return result.data;
    throw new RecordError(`${source} is no run record: setupHash: is not that of its setup; one of them was changed`);
  }
  const issue = result.error.issues[0];
  throw new RecordError(`${source} is no run record: ${issue.path.join('.') || 'document'}: ${issue.message}`);
}

/** What two runs of one setup, seed and engine must agree in, bit for bit: all but times and environment. */
export function comparable(record: RunRecord): Omit<RunRecord, 'times' | 'environment'> {
  const { times: _times, environment: _environment, ...rest } = record;
  return rest;
}
