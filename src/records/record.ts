/** Run records: one JSON document for each run, finished or failed. Claims are functions of run records alone. */
import * as z from 'zod';
import type { EngineName } from '../engine/engine.ts';
import { ExplainedError } from '../explained-error.ts';
import { DRAWN } from '../passwords/digests.ts';
import { REWARDED, type RecordedOverlap, WAYS } from '../passwords/overlap.ts';
import type { Phase } from '../passwords/roles.ts';
import { MOMENTS } from '../recipe/dissection.ts';
import { perLoss, recipeOf } from '../recipe/recipe.ts';
import type { StepsTaken } from '../recipe/updates.ts';
import { setupHash } from '../setup/hash.ts';
import { type Setup, storedSetupSchema } from '../setup/schema.ts';
import { heldOut as heldOutCount, rewardedTexts } from '../setup/sizes.ts';
import { parseJson } from '../untrusted.ts';
import { AT_ONCE, type Execution, executionOf, executionSchema, passesInWords } from './execution.ts';
import { withoutHoles } from './older-form.ts';

const phase = z.enum(['pretrain', 'dpo', 'joint']);
const prefix = z.enum(['regular', 'reverse', 'none']);
const finite = z.number();
const count = z.number().int().min(0);
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal digits');
/** It comes from a softmax in float32, whose rounding may exceed 0 by a little. */
const logProbability = z.number().max(1e-4, 'must be the logarithm of a probability, so 0 at most');
const perStep = z.array(finite.nullable());
const trajectory = z.strictObject({
  total: z.array(finite),
  ...perLoss(() => perStep),
  gradientNorm: z.array(finite),
});
const rate = z.number().min(0);
const measures = z.strictObject({ logLikelihood: logProbability, perf: finite, guessRate: rate, topRate: rate });
const measuresAndHalves = measures.extend({ halves: z.tuple([measures, measures]) });
const calibrated = z.strictObject({
  inverseTemperatures: z.tuple([finite, finite]),
  logLikelihoods: z.array(finite),
});
const scores = z.strictObject({
  passwords: z.array(z.string()),
  /** `[passwords][letters]`, nats. */
  logProbabilities: z.array(z.array(logProbability).min(1)).min(1),
  /** `[passwords][letters]`: log of the letters' probability together, nats. Records of version 4 have it. */
  letterShares: z.array(z.array(logProbability)).optional(),
  /** `[passwords][letters]`: how many tokens were likelier than the true letter. */
  ranks: z.array(z.array(count)),
  /** What the embedding and each block leave in the residual stream, read by the logit lens: means over the set. */
  lens: z.array(z.strictObject({ logLikelihood: logProbability, guessRate: rate })),
  /** Log-likelihood of each password at a temperature fitted on the other half of its set. */
  calibrated,
});
const sets = <Schema extends z.ZodType>(schema: Schema) =>
  z.strictObject({ heldOut: schema, useful: schema, random: schema });
const rewardCounts = z.strictObject({ chosen: count, rejected: count, imitated: count });

const overlapByText = z.strictObject({
  text: z.enum(REWARDED),
  texts: count,
  way: z.enum(WAYS),
  span: count.min(1),
  heldOut: count,
  control: count,
});
/** The overlap of a record of version 2: aligned letters in all rewarded text together, as means over passwords. */
const overlapInAll = z.strictObject({ span: count.min(1), heldOut: rate, control: rate, expected: rate });
type Drawn = (typeof DRAWN)[number];

/** Whether the last digits of an engine depend on the kind of processor. */
const PER_PROCESSOR: Readonly<Record<EngineName, boolean>> = {
  native: true,
  webgpu: false,
  wasm: false,
  cpu: false,
};

