/**
 * What a page has in the place of src/engine/simd/binary.ts: `npm run page` puts the compiled files into its scripts, so
 * that it needs no server to fetch them from.
 */

import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import backend from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?packed';
import { env } from '@tensorflow/tfjs-core';
import kernels from '../engine/simd/kernels.wasm';

/**
 * The files of a page are packed: it is to be loaded over a telephone's network. Nothing here is a Blob: of a page that was
 * opened as a file, WebKit lets no worker read one.
 */
const unpacked = (packed: Uint8Array<ArrayBuffer>): Response =>
  new Response((new Response(packed).body as ReadableStream).pipeThrough(new DecompressionStream('gzip')));

/** Gives the backend its file. With several threads its memory would be shared, onto which our kernels do not link. */
export async function prepareBackend(): Promise<void> {
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  // It fetches nothing else, and there is nothing else that it could fetch.
  env().platform.fetch = async () => unpacked(backend);
  setWasmPaths('packed', true);
}

/** kernels.wasm, which is small and comes as it is. */
export const simdBinary = (): Uint8Array<ArrayBuffer> => kernels;
