/**
 * Which TensorFlow.js backend runs: `native` (@tensorflow/tfjs-node, where its library could be installed), else `wasm`,
 * else `cpu` (plain JavaScript). The only door to TensorFlow.js for the rest of the program.
 */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { type Graphs, OPERATION_BY_OPERATION } from './graphs.ts';
import type { AdamwGraph } from './native/adamw.ts';

export { tf };

export const ENGINES = ['native', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINES)[number];
const BACKENDS: Record<EngineName, string> = { native: 'tensorflow', wasm: 'wasm', cpu: 'cpu' };

/** The engine that runs now. */
export const runningEngine = (): EngineName => ENGINES.find((name) => BACKENDS[name] === tf.getBackend()) as EngineName;

/** The engine that ran; part of every run record. */
export interface Engine {
  readonly name: EngineName;
  /** Version of @tensorflow/tfjs, and of the TensorFlow under it on `native`. */
  readonly version: string;
}

/** What an engine does in a way of its own. */
export interface Ways {
  /** Where functions of tensors are kept that run as one graph, if the engine has graphs. */
  newGraphs(): Graphs;
  /**
   * AdamW of parameters that stay in the engine's memory, where gradients are added up as well; null where both are done
   * in arrays outside, because that memory is small.
   */
  readonly resident: ((shapes: readonly (readonly number[])[], beta1: number, beta2: number) => AdamwGraph) | null;
}

const PLAIN: Ways = { newGraphs: () => OPERATION_BY_OPERATION, resident: null };
let running = PLAIN;

/** The ways of the engine that runs. */
export const ways = (): Ways => running;

/** The engine asked for does not exist or cannot start here. */
export class EngineError extends Error {
  override name = 'EngineError';
}

/** The environment variable that forces an engine. */
export const ENGINE_VARIABLE = 'NEGATIVE_KNOWLEDGE_ENGINE';

/** Reads an engine's name. @throws EngineError for any other text. */
export function parseEngine(name: string): EngineName {
  const engine = ENGINES.find((known) => known === name);
  if (engine === undefined) {
    throw new EngineError(`${ENGINE_VARIABLE} is "${name}"; it must be one of ${ENGINES.join(', ')}, or unset`);
  }
  return engine;
}

/** Starts an engine. @returns why it does not start here, or null when it runs */
async function start(name: EngineName): Promise<string | null> {
  try {
    // Loaded here: the native engine needs Node.
    const native = name === 'native' ? (await import('./native/native.ts')).load() : null;
    if (!(await tf.setBackend(BACKENDS[name]))) return 'TensorFlow.js could not initialise it';
    await tf.ready();
    running = native ?? PLAIN;
    return null;
  } catch (error) {
    return (error as Error).message.split('\n')[0];
  }
}

function versionOf(name: EngineName): string {
  if (name !== 'native') return tf.version.tfjs;
  const { binding } = tf.backend() as unknown as { binding: { TF_Version: string } };
  return `${tf.version.tfjs} on TensorFlow ${binding.TF_Version}`;
}

/**
 * Starts the forced engine, or the best one that starts here.
 * @param forced the name, usually from `NEGATIVE_KNOWLEDGE_ENGINE`
 * @throws EngineError when `forced` is unknown or cannot start.
 */
export async function startEngine(forced: string | undefined = process.env[ENGINE_VARIABLE]): Promise<Engine> {
  tf.enableProdMode(); // Without it TensorFlow.js advertises tfjs-node on the console of every process.
  const candidates = forced ? [parseEngine(forced)] : ENGINES;
  const reasons: string[] = [];
  for (const name of candidates) {
    const reason = await start(name);
    if (reason === null) return { name, version: versionOf(name) };
    reasons.push(`${name} cannot start on this machine: ${reason}`);
  }
  const hint =
    candidates[0] === 'native' ? ' "npx negative-knowledge engine native" builds it; or unset the variable.' : '';
  throw new EngineError(`the engine ${reasons.join('; ')}.${hint}`);
}
