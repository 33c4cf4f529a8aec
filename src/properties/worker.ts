/** A worker of the fuzzer: tries chunks in a process of its own, and tells of every setup and failure at once. */
import { type EngineName, startEngine } from '../engine/engine.ts';
import { type Chunk, type ChunkResult, type Failure, tryChunk } from './chunk.ts';

export interface ChunkTask {
  readonly chunk: Chunk;
  readonly engine: EngineName;
}

export type ChunkEvent = { setup: true } | { failure: Omit<Failure, 'replay'> };

// Whoever asked is gone.
process.once('disconnect', () => process.exit());

export default async function work({ chunk, engine }: ChunkTask): Promise<ChunkResult> {
  const send = (event: ChunkEvent) => process.send?.(event);
  return tryChunk(chunk, await startEngine(engine), {
    onSetup: () => send({ setup: true }),
    onFailure: (failure) => send({ failure }),
  });
}
