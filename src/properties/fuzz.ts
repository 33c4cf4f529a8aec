/** Fuzzing: tries chunks of setups on the machine's cores until the runs or the time are used up. */
import type { Engine } from '../engine/engine.ts';
import { startWorkers } from '../lab/workers.ts';
import { ownModule } from '../own-module.ts';
import { stream } from '../random/streams.ts';
import type { Chunk, ChunkResult, Failure } from './chunk.ts';
import { KINDS } from './kinds.ts';
import type { PropertyKind } from './property.ts';
import type { ChunkEvent } from './worker.ts';

export interface FuzzOptions {
  readonly engine: Engine;
  /** Ids of the properties to try. */
  readonly properties: readonly string[];
  readonly seed: number;
  /** Draws one case again, with `seed` as fast-check's own; one property only. */
  readonly path?: string;
  /** Most setups of each kind. */
  readonly runs: number;
  /** Milliseconds after which no new chunk begins. */
  readonly budget: number;
  readonly jobs: number;
  /** Ends early: the chunks in progress stop, and the failures that they have found are kept. */
  readonly signal?: AbortSignal;
  /** Is given each failure, shrunk as far as possible, or as far as the time allowed. */
  readonly onFailure: (failure: Failure) => Promise<void>;
  readonly onProgress?: (tally: FuzzTally) => void;
  /** The module that tries a chunk in a process of its own; another one in specs. */
  readonly worker?: URL;
}

/** Setups tried so far, by kind, and failures found. */
export interface FuzzTally {
  readonly setups: Record<PropertyKind['name'], number>;
  readonly failures: number;
}

/** Setups of a chunk: as many as take a few seconds. */
const CHUNK = { data: 10, training: 2 } as const;

/** The chunks of a seed. Kinds take turns: the first chunk of each kind comes before the second of any. */
function* chunks({ properties, seed, path, runs }: FuzzOptions): Generator<Chunk> {
  const kinds = KINDS.map(({ name, properties: all }) => ({
    kind: name,
    properties: all.map(({ id }) => id).filter((id) => properties.includes(id)),
  })).filter((kind) => kind.properties.length > 0);
  if (path !== undefined) {
    yield { ...kinds[0], seed, path, runs: 1 };
    return;
  }
  const turns = Math.max(...kinds.map(({ kind }) => Math.ceil(runs / CHUNK[kind])));
  for (let turn = 0; turn < turns; turn++) {
    for (const kind of kinds) {
      const size = Math.min(CHUNK[kind.kind], runs - turn * CHUNK[kind.kind]);
      if (size > 0) yield { ...kind, seed: stream(seed, `fuzz/${kind.kind}/${turn}`).below(2 ** 31), runs: size };
    }
  }
}

/** Tries properties on setups. A property that has failed is not tried again: one counterexample is enough. */
export async function fuzz(options: FuzzOptions): Promise<FuzzTally> {
  const { engine, budget, jobs, signal, onFailure, onProgress } = options;
  const workers = await startWorkers(options.worker ?? ownModule('./worker', import.meta.url), jobs);
  const end = performance.now() + budget;
  const setups = { data: 0, training: 0 };
  const failed = new Set<string>();
  const failing = new Map<Chunk, Failure>();
  const todo = chunks(options);
  const fail = async (failure: Failure) => {
    if (failed.has(failure.property)) return;
    failed.add(failure.property);
    await onFailure(failure);
  };
  const tryOne = async (chunk: Chunk): Promise<void> => {
    let passed = 0;
    const onEvent = (event: ChunkEvent) => {
      if ('setup' in event) {
        setups[chunk.kind] += 1;
        passed += 1;
      } else {
        // Until the failure is shrunk, the replay draws its first setup: the one after those that passed.
        failing.set(chunk, { ...event.failure, replay: { seed: chunk.seed, path: `${passed}` } });
      }
      onProgress?.({ setups, failures: failed.size });
    };
    const { failure }: ChunkResult = await workers.run({ chunk, engine: engine.name }, onEvent);
    failing.delete(chunk);
    if (failure !== null) await fail(failure);
  };
  const lane = async (): Promise<void> => {
    while (performance.now() < end && signal?.aborted !== true) {
      const { value, done } = todo.next();
      if (done) return;
      const properties = value.properties.filter((id) => !failed.has(id));
      if (properties.length > 0) await tryOne({ ...value, properties });
    }
  };
  const aborted = new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
  try {
    const lanes = Promise.all(Array.from({ length: jobs }, lane));
    lanes.catch(() => {}); // an interruption leaves lanes behind, which may fail
    await Promise.race([lanes, aborted]);
    // An interruption keeps the failures that are being shrunk as small as they are by then.
    for (const failure of failing.values()) await fail(failure);
  } finally {
    await workers.end();
  }
  return { setups, failures: failed.size };
}
