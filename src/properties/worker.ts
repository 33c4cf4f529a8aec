/** A worker of the fuzzer: tries chunks in a process of its own, and tells of every setup and failure at once. */
import { type EngineName, startEngine } from '../engine/engine.ts';
import { type Chunk, type ChunkResult, type FailureFound, tryChunk } from './chunk.ts';

export type ChunkEvent = { setup: true } | { failure: FailureFound };

// The process that asked has ended.
process.once('disconnect', () => process.exit());

export default async function work({ chunk, engine }: { chunk: Chunk; engine: EngineName }): Promise<ChunkResult> {
  const send = (event: ChunkEvent) => process.send?.(event);
  return tryChunk(chunk, await startEngine(engine), {
    onSetup: () => send({ setup: true }),
    onFailure: (failure) => send({ failure }),
  });
}
