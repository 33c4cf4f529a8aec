/** `engine native` as a process. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { CUDA_WHEELS, WHEELS } from '../../src/tools/tensorflow.ts';
import { MAIN } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';

describe('engine native', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const command = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, [MAIN, 'engine', 'native', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });

  it('refuses a wheel that is not pinned, naming those that are', () => {
    for (const [options, { version }] of [
      [[], WHEELS[0]],
      [['--cuda'], CUDA_WHEELS[0]],
    ] as const) {
      const { status, stderr } = command([...options, '--tensorflow', '1.0.0']);
      expect(status).toBe(2);
      expect(stderr).toContain(`take ${version}`);
    }
  });

  it('refuses an option that does not exist', () => {
    const { status, stderr } = command(['--gpu']);
    expect(status).toBe(2);
    expect(stderr).toContain("unknown option '--gpu'");
  });

  it.each([
    ['python3', [], 'python3 is needed'],
    ['make', ['python3'], 'make is needed'],
    ['a compiler', ['python3', 'make'], 'compiler is needed'],
    ['a TensorFlow', ['python3', 'make', 'compiler'], 'LIBTENSORFLOW_DIR must name a TensorFlow'],
  ])('says that %s is missing', (_, present, message) => {
    // A search path of stand-ins that start and do nothing; without tfjs-node's folder nothing is found to work.
    const bin = temporaryFolder();
    for (const tool of present) writeFileSync(path.join(bin, tool), '#!/bin/sh\n', { mode: 0o755 });
    const { status, stderr } = command(['--rebuild'], {
      PATH: bin,
      CXX: 'compiler',
      LIBTENSORFLOW_DIR: '/no/such/folder',
    });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
