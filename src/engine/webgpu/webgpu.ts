/** The engine `webgpu`: how TensorFlow.js's backend for GPUs is loaded, and what it does in a way of its own. */
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { tf, type Ways } from '../engine.ts';
import { RecordedGraphs } from '../recorded.ts';
import { readFrom, webgpuBackend } from './backend.ts';
import { type Opened, openGpu } from './device.ts';
import { BATCH } from './shader.ts';
import { WebgpuTraining } from './training.ts';

const BACKEND = 'webgpu';

/** The backend's product of two matrices that adds up without atomic operations: those add in another order each time. */
const PACKED = 3;

type NewBackend = new (device: GPUDevice, info: GPUAdapterInfo) => KernelBackend;

let opened: Opened | null = null;

/** Tells whoever watches the device which kernel of TensorFlow.js is at work. Ours say so themselves. */
function nameKernels(): void {
  for (const config of tf.getKernelsForBackend(BACKEND)) {
    const { kernelName, kernelFunc } = config;
    if (kernelName.startsWith('NegativeKnowledge/')) continue;
    config.kernelFunc = (given) => (opened as Opened).failures.within(kernelName, () => kernelFunc(given));
  }
}

let prepared = false;

/** Opens a GPU, and makes TensorFlow.js's backend of it. @throws where there is none */
async function open(): Promise<Opened> {
  const gpu = await openGpu();
  const { WebGPUBackend } = (await import('@tensorflow/tfjs-backend-webgpu')) as unknown as {
    WebGPUBackend: NewBackend;
  };
  tf.env().set('WEBGPU_MATMUL_PROGRAM_TYPE', PACKED);
  tf.env().set('WEBGPU_CPU_FORWARD', false); // where numbers happen to be shall not decide what computes with them
  tf.env().set('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE', BATCH);
  if (tf.findBackendFactory(BACKEND) != null) tf.removeBackend(BACKEND); // one with lower limits, or whose device is lost
  tf.registerBackend(BACKEND, () => Object.assign(new WebGPUBackend(gpu.device, gpu.info), { failures: gpu.failures }));
  if (!prepared) nameKernels();
  prepared = true;
  return gpu;
}

/** @throws with the reason, where there is no GPU, or no package to reach it with */
export async function load(): Promise<Ways> {
  if (opened?.failures.some) opened = null;
  try {
    opened ??= await open();
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Error('the packages webgpu and @tensorflow/tfjs-backend-webgpu are not installed');
  }
  return {
    gpu: opened.gpu,
    newGraphs: () => new RecordedGraphs(),
    newResidentTraining: (...args) => new WebgpuTraining(...args),
    streamed: null,
    read: (tensor) => readFrom(webgpuBackend(), tensor),
  };
}