const about = {
  /**
   * Records of version 3 have digests of passwords, initial parameters and updates, the overlap by kind of text, and the
   * kind of processor; those of version 4 the letters' share of the softmax too, and those of version 5 the norm of the parameters. `verify`
   * says what it cannot check in a record of version 2.
   */
  schemaVersion: z.union([z.literal(2), z.literal(3), z.literal(4), z.literal(5)]),
  setup: storedSetupSchema,
  /** SHA-256 of the setup's content. */
  setupHash: z.string(),
  engine: z.strictObject({ name: z.enum(Object.keys(PER_PROCESSOR) as EngineName[]), version: z.string() }),
  execution: executionSchema.default(AT_ONCE),
  /** The machine. Two equal runs may differ in it. */
  environment: z.strictObject({
    node: z.string(),
    platform: z.string(),
    processor: z.string(),
    /** Vendor, family, model and vector instructions: on the engine `native` the last digits depend on them. */
    processorKind: z.string().optional(),
    cores: z.number().int(),
    memoryGiB: finite,
    package: z.string(),
    commit: z.string().nullable(),
    dirty: z.boolean().nullable(),
  }),
  /** Times of the process that finished the run; `resumed` says that an earlier process did part of it. */
  times: z.strictObject({
    startedAt: z.string(),
    finishedAt: z.string(),
    wallSeconds: finite,
    cpuSeconds: finite,
    tokensPerSecond: finite,
    resumed: z.boolean(),
  }),
};

const snapshot = <Schema extends z.ZodType>(schema: Schema) =>
  z.strictObject({ phase, step: count, prefix, sets: sets(schema) });

/** What every finished record has, whole or abridged. */
const ended = z.strictObject({
  ...about,
  status: z.literal('finished'),
  evaluations: z
    .array(
      z.strictObject({
        phase,
        step: count,
        /** L2 norm of all parameters together. Records of version 5 have it. */
        parameterNorm: rate.optional(),
        sets: sets(measuresAndHalves),
      }),
    )
    .min(1),
  ledger: z.strictObject({
    clean: z.boolean(),
    sequences: rewardCounts,
    heldOut: rewardCounts,
    useful: rewardCounts,
    standIns: rewardCounts.optional(),
    heldOutRejections: z.strictObject({ fewest: count, most: count }),
    digest: z.string(),
  }),
  overlap: z.union([z.array(overlapByText), z.array(overlapInAll)]),
  digests: z
    .strictObject({
      passwords: z
        .strictObject(Object.fromEntries(DRAWN.map((set) => [set, digest])) as Record<Drawn, typeof digest>)
        .extend({ standIns: digest.optional() }),
      initialParameters: digest,
      updates: z.string(),
    })
    .optional(),
  parametersDigest: z.string(),
  /** Of a run whose setup asks for it: see src/training/dissection.ts. */
  dissection: z
    .strictObject({
      patched: z.array(z.strictObject({ from: count, to: count, sets: sets(measures) })),
      separations: z.array(z.strictObject({ moment: z.enum(MOMENTS), prefix, auc: z.array(rate.max(1)) })),
    })
    .optional(),
});

const whole = ended.extend({
  abridged: z.undefined().optional(),
  trajectories: z.strictObject({ pretrain: trajectory, dpo: trajectory, joint: trajectory }),
  /** The end of phase 2, unless it is skipped, and the end of the run under `reverse` and `regular`. */
  snapshots: z.array(snapshot(scores)).min(1),
});

/** A record in an archive: without losses of single steps, and without the passwords, which its setup draws again. */
const abridgedRun = ended.extend({
  abridged: z.literal('run'),
  snapshots: z.array(snapshot(scores.omit({ passwords: true }))).min(1),
});

/** A run in an archive that only a tuning grid reads: the letters of its end in two decimals, without ranks. */
const abridgedCell = ended.extend({
  abridged: z.literal('cell'),
  snapshots: z
    .array(
      snapshot(
        scores.omit({ passwords: true, ranks: true }).extend({ calibrated: calibrated.omit({ logLikelihoods: true }) }),
      ),
    )
    .length(1),
});

const failed = z.strictObject({
  ...about,
  status: z.literal('failed'),
  error: z.strictObject({ name: z.string(), message: z.string() }),
});

