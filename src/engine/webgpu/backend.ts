/** What the engine `webgpu` uses of TensorFlow.js's backend beyond its public types. */
import type { KernelBackend, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import type { Failures } from './failures.ts';

type DataId = TensorInfo['dataId'];

export interface WebgpuBackend extends KernelBackend {
  readonly device: GPUDevice;
  readonly queue: GPUQueue;
  commandEncoder: GPUCommandEncoder | null;
  computePassEncoder: GPUComputePassEncoder | null;
  /** Dispatches since the last submission. */
  dispatchCountInPass: number;
  /** Tensors whose buffers commands read or write that were not submitted yet. */
  commandQueueOwnedIds: WeakSet<DataId>;
  /** A tensor's buffer, and its values where they are known outside of it. */
  readonly tensorMap: { get(dataId: DataId): { resource: GPUBuffer | null; values: tf.TypedArray | null } };
  readonly bufferManager: { acquireBuffer(size: number, usage: GPUBufferUsageFlags): GPUBuffer };
  /** Buffers of numbers that are free once what was given to the device is submitted. */
  readonly uniformPendingDisposal: GPUBuffer[];
  makeTensorInfo(shape: number[], dtype: 'float32'): TensorInfo;
  /** Makes sure that a tensor has a buffer. */
  uploadToGPU(dataId: DataId): void;
  ensureCommandEncoderReady(): void;
  endComputePassEncoder(): void;
  submitQueue(): void;
  /** Set where the backend is made (device.ts). */
  failures: Failures;
}

export const isWebgpu = (backend: KernelBackend): backend is WebgpuBackend => 'commandQueueOwnedIds' in backend;

/** The running engine's backend, where it is this one. */
export const webgpuBackend = (): WebgpuBackend => tf.backend() as unknown as WebgpuBackend;

/** A tensor's buffer, which commands are about to use. */
export function bufferOf(backend: WebgpuBackend, { dataId }: Pick<TensorInfo, 'dataId'>): GPUBuffer {
  backend.uploadToGPU(dataId);
  backend.commandQueueOwnedIds.add(dataId);
  return backend.tensorMap.get(dataId).resource as GPUBuffer;
}

/** The values of a tensor. @throws DeviceError if anything that was asked of the GPU before went wrong */
export async function readFrom<Type extends 'float32' | 'int32' = 'float32'>(
  { failures }: WebgpuBackend,
  tensor: tf.Tensor,
): Promise<tf.DataTypeMap[Type]> {
  try {
    return await tensor.data<Type>();
  } finally {
    failures.check(); // also in the place of what a lost device says to a read
  }
}

/** Numbers that stay in a device's memory, by their name. */
const kept = new WeakMap<GPUDevice, Map<string, GPUBuffer>>();

/** A buffer that is filled once a device. @param make its numbers */
export function keptBuffer(
  { device, queue }: WebgpuBackend,
  key: string,
  usage: GPUBufferUsageFlags,
  make: () => ArrayBuffer,
): GPUBuffer {
  let buffers = kept.get(device);
  if (buffers === undefined) {
    buffers = new Map();
    kept.set(device, buffers);
  }
  let buffer = buffers.get(key);
  if (buffer === undefined) {
    const values = make();
    buffer = device.createBuffer({ size: values.byteLength, usage: usage | GPUBufferUsage.COPY_DST });
    queue.writeBuffer(buffer, 0, values);
    buffers.set(key, buffer);
  }
  return buffer;
}
