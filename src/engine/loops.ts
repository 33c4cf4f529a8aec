/**
 * Kernels written as plain loops over a backend's own memory.
 *
 * On the WASM and CPU backends a transformer's small operations (layer norm, GELU, attention over a few letters) spend
 * their time in dozens of tiny TensorFlow.js kernels. Each of them is therefore one kernel here: a loop over the
 * backend's memory, registered with TensorFlow.js like any other kernel, with its gradient. On the native backend the
 * same operation is composed of TensorFlow.js operations, and a spec holds the two equal.
 */
import type { KernelBackend, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from './engine.ts';
import { pointer, type SimdKernels, simdKernels } from './simd/kernels.ts';
import { isWebgpu, type WebgpuBackend } from './webgpu/backend.ts';
import { type RunShader, runsShaders } from './webgpu/shader.ts';

const LOOP_BACKENDS = ['wasm', 'cpu'] as const;

/** What the loops need of a backend: TensorFlow.js backends have it, but its types do not say so. */
interface WasmBackend extends KernelBackend {
  makeOutput(shape: number[], dtype: 'float32'): TensorInfo;
  typedArrayFromHeap(info: TensorInfo): Float32Array | Int32Array;
}
interface CpuBackend extends KernelBackend {
  makeTensorInfo(shape: number[], dtype: 'float32', values: Float32Array): TensorInfo;
  data: { get(dataId: object): { values: Float32Array | Int32Array } };
}

const isWasm = (backend: KernelBackend): backend is WasmBackend => 'typedArrayFromHeap' in backend;

function allocate(backend: KernelBackend, shape: number[]): TensorInfo {
  if (isWebgpu(backend)) return backend.makeTensorInfo(shape, 'float32');
  return isWasm(backend)
    ? backend.makeOutput(shape, 'float32')
    : (backend as CpuBackend).makeTensorInfo(shape, 'float32', new Float32Array(tf.util.sizeFromShape(shape)));
}

function values(backend: KernelBackend, info: TensorInfo): Float32Array | Int32Array {
  return isWasm(backend) ? backend.typedArrayFromHeap(info) : (backend as CpuBackend).data.get(info.dataId).values;
}

export type Arrays<Name extends string> = Record<Name, Float32Array>;

/** What every kernel here is: a name, and the shapes of its outputs. */
interface Kernel<Input extends string, Attributes> {
  readonly name: string;
  shapes(inputs: Record<Input, TensorInfo>, attributes: Attributes): number[][];
}

/** A kernel as a loop in JavaScript, which fills every element of its outputs. */
export interface Loop<Input extends string, Attributes> extends Kernel<Input, Attributes> {
  /** Outputs start uninitialised. Integer inputs arrive as Int32Array, which reads like Float32Array. */
  run(inputs: Arrays<Input>, outputs: Float32Array[], attributes: Attributes, shapes: Record<Input, number[]>): void;
}

/** A kernel in WebAssembly SIMD, for the WASM backend: inputs and outputs are places in its memory. */
export interface Simd<Input extends string, Attributes> extends Kernel<Input, Attributes> {
  simd(
    kernels: SimdKernels,
    inputs: Record<Input, number>,
    outputs: number[],
    attributes: Attributes,
    shapes: Record<Input, number[]>,
    backend: KernelBackend,
  ): void;
}

/** A kernel as programs for a GPU. */
export interface Gpu<Input extends string, Attributes> extends Kernel<Input, Attributes> {
  gpu(
    run: RunShader,
    inputs: Record<Input, TensorInfo>,
    outputs: TensorInfo[],
    attributes: Attributes,
    shapes: Record<Input, number[]>,
    backend: WebgpuBackend,
  ): void;
}

/** Registers a kernel with a backend. `fill` computes its outputs, for which there is room already. */
function register<Input extends string, Attributes>(
  backendName: string,
  kernel: Kernel<Input, Attributes>,
  fill: (
    backend: KernelBackend,
    inputs: Record<Input, TensorInfo>,
    outputs: TensorInfo[],
    attributes: Attributes,
    shapes: Record<Input, number[]>,
  ) => void,
): void {
  tf.registerKernel({
    kernelName: kernel.name,
    backendName,
    kernelFunc: ({ inputs, backend, attrs }) => {
      const kernelBackend = backend as KernelBackend;
      const named = inputs as Record<Input, TensorInfo>;
      const attributes = attrs as Attributes;
      const outputs = kernel.shapes(named, attributes).map((shape) => allocate(kernelBackend, shape));
      const shapes = each(named, ({ shape }) => shape);
      fill(kernelBackend, named, outputs, attributes, shapes);
      return outputs.length === 1 ? outputs[0] : outputs;
    },
  });
}

function each<Input extends string, Value>(
  named: Record<Input, TensorInfo>,
  of: (info: TensorInfo) => Value,
): Record<Input, Value> {
  const values = {} as Record<Input, Value>;
  for (const name of Object.keys(named) as Input[]) {
    if (named[name] !== undefined) values[name] = of(named[name]); // an input that may be left out
  }
  return values;
}

/** Registers a kernel that only the WASM backend has. */
export function registerSimd<Input extends string, Attributes>(kernel: Simd<Input, Attributes>): void {
  register<Input, Attributes>('wasm', kernel, (backend, inputs, outputs, attributes, shapes) => {
    const at = (info: TensorInfo) => pointer(backend, info);
    kernel.simd(simdKernels(backend), each(inputs, at), outputs.map(at), attributes, shapes, backend);
  });
}

/** Registers a kernel with the WebGPU backend. */
export function registerGpu<Input extends string, Attributes>(kernel: Gpu<Input, Attributes>): void {
  register<Input, Attributes>('webgpu', kernel, (backend, inputs, outputs, attributes, shapes) => {
    const gpu = backend as WebgpuBackend;
    gpu.failures.within(kernel.name, () => kernel.gpu(runsShaders(gpu), inputs, outputs, attributes, shapes, gpu));
  });
}

/**
 * Registers a loop with the CPU backend, and with the WASM backend: there in SIMD, where the loop has such a form; and
 * with the WebGPU backend, where it has one for GPUs.
 */
export function registerLoop<Input extends string, Attributes>(
  loop: Loop<Input, Attributes> & Partial<Simd<Input, Attributes>> & Partial<Gpu<Input, Attributes>>,
): void {
  const { simd, gpu } = loop;
  for (const backendName of simd === undefined ? LOOP_BACKENDS : ['cpu']) {
    register<Input, Attributes>(backendName, loop, (backend, inputs, outputs, attributes, shapes) => {
      // Views come after every allocation: an allocation may grow the WASM heap, which detaches older views.
      const view = (info: TensorInfo) => values(backend, info) as Float32Array;
      loop.run(each(inputs, view), outputs.map(view), attributes, shapes);
    });
  }
  if (simd !== undefined) registerSimd<Input, Attributes>({ ...loop, simd });
  if (gpu !== undefined) registerGpu<Input, Attributes>({ ...loop, gpu });
}

/** Whether the running engine has a kernel of this name; where it has none, the operation is composed of others. */
export const hasKernel = (name: string): boolean => tf.getKernel(name, tf.getBackend()) !== undefined;

/** Runs a registered kernel on tensors. */
export function runKernel<Result extends tf.Tensor | tf.Tensor[]>(
  name: string,
  inputs: Record<string, tf.Tensor>,
  attributes: object = {},
): Result {
  return tf.engine().runKernel(name, inputs, attributes as NamedAttrMap) as Result;
}