/** Takes the field that is missing or contradicts another, and why. */
type Refuse = (field: string, why: string) => void;

function checkScores(
  scores: FinishedRun['snapshots'][number]['sets']['heldOut'],
  hasShares: boolean,
  refuse: Refuse,
): void {
  const { logProbabilities, letterShares } = scores;
  const letters = logProbabilities[0].length;
  if (logProbabilities.some((row) => row.length !== letters))
    refuse('logProbabilities', 'are of passwords of different lengths');
  if ((letterShares !== undefined) !== hasShares)
    refuse('letterShares', 'are in every record since version 4, and in none before');
  if (
    letterShares !== undefined &&
    (letterShares.length !== logProbabilities.length || letterShares.some((row) => row.length !== letters))
  )
    refuse('letterShares', 'are not of the letters that have log-probabilities');
  if (!('ranks' in scores)) return;
  const { ranks, calibrated } = scores;
  if (ranks.length !== logProbabilities.length || ranks.some((row) => row.length !== letters))
    refuse('ranks', 'are not of the letters that have log-probabilities');
  for (const [name, list] of [
    ['passwords', 'passwords' in scores ? scores.passwords : logProbabilities],
    ['calibrated.logLikelihoods', calibrated.logLikelihoods],
  ] as const) {
    if (list.length !== logProbabilities.length)
      refuse(name, 'are not as many as the passwords that have log-probabilities');
  }
}

function checkFinished(run: FinishedRun, refuse: Refuse): void {
  const { schemaVersion, setup, evaluations, snapshots, digests, overlap } = run;
  if (evaluations.at(-1)?.phase !== 'joint') refuse('evaluations', 'do not end with one of phase 3 (joint)');
  const { scoredUnder } = recipeOf(setup).joint;
  if (!snapshots.some((one) => one.phase === 'joint' && one.prefix === scoredUnder))
    refuse('snapshots', 'have none of the end of phase 3 (joint)');
  if (schemaVersion >= 3) {
    if (digests === undefined) refuse('digests', 'are missing, which every record since version 3 has');
    if (overlap.some((entry) => !('text' in entry)))
      refuse('overlap', 'is not by kind of text, as in every record since version 3');
  }
  for (const [index, { parameterNorm }] of evaluations.entries()) {
    if ((parameterNorm !== undefined) !== schemaVersion >= 5)
      refuse(`evaluations.${index}.parameterNorm`, 'is in every record since version 5, and in none before');
  }
  for (const [index, { sets: scored }] of snapshots.entries()) {
    for (const set of ['heldOut', 'useful', 'random'] as const)
      checkScores(scored[set], schemaVersion >= 4, (field, why) =>
        refuse(`snapshots.${index}.sets.${set}.${field}`, why),
      );
  }
}

export const runRecordSchema = z.preprocess(
  withoutHoles,
  z
    .discriminatedUnion('status', [z.discriminatedUnion('abridged', [whole, abridgedRun, abridgedCell]), failed])
    .superRefine(
      (record, context) => {
        if (record.status === 'failed') return;
        checkFinished(record, (field, message) =>
          context.addIssue({ code: 'custom', path: field.split('.'), message }),
        );
      },
      { when: ({ issues }) => issues.length === 0 },
    ),
);
export type RunRecord = z.infer<typeof runRecordSchema>;
export type WholeRun = z.infer<typeof whole>;
export type AbridgedRun = z.infer<typeof abridgedRun>;
export type AbridgedCell = z.infer<typeof abridgedCell>;
export type FinishedRun = WholeRun | AbridgedRun | AbridgedCell;
export type FailedRun = z.infer<typeof failed>;

/** A file that is no run record; the message names file and field. */
export class RecordError extends ExplainedError {
  override name = 'RecordError';
}

/** JSON text as a value. @throws RecordError naming the source */
export function jsonOf(text: string, source: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    throw new RecordError(`${source} ${(error as Error).message}`);
  }
}

