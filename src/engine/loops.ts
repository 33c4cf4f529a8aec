/**
 * Kernels written as plain loops over a backend's own memory.
 *
 * On the WASM and CPU backends a transformer's small operations (layer norm, GELU, attention over a few letters) spend
 * their time in dozens of tiny TensorFlow.js kernels. Each of them is therefore one kernel here: a loop over the
 * backend's memory, registered with TensorFlow.js like any other kernel, with its gradient. On the native backend the
 * same operation is composed of TensorFlow.js operations, and a spec holds the two equal.
 */
import type { KernelBackend, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs';
import { tf } from './engine.ts';
import { pointer, type SimdKernels, simdKernels } from './simd/kernels.ts';

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
  return isWasm(backend)
    ? backend.makeOutput(shape, 'float32')
    : (backend as CpuBackend).makeTensorInfo(shape, 'float32', new Float32Array(tf.util.sizeFromShape(shape)));
}

function values(backend: KernelBackend, info: TensorInfo): Float32Array | Int32Array {
  return isWasm(backend) ? backend.typedArrayFromHeap(info) : (backend as CpuBackend).data.get(info.dataId).values;
}

export type Arrays<Name extends string> = Record<Name, Float32Array>;

/** One loop kernel: the shapes of its outputs, and the loop that fills every element of them. */
export interface Loop<Input extends string, Attributes> {
  readonly name: string;
  shapes(inputs: Record<Input, TensorInfo>, attributes: Attributes): number[][];
  /** Outputs start uninitialised. Integer inputs arrive as Int32Array, which reads like Float32Array. */
  run(inputs: Arrays<Input>, outputs: Float32Array[], attributes: Attributes, shapes: Record<Input, number[]>): void;
  /** The same in WebAssembly SIMD, for the WASM backend: inputs and outputs are places in its memory. */
  simd?(
    kernels: SimdKernels,
    inputs: Record<Input, number>,
    outputs: number[],
    attributes: Attributes,
    shapes: Record<Input, number[]>,
    backend: KernelBackend,
  ): void;
}

/** Registers a loop with the WASM and CPU backends. */
export function registerLoop<Input extends string, Attributes>(loop: Loop<Input, Attributes>): void {
  for (const backendName of LOOP_BACKENDS) {
    tf.registerKernel({
      kernelName: loop.name,
      backendName,
      kernelFunc: ({ inputs, backend, attrs }) => {
        const kernelBackend = backend as KernelBackend;
        const named = inputs as Record<Input, TensorInfo>;
        const attributes = attrs as Attributes;
        const outputs = loop.shapes(named, attributes).map((shape) => allocate(kernelBackend, shape));
        const names = Object.keys(named) as Input[];
        const each = <Value>(of: (info: TensorInfo) => Value) =>
          Object.fromEntries(names.map((name) => [name, of(named[name])])) as Record<Input, Value>;
        const shapes = each(({ shape }) => shape);
        if (loop.simd !== undefined && isWasm(kernelBackend)) {
          const at = (info: TensorInfo) => pointer(kernelBackend, info);
          const kernels = simdKernels(kernelBackend);
          loop.simd(kernels, each(at), outputs.map(at), attributes, shapes, kernelBackend);
        } else {
          // Views come after every allocation: an allocation may grow the WASM heap, which detaches older views.
          const view = (info: TensorInfo) => values(kernelBackend, info) as Float32Array;
          loop.run(each(view), outputs.map(view), attributes, shapes);
        }
        return outputs.length === 1 ? outputs[0] : outputs;
      },
    });
  }
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
