/** The library of kernels.cc: where it is, whether it is that of this source, and how it is loaded. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { EngineError } from '../engine.ts';
import { usesGpu } from './backend.ts';

/** `off` leaves the kernels out: the operations are then composed of TensorFlow's. */
export const KERNELS_VARIABLE = 'NEGATIVE_KNOWLEDGE_KERNELS';

export const KERNELS_SOURCE = fileURLToPath(new URL('./kernels.cc', import.meta.url));

/** What the compiler is told beside where TensorFlow is. Products are rounded as they are written, on every processor. */
export const KERNELS_FLAGS = [
  ...['-std=c++17', '-O3', '-ffp-contract=off', '-fno-math-errno', '-Wno-psabi'],
  ...['-fPIC', '-shared', '-fvisibility=hidden'],
] as const;

/** Names the source and the flags: a library of others has another name, and is not loaded. */
export const kernelsDigest = (source: string | Buffer = readFileSync(KERNELS_SOURCE)): string =>
  createHash('sha256').update(source).update(KERNELS_FLAGS.join(' ')).digest('hex').slice(0, 8);

const PREFIX = 'negative-knowledge-kernels-';

/** Whether a file of the package's folder `lib` is such a library, of this source or another. */
export const isKernelsLibrary = (name: string): boolean => name.startsWith(PREFIX) && name.endsWith('.node');

/** The library of this source. @param tfjsNode the folder of the package @tensorflow/tfjs-node */
export const kernelsLibrary = (tfjsNode: string): string =>
  path.join(tfjsNode, 'lib', `${PREFIX}${kernelsDigest()}.node`);

/** What loading came to. */
export interface Loaded {
  /** Of the library; null where it is not used. */
  readonly digest: string | null;
  /** Why it is not used, in words. */
  readonly reason: string | null;
}

const absent = (reason: string): Loaded => ({ digest: null, reason });

let loaded: Loaded | undefined;

/** Whether the kernels are to be used. @throws EngineError where the variable has no such value */
export function kernelsWanted(): boolean {
  const value = process.env[KERNELS_VARIABLE];
  if (value && value !== 'off') throw new EngineError(`${KERNELS_VARIABLE} is "${value}"; it must be off, or unset`);
  return value !== 'off';
}

function load(): Loaded {
  if (!kernelsWanted()) return absent(`${KERNELS_VARIABLE} is off`);
  // Every tensor would be copied to the processor for them and back.
  if (usesGpu()) return absent("a GPU computes, with TensorFlow's own operations");
  const manifest = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node/package.json');
  const library = kernelsLibrary(path.dirname(manifest));
  if (!existsSync(library)) return absent('they were not built from this source');
  try {
    process.dlopen({ exports: {} } as NodeJS.Module, library);
    return { digest: kernelsDigest(), reason: null };
  } catch (error) {
    return absent((error as Error).message);
  }
}

/** Loads the library, once in a process. TensorFlow must be loaded. @throws EngineError as {@link kernelsWanted} */
export function loadKernels(): Loaded {
  loaded ??= load();
  return loaded;
}
