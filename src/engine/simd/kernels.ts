/** Loads the SIMD kernels onto the memory of the TensorFlow.js WASM backend. */
import type { KernelBackend, TensorInfo } from '@tensorflow/tfjs-core';
import { simdBinary } from './binary.ts';

/** Byte offsets into the backend's memory. */
type Pointer = number;

/** What kernels.assembly.ts exports; there stand the arguments, which are pointers, sizes and factors. */
export type SimdKernels = Record<
  | 'gelu'
  | 'layerNorm'
  | 'layerNormGradient'
  | 'attention'
  | 'attentionGradient'
  | 'product'
  | 'weightGradient'
  | 'exponentialSums'
  | 'tokenLogProbabilityGradient'
  | 'adamw',
  (...given: number[]) => void
> &
  Record<'productScratch' | 'weightGradientScratch' | 'squares', (...given: number[]) => number>;

/** What is needed of the backend beyond its types. */
interface WasmBackend extends KernelBackend {
  wasm: { asm: { memory: WebAssembly.Memory }; _malloc(bytes: number): Pointer; _free(pointer: Pointer): void };
  dataIdMap: { get(dataId: object): { memoryOffset: Pointer } };
}

const FLOAT_BYTES = 4;
const loaded = new WeakMap<KernelBackend, SimdKernels>();

/** The kernels of a WASM backend, loaded at first use. */
export function simdKernels(backend: KernelBackend): SimdKernels {
  const known = loaded.get(backend);
  if (known !== undefined) return known;
  const module = new WebAssembly.Module(simdBinary());
  const { memory } = (backend as WasmBackend).wasm.asm;
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  const kernels = exports as unknown as SimdKernels;
  loaded.set(backend, kernels);
  return kernels;
}

/** Where a tensor lies in the backend's memory. */
export const pointer = (backend: KernelBackend, info: TensorInfo): Pointer =>
  (backend as WasmBackend).dataIdMap.get(info.dataId).memoryOffset;

/** Runs `body` with room for `size` float32 numbers in the backend's memory, and frees it. */
export function withScratch(backend: KernelBackend, size: number, body: (scratch: Pointer) => void): void {
  const { wasm } = backend as WasmBackend;
  const scratch = wasm._malloc(size * FLOAT_BYTES) >>> 0; // beyond 2 GiB it comes as a negative number
  if (scratch === 0) throw new RangeError(`WASM has no room left for ${size * FLOAT_BYTES} bytes`);
  try {
    body(scratch);
  } finally {
    wasm._free(scratch);
  }
}

/** `size` float32 numbers of the backend's memory; whatever allocates there may detach them. */
export const numbersAt = (backend: KernelBackend, at: Pointer, size: number): Float32Array =>
  new Float32Array((backend as WasmBackend).wasm.asm.memory.buffer, at, size);

/** The same of int32 numbers. */
export const integersAt = (backend: KernelBackend, at: Pointer, size: number): Int32Array =>
  new Int32Array((backend as WasmBackend).wasm.asm.memory.buffer, at, size);

/** Copies numbers into the backend's memory. */
export const place = (backend: KernelBackend, values: Float32Array, at: Pointer): void =>
  numbersAt(backend, at, values.length).set(values);
