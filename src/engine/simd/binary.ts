/** The compiled kernels, from the file beside this module. A page carries them instead: src/browser/binaries.ts. */
import { readFileSync } from 'node:fs';

/** Makes whatever the WASM backend needs before it starts; Node finds its files by itself. */
export const prepareBackend = (): Promise<void> => Promise.resolve();

/** kernels.wasm. */
export const simdBinary = (): Uint8Array<ArrayBuffer> => readFileSync(new URL('./kernels.wasm', import.meta.url));
