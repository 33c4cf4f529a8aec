import { describe, expect, it } from 'vitest';
import { EngineError, startEngine, tf } from '../../src/engine/engine.ts';
import { parseEngine } from '../../src/engine/names.ts';

describe('startEngine', () => {
  it('starts the engine it is told to, and says which', async () => {
    expect(await startEngine('cpu')).toMatchObject({ name: 'cpu', version: tf.version_core });
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
      'NEGATIVE_KNOWLEDGE_ENGINE is "gpu"; it must be one of native, webgpu, wasm, cpu, or unset',
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
