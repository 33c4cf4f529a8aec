/** The engines that specs run on. */
import { ENGINES, type EngineName, startEngine } from '../../src/engine/engine.ts';

const reasons = new Map<EngineName, string>();
for (const engine of ENGINES) {
  await startEngine(engine).catch((error: Error) => reasons.set(engine, error.message));
}

/** Every engine that starts on this machine: `native` only where it was built. */
export const ENGINES_HERE = ENGINES.filter((engine) => !reasons.has(engine));
