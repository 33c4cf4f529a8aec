/**
 * What a page has in the place of src/engine/simd/binary.ts: `npm run page` puts the compiled files into its scripts, so
 * that it needs no server to fetch them from.
 */

import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import backend from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm?packed';
import { env } from '@tensorflow/tfjs-core';
import kernels from '../engine/simd/kernels.wasm';

/** The files of a page are packed: it is to be loaded over a telephone's network. */
const unpacked = (packed: Uint8Array<ArrayBuffer>): Promise<Blob> =>
  new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')), {
    headers: { 'content-type': 'application/wasm' },
  }).blob();

/** Gives the backend its file. With several threads its memory would be shared, onto which our kernels do not link. */
export async function prepareBackend(): Promise<void> {
  env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  const file = URL.createObjectURL(await unpacked(backend));
  // It wants to know of each; of the others there is none here.
  setWasmPaths({
    'tfjs-backend-wasm-simd.wasm': file,
    'tfjs-backend-wasm-threaded-simd.wasm': file,
    'tfjs-backend-wasm.wasm': file,
  });
}

/** kernels.wasm, which is small and comes as it is. */
export const simdBinary = (): Uint8Array<ArrayBuffer> => kernels;
