import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { EngineError, parseEngine, startEngine, tf } from '../../src/engine/engine.ts';

describe('startEngine', () => {
  it('starts the engine it is told to, and says which', async () => {
    expect(await startEngine('cpu')).toEqual({ name: 'cpu', version: tf.version.tfjs });
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
      expect((error as Error).message).toMatch(/native cannot start .* "npm run engine:native" builds it/);
    }
  });
});

it('the committed SIMD binary is what its source compiles to', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const { scripts } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-simd-'));
  const built = path.join(folder, 'kernels.wasm');
  const [, ...args] = (scripts['build:simd'] as string).replace('src/engine/simd/kernels.wasm', built).split(' ');
  execFileSync(process.execPath, [path.join(root, 'node_modules/assemblyscript/bin/asc.js'), ...args], {
    cwd: root,
    stdio: 'pipe',
  });
  const same = readFileSync(built).equals(readFileSync(path.join(root, 'src/engine/simd/kernels.wasm')));
  rmSync(folder, { recursive: true });
  expect(same, 'run npm run build:simd and commit the result').toBe(true);
});
