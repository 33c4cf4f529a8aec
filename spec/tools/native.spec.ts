import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { findTensorFlow, NativeError, WHEELS, wheelOf } from '../../src/tools/tensorflow.ts';
import { MAIN } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';

/** A folder that holds the named files, empty. */
function folderWith(...files: string[]): string {
  const folder = temporaryFolder();
  for (const file of files) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    writeFileSync(path.join(folder, file), '');
  }
  return folder;
}

const HEADER = 'include/tensorflow/c/c_api.h';

describe('findTensorFlow', () => {
  it('finds the libraries of libtensorflow below lib/', () => {
    const folder = folderWith(HEADER, 'lib/libtensorflow.so.2', 'lib/libtensorflow_framework.so.2', 'lib/other.so');
    expect(findTensorFlow(folder)).toEqual({
      include: path.join(folder, 'include'),
      libraries: ['libtensorflow.so.2', 'libtensorflow_framework.so.2'].map((name) => path.join(folder, 'lib', name)),
      main: path.join(folder, 'lib', 'libtensorflow.so.2'),
      framework: path.join(folder, 'lib', 'libtensorflow_framework.so.2'),
    });
  });

  it('finds those of a wheel beside include/', () => {
    const folder = folderWith(HEADER, 'libtensorflow_cc.so.2', 'libtensorflow_framework.so.2');
    expect(findTensorFlow(folder).main).toBe(path.join(folder, 'libtensorflow_cc.so.2'));
  });

  it.each([
    ['headers', [], HEADER],
    ['the library', [HEADER, 'libtensorflow_framework.so.2'], 'libtensorflow (or libtensorflow_cc) is missing'],
    ['the framework', [HEADER, 'libtensorflow.so.2'], 'libtensorflow_framework is missing'],
  ])('names %s when missing', (_, files, message) => {
    const folder = folderWith(...files);
    expect(() => findTensorFlow(folder)).toThrow(NativeError);
    expect(() => findTensorFlow(folder)).toThrow(message);
  });

  it('names the variable when the folder is not there', () => {
    expect(() => findTensorFlow('/no/such/folder')).toThrow('LIBTENSORFLOW_DIR must name a TensorFlow');
  });
});

describe('engine native', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const command = (args: string[], env: NodeJS.ProcessEnv = {}) =>
    spawnSync(process.execPath, [MAIN, 'engine', 'native', ...args], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, ...env },
    });

  it('refuses a wheel that is not pinned, naming those that are', () => {
    expect(() => wheelOf('1.0.0')).toThrow(NativeError);
    const { status, stderr } = command(['--tensorflow', '1.0.0']);
    expect(status).toBe(2);
    expect(stderr).toContain(WHEELS[0].version);
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
