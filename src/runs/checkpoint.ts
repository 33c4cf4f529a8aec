/** Checkpoints: the trainer's whole state between two steps, as one safetensors file. */
import { createHash } from 'node:crypto';
import {
  bytesSource,
  type NamedTensor,
  SafetensorsError,
  SafetensorsReader,
  safetensorsBytes,
  withSafetensors,
} from '../model/safetensors.ts';
import type { TrainerState } from '../training/trainer.ts';

/** A checkpoint that cannot be gone on from; the message says why and what to do. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

const VERSION = '4';

function digestOf(tensors: Map<string, Float32Array>, state: string): string {
  const hash = createHash('sha256').update(state);
  for (const [name, data] of tensors) {
    hash.update(`/${name}/${data.length}/`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** The bytes of a state, piece by piece; `identity` (setup hash and engine) says which run it belongs to. */
export function checkpointBytes(state: TrainerState, identity: string): Iterable<Buffer> {
  const { values, optimiser, reference, ...rest } = state;
  const tensors = new Map<string, Float32Array>();
  for (const [name, data] of values) tensors.set(`values/${name}`, data);
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

/** The same in one piece. */
export const encodeCheckpoint = (state: TrainerState, identity: string): Buffer =>
  Buffer.concat([...checkpointBytes(state, identity)]);

/** @throws SafetensorsError or CheckpointError */
function stateOf(reader: SafetensorsReader, identity: string): TrainerState {
  const { metadata } = reader.header;
  const plain = metadata.state ?? '';
  if (metadata.version !== VERSION) throw new CheckpointError(`is of version ${metadata.version}, not ${VERSION}`);
  if (metadata.identity !== identity) throw new CheckpointError('belongs to another setup or engine');
  const tensors = new Map(reader.names.map((name) => [name, reader.read(name)]));
  if (digestOf(tensors, plain) !== metadata.digest) throw new CheckpointError('has changed bytes');
  const part = (prefix: string) =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, data]) => [name.slice(prefix.length), data] as const),
    );
  const second = part('second/');
  const { reference, ...rest } = JSON.parse(plain);
  return {
    ...rest,
    reference: reference === null ? null : new Map(reference),
    values: part('values/'),
    optimiser: new Map(
      [...part('first/')].map(([name, first]) => [name, { first, second: second.get(name) as Float32Array }]),
    ),
  };
}

/** Turns what is wrong with a file into what to do about it. */
function usable<Result>(body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof SafetensorsError || error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`the checkpoint cannot be used: ${error.message}; delete it to start that run afresh`);
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
