/** The engines that specs run on. */
import { ENGINES, type EngineName, startEngine } from '../../src/engine/engine.ts';

const reasons = new Map<EngineName, string>();
const TRIED = ENGINES.filter((engine) => engine !== 'webgpu');
for (const engine of TRIED) {
  await startEngine(engine).catch((error: Error) => reasons.set(engine, error.message));
}

/** Every engine that starts on this machine: `native` only where it was built. `webgpu` has specs of its own. */
export const ENGINES_HERE = TRIED.filter((engine) => !reasons.has(engine));
