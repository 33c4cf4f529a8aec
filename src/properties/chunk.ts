/** A chunk of fuzzing: draws some setups from one seed, tries properties on each, and shrinks the first that fails. */
import fc from 'fast-check';
import type { Engine } from '../engine/engine.ts';
import type { Setup } from '../setup/schema.ts';
import { setups } from './arbitraries.ts';
import { KINDS } from './kinds.ts';
import type { PropertyKind } from './property.ts';

export interface Chunk {
  readonly kind: PropertyKind['name'];
  /** Ids of the properties to try. */
  readonly properties: readonly string[];
  /** fast-check's seed, 32 bits; with `path` it draws one case again. */
  readonly seed: number;
  readonly path?: string;
  readonly runs: number;
}

/** A setup of which a property is not true. */
export interface FailureFound {
  readonly property: string;
  readonly setup: Setup;
  /** What the setup does instead. */
  readonly message: string;
}
export interface Failure extends FailureFound {
  readonly replay: { readonly seed: number; readonly path: string };
}

export interface ChunkResult {
  /** Setups drawn and tried; those tried while shrinking are not counted. */
  readonly setups: number;
  readonly shrinks: number;
  readonly failure: Failure | null;
}

interface ChunkEvents {
  /** A setup has been drawn and tried. */
  onSetup?: () => void;
  /** A setup fails; each is no larger than the one before. */
  onFailure?: (failure: FailureFound) => void;
}

/** Tries a chunk. The first setup that fails is shrunk, and ends it. */
export async function tryChunk(
  chunk: Chunk,
  engine: Engine,
  { onSetup, onFailure }: ChunkEvents = {},
  kinds: readonly PropertyKind[] = KINDS,
): Promise<ChunkResult> {
  const kind = kinds.find(({ name }) => name === chunk.kind) as PropertyKind;
  const tried = kind.properties.filter(({ id }) => chunk.properties.includes(id));
  let smallest: FailureFound | null = null;
  const predicate = async (setup: Setup): Promise<void> => {
    for (const { id, check } of tried) {
      // While a failure is shrunk, only its property is tried: a failure of another would be another counterexample.
      if (smallest !== null && smallest.property !== id) continue;
      try {
        await check(setup, engine);
      } catch (error) {
        smallest = { property: id, setup, message: (error as Error).message };
        onFailure?.(smallest);
        throw error;
      }
    }
    if (smallest === null) onSetup?.();
  };
  const property = fc.asyncProperty(setups({ size: kind.size }), predicate);
  const { seed, path, runs } = chunk;
  const { numRuns, numShrinks, ...result } = await fc.check(property, { seed, numRuns: runs, path });
  const found = smallest as FailureFound | null;
  const replay = { seed: result.seed, path: result.counterexamplePath as string };
  return { setups: numRuns, shrinks: numShrinks, failure: found === null ? null : { ...found, replay } };
}
