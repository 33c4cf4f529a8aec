/** What engines are called: for those who name one and need no TensorFlow.js for it. */
import { ExplainedError } from '../explained-error.ts';

export const ENGINES = ['native', 'webgpu', 'wasm', 'cpu'] as const;
export type EngineName = (typeof ENGINES)[number];

/** The engine asked for does not exist or cannot start here. */
export class EngineError extends ExplainedError {
  override name = 'EngineError';
}

/** The environment variable that forces an engine. */
export const ENGINE_VARIABLE = 'NEGATIVE_KNOWLEDGE_ENGINE';

/** What the version of the engine `native` says where its TensorFlow has CUDA, and found no GPU. */
export const NO_GPU = 'CUDA (no GPU found)';

/** Reads an engine's name. @throws EngineError for any other text. */
export function parseEngine(name: string): EngineName {
  const engine = ENGINES.find((known) => known === name);
  if (engine === undefined) {
    throw new EngineError(`${ENGINE_VARIABLE} is "${name}"; it must be one of ${ENGINES.join(', ')}, or unset`);
  }
  return engine;
}
