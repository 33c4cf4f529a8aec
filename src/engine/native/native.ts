/** The native engine: how tfjs-node is loaded, and what it does in a way of its own. */
import { createRequire } from 'node:module';
import type { tf, Ways } from '../engine.ts';
import type { Graphs, TensorFunction } from '../graphs.ts';
import { AdamwGraph } from './adamw.ts';
import { libraryIsLoaded } from './kernels.ts';
import { loadKernels } from './library.ts';
import { WITHIN_OPERATIONS } from './threads.ts';
import { type LoadedGraph, trace } from './trace.ts';

const require = createRequire(import.meta.url);

/** Graphs that the native engine traced, kept until they are disposed. */
class NativeGraphs implements Graphs {
  readonly #graphs = new Map<string, LoadedGraph>();

  run(key: string, body: TensorFunction, inputs: tf.Tensor[]): tf.Tensor[] {
    const full = `${key} ${inputs.map(({ shape }) => shape.join('x')).join()}`;
    let graph = this.#graphs.get(full);
    if (graph === undefined) {
      graph = trace(body, inputs);
      this.#graphs.set(full, graph);
    }
    return graph.run(inputs);
  }

  dispose(): void {
    for (const graph of this.#graphs.values()) graph.dispose();
    this.#graphs.clear();
  }
}

/** Loads tfjs-node, which registers its backend with TensorFlow.js. @throws where it is not here */
export function load(): Ways {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2'; // or TensorFlow prints its build flags in every process
  // tfjs-node calls these, which Node 23 dropped.
  const util = require('node:util');
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  const divided = process.env[WITHIN_OPERATIONS];
  process.env[WITHIN_OPERATIONS] = divided ?? '1'; // as for small models, unless whoever started the process knows better
  try {
    require('@tensorflow/tfjs-node');
  } finally {
    if (divided === undefined) delete process.env[WITHIN_OPERATIONS]; // processes started from here choose for themselves
  }
  const kernels = loadKernels();
  if (kernels.digest !== null) libraryIsLoaded();
  return {
    kernels: kernels.digest,
    newGraphs: () => new NativeGraphs(),
    resident: (...args) => new AdamwGraph(...args),
    streamed: null,
  };
}
