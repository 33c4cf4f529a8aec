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

/** A wheel on PyPI. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
}

/** A wheel of TensorFlow: it carries the C library and its headers. */
export interface TensorFlowWheel extends Wheel {
  /** Wheels with NVIDIA's libraries, if it computes with CUDA. */
  readonly nvidia: readonly Wheel[];
}

/**
 * Wheels that were built against and pass the specs; the first is the default. (2.21.0 computes the same, but prints a
 * line of log in every process before anything can turn it off.)
 */
export const WHEELS: readonly TensorFlowWheel[] = [
  {
    name: 'tensorflow-cpu',
    version: '2.15.1',
    sha256: '54660c074d7241a503e81edfd9f5ef5af88f64051b72e2945f26318c790f2d26',
    nvidia: [],
  },
  {
    name: 'tensorflow-cpu',
    version: '2.12.1',
    sha256: '7ffb595707a8fb376deaddc768784c7a0242b16cbc6e06393b1733b2ce19f855',
    nvidia: [],
  },
];

/**
 * Wheels with CUDA. NVIDIA's are those that `tensorflow[and-cuda]` names, each in the oldest version that it allows: with
 * these TensorFlow was built (CUDA 12.5, cuDNN 9.3).
 */
export const CUDA_WHEELS: readonly TensorFlowWheel[] = [
  {
    name: 'tensorflow',
    version: '2.20.0',
    sha256: '481499fd0f824583de8945be61d5e827898cdaa4f5ea1bc2cc28ca2ccff8229e',
    nvidia: (
      [
        ['cublas', '12.5.3.2', 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b'],
        ['cuda-cupti', '12.5.82', 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953'],
        ['cuda-nvcc', '12.5.82', 'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0'],
        ['cuda-nvrtc', '12.5.82', '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd'],
        ['cuda-runtime', '12.5.82', '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115'],
        ['cudnn', '9.3.0.75', '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d'],
        ['cufft', '11.2.3.61', '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8'],
        ['curand', '10.3.6.82', '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536'],
        ['cusolver', '11.6.3.83', '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b'],
        ['cusparse', '12.5.1.3', '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752'],
        ['nccl', '2.25.1', '362aed5963fb9ea2ed2f264409baae30143498fd0e5c503aeaa1badd88cdc54a'],
        ['nvjitlink', '12.5.82', 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212'],
      ] as const
    ).map(([library, version, sha256]) => ({ name: `nvidia-${library}-cu12`, version, sha256 })),
  },
];

/**
 * @param version undefined for the default
 * @param cuda whether it has CUDA
 * @throws NativeError for a version that is not pinned
 */
export function wheelOf(version: string | undefined, cuda: boolean): TensorFlowWheel {
  const wheels = cuda ? CUDA_WHEELS : WHEELS;
  const wheel = wheels.find((known) => version === undefined || known.version === version);
  if (wheel !== undefined) return wheel;
  const pinned = wheels.map((known) => known.version).join(', ');
  throw new NativeError(`--tensorflow: no wheel ${version}${cuda ? ' with CUDA' : ''} is pinned; take ${pinned}`);
}

/** @throws NativeError where there is no TensorFlow with CUDA. @param here as {@link WHEEL_PLATFORM} */
export function needCudaPlatform(here = `${process.platform}-${process.arch}`): void {
  if (here !== WHEEL_PLATFORM) {
    throw new NativeError(`--cuda is for ${WHEEL_PLATFORM}, and this is ${here}; leave it out for the ordinary engine`);
  }
}

/** What pip is given: exactly these wheels. */
export const requirementsOf = (wheels: readonly Wheel[]): string =>
  wheels.map(({ name, version, sha256 }) => `${name}==${version} --hash=sha256:${sha256}\n`).join('');

export interface TensorFlowParts {
  /** Folder of the headers. */
  readonly include: string;
  /** Every library file of TensorFlow itself. */
  readonly libraries: readonly string[];
  /** The one with the C API. */
  readonly main: string;
  /** The one that `main` is linked to. */
  readonly framework: string;
  /** Folder of NVIDIA's libraries, if they came with it: within it, or beside it where pip has installed both. */
  readonly nvidia: string | null;
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
    nvidia: [path.join(folder, 'nvidia'), path.join(folder, '..', 'nvidia')].find(existsSync) ?? null,
  };
}
