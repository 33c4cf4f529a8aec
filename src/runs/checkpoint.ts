/** Checkpoints: the trainer's whole state between two steps, as one safetensors file. */
import { createHash } from 'node:crypto';
import { decodeSafetensors, encodeSafetensors, SafetensorsError } from '../model/safetensors.ts';
import type { TrainerState } from '../training/trainer.ts';

/** A checkpoint that cannot be gone on from; the message says why and what to do. */
export class CheckpointError extends Error {
  override name = 'CheckpointError';
}

const VERSION = '2';

function digestOf(tensors: Map<string, Float32Array>, state: string): string {
  const hash = createHash('sha256').update(state);
  for (const [name, data] of tensors) {
    hash.update(`/${name}/${data.length}/`).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/** Encodes a state; `identity` (setup hash and engine) says which run it belongs to. */
export function encodeCheckpoint(state: TrainerState, identity: string): Buffer {
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
  return encodeSafetensors({ tensors, metadata });
}

/**
 * Decodes a checkpoint.
 * @throws CheckpointError when the file is damaged, or belongs to another setup, engine or version.
 */
export function decodeCheckpoint(bytes: Buffer, identity: string): TrainerState {
  try {
    const { tensors, metadata } = decodeSafetensors(bytes);
    if (metadata.version !== VERSION) throw new CheckpointError(`is of version ${metadata.version}, not ${VERSION}`);
    if (metadata.identity !== identity) throw new CheckpointError('belongs to another setup or engine');
    if (digestOf(tensors, metadata.state) !== metadata.digest) throw new CheckpointError('has changed bytes');
    const part = (prefix: string) =>
      new Map(
        [...tensors]
          .filter(([name]) => name.startsWith(prefix))
          .map(([name, data]) => [name.slice(prefix.length), data] as const),
      );
    const second = part('second/');
    const { reference, ...rest } = JSON.parse(metadata.state);
    return {
      ...rest,
      reference: reference === null ? null : new Map(reference),
      values: part('values/'),
      optimiser: new Map(
        [...part('first/')].map(([name, first]) => [name, { first, second: second.get(name) as Float32Array }]),
      ),
    };
  } catch (error) {
    if (!(error instanceof SafetensorsError || error instanceof CheckpointError)) throw error;
    throw new CheckpointError(`the checkpoint cannot be used: ${error.message}; delete it to start that run afresh`);
  }
}
