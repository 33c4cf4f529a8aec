import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  CUDA_WHEELS,
  findTensorFlow,
  NativeError,
  needCudaPlatform,
  requirementsOf,
  WHEELS,
  wheelOf,
} from '../../src/tools/tensorflow.ts';
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
      nvidia: null,
    });
  });

  it('finds those of a wheel beside include/', () => {
    const folder = folderWith(HEADER, 'libtensorflow_cc.so.2', 'libtensorflow_framework.so.2');
    expect(findTensorFlow(folder).main).toBe(path.join(folder, 'libtensorflow_cc.so.2'));
  });

  it('finds NVIDIA’s libraries within it, or beside it where pip installed both', () => {
    const wheel = ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2', HEADER];
    const unpacked = folderWith(...wheel, 'nvidia/cublas/lib/libcublas.so.12');
    expect(findTensorFlow(unpacked).nvidia).toBe(path.join(unpacked, 'nvidia'));
    const packages = folderWith(...wheel.map((file) => `tensorflow/${file}`), 'nvidia/cublas/lib/libcublas.so.12');
    expect(findTensorFlow(path.join(packages, 'tensorflow')).nvidia).toBe(path.join(packages, 'nvidia'));
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

describe('the pinned wheels', () => {
  it('are the first of their kind unless another is asked for, and no other', () => {
    expect(wheelOf(undefined, false)).toBe(WHEELS[0]);
    expect(wheelOf(undefined, true)).toBe(CUDA_WHEELS[0]);
    expect(wheelOf(WHEELS[1].version, false)).toBe(WHEELS[1]);
    expect(() => wheelOf(CUDA_WHEELS[0].version, false)).toThrow(NativeError);
    expect(() => wheelOf(WHEELS[0].version, true)).toThrow(
      `--tensorflow: no wheel ${WHEELS[0].version} with CUDA is pinned; take ${CUDA_WHEELS[0].version}`,
    );
  });

  it('have a checksum each, which pip is told', () => {
    for (const wheel of [...WHEELS, ...CUDA_WHEELS]) {
      const lines = requirementsOf([wheel, ...wheel.nvidia])
        .trimEnd()
        .split('\n');
      expect(lines).toHaveLength(1 + wheel.nvidia.length);
      for (const line of lines) expect(line).toMatch(/^[a-z\d-]+==[\d.]+ --hash=sha256:[\da-f]{64}$/);
    }
  });

  it('with CUDA have NVIDIA’s libraries, and are for Linux on x64 alone', () => {
    // Those that TensorFlow 2.20 loads where a driver is: seen with a stand-in for the driver.
    const loaded = ['cublas', 'cuda-runtime', 'cudnn', 'cufft', 'cusolver', 'cusparse', 'nvjitlink'];
    const names = CUDA_WHEELS[0].nvidia.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(loaded.map((library) => `nvidia-${library}-cu12`)));
    expect(() => needCudaPlatform('linux-x64')).not.toThrow();
    for (const platform of ['darwin-arm64', 'linux-arm64', 'win32-x64']) {
      expect(() => needCudaPlatform(platform)).toThrow(`--cuda is for linux-x64, and this is ${platform}`);
    }
  });
});
