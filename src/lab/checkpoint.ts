/** Checkpoints: the trainer's whole state between two steps, as one safetensors file. */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ExplainedError } from '../explained-error.ts';
import {
  bytesSource,
  type NamedTensor,
  SafetensorsError,
  SafetensorsReader,
  safetensorsBytes,
  withSafetensors,
} from '../model/safetensors.ts';
import { perLoss } from '../recipe/recipe.ts';
import type { TrainerState } from '../training/trainer.ts';
import { parseJson, UntrustedError } from '../untrusted.ts';

/** A checkpoint that a run cannot resume from; the message says why and what to do. */
export class CheckpointError extends ExplainedError {
  override name = 'CheckpointError';
  /** What is wrong, for those who do something else about it. */
  readonly reason: string;

  constructor(message: string, reason = message) {
    super(message);
    this.reason = reason;
  }
}

const VERSION = '5';

function digestOf(tensors: Map<string, Float32Array>, state: string): string {
  const hash = createHash('sha256').update(state);
  for (const [name, data] of tensors) {
    hash.update(`/${name}/${data.length}/`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** The bytes of a state, piece by piece; `identity` (setup hash and engine) says which run it belongs to. */
export function checkpointBytes(state: TrainerState, identity: string): Iterable<Uint8Array> {
  const { values, before, optimiser, reference, referenceValues, ...rest } = state;
  const tensors = new Map<string, Float32Array>();
  for (const [name, data] of values) tensors.set(`values/${name}`, data);
  for (const [name, data] of before ?? []) tensors.set(`before/${name}`, data);
  for (const [name, data] of referenceValues ?? []) tensors.set(`reference/${name}`, data);
  for (const [name, { first, second }] of optimiser) {
    tensors.set(`first/${name}`, first);
    tensors.set(`second/${name}`, second);
  }
  // Sums of float32 numbers in double precision: JSON keeps every bit of them.
  const plain = JSON.stringify({ ...rest, reference: reference === null ? null : [...reference] });
  const metadata = { version: VERSION, identity, state: plain, digest: digestOf(tensors, plain) };
  const flat = [...tensors].map(([name, data]): [string, NamedTensor] => [name, { shape: [data.length], data }]);
  return safetensorsBytes(new Map(flat), metadata);
}

/** @throws SafetensorsError or CheckpointError */
function stateOf(reader: SafetensorsReader, identity: string): TrainerState {
  const { metadata } = reader.header;
  const plain = metadata.state ?? '';
  if (metadata.version !== VERSION) throw new CheckpointError(`is of version ${metadata.version}, not ${VERSION}`);
  if (metadata.identity !== identity) throw new CheckpointError('belongs to another setup or engine');
  const tensors = new Map(reader.names.map((name) => [name, reader.read(name)]));
  if (digestOf(tensors, plain) !== metadata.digest) throw new CheckpointError('has changed bytes');
  const part = (prefix: string) => {
    const own = [...tensors].filter(([name]) => name.startsWith(prefix));
    return new Map(own.map(([name, data]) => [name.slice(prefix.length), data]));
  };
  const [values, before, first, second] = [part('values/'), part('before/'), part('first/'), part('second/')];
  const referenceValues = part('reference/');
  for (const [name, { length }] of first) {
    if (second.get(name)?.length !== length || values.get(name)?.length !== length)
      throw new CheckpointError(`has moments of ${name} that do not fit its values`);
  }
  const state = parseJson(plain);
  stateSchema.parse(state);
  const { reference, ...rest } = state as StateText;
  return {
    ...rest,
    reference: reference === null ? null : new Map(reference),
    values,
    before: before.size > 0 ? before : null,
    referenceValues: referenceValues.size > 0 ? referenceValues : null,
    optimiser: new Map([...first].map(([name, moments]) => [name, { first: moments, second: second.get(name)! }])),
  };
}

type StateText = Omit<TrainerState, 'values' | 'before' | 'optimiser' | 'reference' | 'referenceValues'> & {
  reference: [string, number][] | null;
};

const counts = z.object({ chosen: z.number(), rejected: z.number(), imitated: z.number() });
const trajectory = z.object({
  total: z.array(z.number()),
  ...perLoss(() => z.array(z.number().nullable())),
  gradientNorm: z.array(z.number()),
});

/** The part of a state that is no tensor. The record's schema checks what was measured once the run ends. */
const stateSchema = z.object({
  phase: z.enum(['pretrain', 'dpo', 'joint']),
  step: z.number().int().min(0),
  reference: z.array(z.tuple([z.string(), z.number()])).nullable(),
  ledger: z.object({
    sequences: counts,
    heldOut: counts,
    useful: counts,
    standIns: counts.optional(),
    rejections: z.record(z.string(), z.number().int().min(0)),
    rewarded: z.record(z.string(), z.array(z.string())),
    digest: z.string(),
  }),
  updates: z.string(),
  initialParameters: z.string(),
  history: z.object({
    trajectories: z.object({ pretrain: trajectory, dpo: trajectory, joint: trajectory }),
    evaluations: z.array(z.looseObject({ phase: z.string(), step: z.number() })),
    snapshots: z.array(z.looseObject({ phase: z.string(), step: z.number() })),
  }),
});

/** Turns what is wrong with a file into what to do about it. */
function usable<Result>(body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    const known = [SafetensorsError, CheckpointError, UntrustedError].some((Fault) => error instanceof Fault);
    if (!known && !(error instanceof z.ZodError)) throw error;
    const what =
      error instanceof z.ZodError
        ? `its state is none: ${error.issues[0].path.join('.')}: ${error.issues[0].message}`
        : (error as Error).message;
    throw new CheckpointError(`the checkpoint cannot be used: ${what}; delete it to start that run afresh`, what);
  }
}

/**
 * Decodes a checkpoint.
 * @throws CheckpointError when it is damaged, or belongs to another setup, engine or version.
 */
export const decodeCheckpoint = (bytes: Uint8Array, identity: string): TrainerState =>
  usable(() => stateOf(new SafetensorsReader(bytesSource(bytes)), identity));

/** Reads a checkpoint's file. @throws CheckpointError as {@link decodeCheckpoint} */
export const readCheckpoint = (file: string, identity: string): TrainerState =>
  usable(() => withSafetensors(file, (reader) => stateOf(reader, identity)));