/** A value by its schema. @throws RecordError that begins with `refusal` and names the first offending field */
export function parseAs<Schema extends z.ZodType>(schema: Schema, value: unknown, refusal: string): z.infer<Schema> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RecordError(`${refusal}: ${issue.path.join('.') || 'document'}: ${issue.message}`);
}

/** The passes of an older record, whose setup and hash have them; null where its execution has them. */
function passesInSetup(json: unknown): number | null {
  const { setup } = (json ?? {}) as { setup?: { microBatch?: unknown } | null };
  return typeof setup?.microBatch === 'number' ? setup.microBatch : null;
}

/** Reads a run record from JSON text. @throws RecordError naming the source and the first offending field. */
export function parseRunRecord(text: string, source: string): RunRecord {
  const json = jsonOf(text, source);
  const passes = passesInSetup(json);
  const document = passes === null ? json : { execution: { microBatch: passes }, ...(json as object) };
  const refusal = `${source} is no run record`;
  const record = parseAs(runRecordSchema, document, refusal);
  if (record.setupHash === setupHash(record.setup, passes)) return { ...record, setupHash: setupHash(record.setup) };
  throw new RecordError(`${refusal}: setupHash: is not that of its setup; one of them was changed`);
}

/**
 * A run's overlaps as records of version 3 have them. A record of version 2 has means over passwords, which become counts
 * here; they are not quite whole numbers, because the means were rounded.
 */
export function overlapsOf({ setup, overlap }: Pick<FinishedRun, 'setup' | 'overlap'>): RecordedOverlap[] {
  return overlap.map((entry) =>
    'text' in entry
      ? entry
      : {
          text: 'all',
          texts: rewardedTexts(setup),
          way: 'aligned',
          span: entry.span,
          heldOut: entry.heldOut * heldOutCount(setup),
          control: entry.control * setup.evaluation.random,
        },
  );
}

/** Steps that each phase of a run took before it ended. A phase that a rule may end earlier ended with its last evaluation. */
export function stepsTaken({ setup: { phases }, evaluations }: Pick<FinishedRun, 'setup' | 'evaluations'>): StepsTaken {
  const last = (phase: Phase) => evaluations.findLast((evaluation) => evaluation.phase === phase)?.step ?? 0;
  return {
    pretrain: phases.pretrain.steps,
    dpo: phases.dpo.stopAtHeldOutGuessRate === null ? phases.dpo.steps : last('dpo'),
    joint: last('joint'),
  };
}

/** A run in a sentence about it. */
export const nameOf = ({ setup: { name, seed } }: Pick<RunRecord, 'setup'>): string => `${name}, seed ${seed}`;

/** What the last digits of a run depend on: the engine and its version, the passes of a step, on some engines the kind of processor. */
export function arithmeticOf({
  engine,
  environment,
  execution,
}: Pick<RunRecord, 'engine' | 'environment' | 'execution'>): string {
  const kind = PER_PROCESSOR[engine.name] ? ` on ${environment.processorKind ?? environment.processor}` : '';
  return `${engine.name} ${engine.version}${kind}${passesInWords(execution)}`;
}

/** A kind of processor that is none: of runs that may be made on any, and are then no one study. */
export const ANY_PROCESSOR = 'any processor';

/** What every record begins with, whether its run finished or failed. */
export const headOf = (
  setup: Setup,
  { name, version }: RunRecord['engine'],
  execution: Execution,
  environment: RunRecord['environment'],
  times: RunRecord['times'],
) =>
  ({
    schemaVersion: 5,
    setup,
    setupHash: setupHash(setup),
    engine: { name, version },
    execution: executionOf(setup, execution.microBatch),
    environment,
    times,
  }) as const;

/** The part of a record in which two runs of one setup, seed and engine agree bit for bit: all but times and environment. */
export function comparable(record: RunRecord): Omit<RunRecord, 'times' | 'environment'> {
  const { times: _times, environment: _environment, ...rest } = record;
  return rest;
}
