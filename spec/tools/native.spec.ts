import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { findTensorFlow, NativeError } from '../../src/tools/tensorflow.ts';
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
