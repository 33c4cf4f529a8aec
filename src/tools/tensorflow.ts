/** TensorFlows that the native engine can be built against. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { ExplainedError } from '../explained-error.ts';

/** The native engine cannot be built here; the message says what is missing. */
export class NativeError extends ExplainedError {
  override name = 'NativeError';
}

/** What wheels are pinned for: `process.platform`-`process.arch`, and the platform and Python as pip names them. */
export const WHEEL_PLATFORM = 'linux-x64';
export const PIP_PLATFORM = 'manylinux2014_x86_64';
export const PIP_PYTHON = '3.11'; // any would do: no Python of a wheel is run

/** A wheel of tensorflow-cpu on PyPI: it carries the C library and its headers. */
export interface Wheel {
  readonly version: string;
  readonly sha256: string;
}

/**
 * Wheels that were built against and pass the specs; the first is the default. (2.21.0 computes the same, but prints a
 * line of log in every process before anything can turn it off.)
 */
export const WHEELS: readonly Wheel[] = [
  { version: '2.15.1', sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26' },
  { version: '2.12.1', sha256: '7ffb595707a8fb376deaddc768784c7a0242b16cbc6e06393b1733b2ce19f855' },
];

/** @throws NativeError for a version that is not pinned */
export function wheelOf(version: string): Wheel {
  const wheel = WHEELS.find((known) => known.version === version);
  if (wheel !== undefined) return wheel;
  const pinned = WHEELS.map((known) => known.version).join(', ');
  throw new NativeError(`--tensorflow: no wheel ${version} is pinned; take ${pinned}`);
}

export interface TensorFlowParts {
  /** Folder of the headers. */
  readonly include: string;
  /** Every library file of TensorFlow itself. */
  readonly libraries: readonly string[];
  /** The one with the C API. */
  readonly main: string;
  /** The one that `main` is linked to. */
  readonly framework: string;
}

/**
 * Finds headers and libraries in an unpacked libtensorflow (`include/`, `lib/`), or in an installed or unpacked wheel,
 * which has its libraries beside `include/`.
 * @throws NativeError naming what is missing
 */
export function findTensorFlow(folder: string): TensorFlowParts {
  if (!existsSync(folder))
    throw new NativeError(`there is no folder ${folder}; LIBTENSORFLOW_DIR must name a TensorFlow`);
  const include = path.join(folder, 'include');
  const header = path.join(include, 'tensorflow', 'c', 'c_api.h');
  if (!existsSync(header))
    throw new NativeError(`${header} is missing: ${folder} holds no headers of TensorFlow's C API`);
  const inLib = path.join(folder, 'lib');
  const libraryFolder = existsSync(inLib) ? inLib : folder;
  const libraries = readdirSync(libraryFolder)
    .filter((name) => /^libtensorflow.*\.(so|dylib)/.test(name))
    .sort()
    .map((name) => path.join(libraryFolder, name));
  const named = (pattern: RegExp, what: string): string => {
    const found = libraries.find((library) => pattern.test(path.basename(library)));
    if (found === undefined) throw new NativeError(`${what} is missing from ${libraryFolder}`);
    return found;
  };
  return {
    include,
    libraries,
    main: named(/^libtensorflow(_cc)?\.(so|[\d.]*dylib)/, 'libtensorflow (or libtensorflow_cc)'),
    framework: named(/^libtensorflow_framework\./, 'libtensorflow_framework'),
  };
}
