/**
 * Which TensorFlow.js backend runs: `native` (@tensorflow/tfjs-node, where its library could be installed), else `wasm`,
 * else `cpu` (plain JavaScript). The only door to TensorFlow.js for the rest of the program.
 */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { createRequire } from 'node:module';
import { WITHIN_OPERATIONS } from './native/threads.ts';

export { tf };

const require = createRequire(import.meta.url);

export const ENGINES = ['native', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINES)[number];
const BACKENDS: Record<EngineName, string> = { native: 'tensorflow', wasm: 'wasm', cpu: 'cpu' };

/** The engine that ran; part of every run record. */
export interface Engine {
  readonly name: EngineName;
  /** Version of @tensorflow/tfjs, and of the TensorFlow under it on `native`. */
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

/** Loads tfjs-node, which registers its backend with the TensorFlow.js imported above. */
function loadNative(): void {
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
}

/** Starts an engine. @returns why it does not start here, or null when it runs */
async function start(name: EngineName): Promise<string | null> {
  try {
    if (name === 'native') loadNative();
    if (!(await tf.setBackend(BACKENDS[name]))) return 'TensorFlow.js could not initialise it';
    await tf.ready();
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
