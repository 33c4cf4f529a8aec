import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EngineError, parseEngine, startEngine, tf } from '../../src/engine/engine.ts';
import { buildKernels } from '../../src/tools/kernels.ts';
import { temporaryFolder } from '../helpers/folder.ts';

describe('startEngine', () => {
  it('starts the engine it is told to, and says which', async () => {
    expect(await startEngine('cpu')).toMatchObject({ name: 'cpu', version: tf.version.tfjs });
    expect(tf.getBackend()).toBe('cpu');
    expect((await startEngine('wasm')).name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
  });

  it('takes the best engine that starts when told nothing', async () => {
    expect(['native', 'wasm']).toContain((await startEngine('')).name);
  });

  it('refuses an engine that does not exist, naming the variable and the choices', () => {
    expect(() => parseEngine('gpu')).toThrow(EngineError);
    expect(() => parseEngine('gpu')).toThrow(
      'NEGATIVE_KNOWLEDGE_ENGINE is "gpu"; it must be one of native, wasm, cpu, or unset',
    );
  });

  it('says what to install when the native engine is asked for and absent, or else runs it', async () => {
    try {
      expect((await startEngine('native')).name).toBe('native');
    } catch (error) {
      expect(error).toBeInstanceOf(EngineError);
      expect((error as Error).message).toMatch(
        /native cannot start .* "npx negative-knowledge engine native" builds it/,
      );
    }
  });
});

it('the committed SIMD binary is what its source compiles to', () => {
  const built = path.join(temporaryFolder(), 'kernels.wasm');
  buildKernels(built);
  const committed = fileURLToPath(new URL('../../src/engine/simd/kernels.wasm', import.meta.url));
  const same = readFileSync(built).equals(readFileSync(committed));
  expect(same, 'run node --import tsx src/tools/kernels.ts and commit the result').toBe(true);
});
