/**
 * Which TensorFlow.js backend runs: `native` (@tensorflow/tfjs-node, where its library could be installed), else `wasm`,
 * else `cpu` (plain JavaScript). The only door to TensorFlow.js for the rest of the program.
 */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { createRequire } from 'node:module';

export { tf };

export const ENGINES = ['native', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINES)[number];
const BACKENDS: Record<EngineName, string> = { native: 'tensorflow', wasm: 'wasm', cpu: 'cpu' };

/** The engine that ran; part of every run record. */
export interface Engine {
  readonly name: EngineName;
  /** Version of @tensorflow/tfjs. */
  readonly version: string;
}

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

async function start(name: EngineName): Promise<boolean> {
  try {
    if (name === 'native') createRequire(import.meta.url)('@tensorflow/tfjs-node');
    if (!(await tf.setBackend(BACKENDS[name]))) return false;
    await tf.ready();
    return true;
  } catch {
    return false; // An engine that is not installed is no fault: the next one is tried, or the caller told.
  }
}

/**
 * Starts the forced engine, or the best one that starts here.
 * @param forced the name, usually from `NEGATIVE_KNOWLEDGE_ENGINE`
 * @throws EngineError when `forced` is unknown or cannot start.
 */
export async function startEngine(forced: string | undefined = process.env[ENGINE_VARIABLE]): Promise<Engine> {
  tf.enableProdMode(); // Without it TensorFlow.js advertises tfjs-node on the console of every process.
  const candidates = forced ? [parseEngine(forced)] : ENGINES;
  for (const name of candidates) {
    if (await start(name)) return { name, version: tf.version.tfjs };
  }
  const hint =
    candidates[0] === 'native'
      ? ' Install the optional package @tensorflow/tfjs-node, whose install step downloads a library, or unset the variable.'
      : '';
  throw new EngineError(`the engine ${candidates.join(', ')} cannot start on this machine.${hint}`);
}
