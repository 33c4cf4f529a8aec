/** The native engine: how tfjs-node is loaded, and what it does in a way of its own. */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { tf, Ways } from '../engine.ts';
import type { Graphs, TensorFunction } from '../graphs.ts';
import { dataTypeOf, nativeBackend, usesGpu } from './backend.ts';
import { gpuInWords, isCuda, setCudaVariables } from './cuda.ts';
import { GraphWriter, type Session } from './graph.ts';
import { libraryIsLoaded } from './kernels.ts';
import { loadKernels } from './library.ts';
import { WITHIN_OPERATIONS } from './threads.ts';
import { trace } from './trace.ts';
import { NativeTraining } from './training.ts';

const require = createRequire(import.meta.url);

/** A function of tensors as a graph of its own. */
interface LoadedGraph {
  readonly session: Session;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

function loadedGraph(body: TensorFunction, example: readonly tf.Tensor[]): LoadedGraph {
  const graph = new GraphWriter(nativeBackend().binding);
  const inputs = example.map((tensor) => `${graph.placeholder(dataTypeOf(tensor), tensor.shape)}:0`);
  const outputs = trace(graph, inputs, body, example);
  return { session: graph.load(), inputs, outputs };
}

/** Graphs that the native engine traced, kept until they are disposed. */
class NativeGraphs implements Graphs {
  readonly #graphs = new Map<string, LoadedGraph>();

  run(key: string, body: TensorFunction, inputs: tf.Tensor[]): tf.Tensor[] {
    const full = `${key} ${inputs.map(({ shape }) => shape.join('x')).join()}`;
    let graph = this.#graphs.get(full);
    if (graph === undefined) {
      graph = loadedGraph(body, inputs);
      this.#graphs.set(full, graph);
    }
    return graph.session.run(graph.inputs, inputs, graph.outputs);
  }

  dispose(): void {
    for (const { session } of this.#graphs.values()) session.dispose();
    this.#graphs.clear();
  }
}

/** Loads tfjs-node, which makes its backend that of TensorFlow.js. @throws where it is not here */
export function load(): Ways {
  const cuda = isCuda(path.resolve(require.resolve('@tensorflow/tfjs-node'), '..', '..'));
  // Or TensorFlow prints its build flags in every process, and with CUDA that there is no GPU: the version says that.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= cuda ? '3' : '2';
  if (cuda) setCudaVariables();
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
  if (usesGpu() && !cuda) {
    throw new Error(
      'its TensorFlow computes on a GPU, and would round to TF32; "npx negative-knowledge engine native --cuda" builds it for one',
    );
  }
  const kernels = loadKernels();
  if (kernels.digest !== null) libraryIsLoaded();
  return {
    kernels: kernels.digest,
    ...(cuda && { cuda: { gpu: usesGpu() ? gpuInWords() : null } }),
    newGraphs: () => new NativeGraphs(),
    newResidentTraining: (...args) => new NativeTraining(...args),
    streamed: null,
  };
}
