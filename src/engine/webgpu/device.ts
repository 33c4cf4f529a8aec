/** Opens a GPU. */
import { Failures } from './failures.ts';

/** What is told of a GPU. */
export interface Gpu {
  /** What its driver calls it, with vendor and architecture. */
  readonly name: string;
  /** Whether it is a program that plays a GPU on the processor. */
  readonly software: boolean;
  /** Bytes that a program may be given as one buffer. */
  readonly largestBuffer: number;
  /** Bytes that the invocations of a workgroup share. */
  readonly workgroupMemory: number;
  /** Invocations of a workgroup, at most. */
  readonly invocations: number;
}

/** A GPU that is open. */
export interface Opened {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
  readonly gpu: Gpu;
  readonly failures: Failures;
}

/** Limits that a device has only as far as they are asked for. */
const LIMITS = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupsPerDimension',
] as const;

/** Programs that play a GPU: SwiftShader, Mesa's lavapipe, Microsoft's WARP. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|basic render driver|warp/i;

/** Once a process: Node's way to a GPU must outlive what it opened. */
let inNode: Promise<GPU> | undefined;

const isNode = (): boolean => typeof process !== 'undefined' && process.versions?.node !== undefined;

/** @throws with the reason, where there is no GPU */
async function requestAdapter(): Promise<GPUAdapter> {
  if (isNode()) inNode ??= import('./node.ts').then(({ gpuInNode }) => gpuInNode());
  const gpu = await (inNode ?? navigator.gpu);
  if (gpu === undefined) throw new Error('this browser has no WebGPU');
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new Error('WebGPU finds no GPU and no driver for one');
  return adapter;
}

function told({ info, limits }: GPUAdapter): Gpu {
  const { vendor, architecture, description, device } = info;
  const name =
    [device || description, vendor, architecture].filter(Boolean).join(', ') || 'a GPU that does not say its name';
  return {
    name: description && description !== device ? `${name}, ${description}` : name,
    software:
      SOFTWARE.test(`${name} ${description}`) || Boolean((info as { isFallbackAdapter?: boolean }).isFallbackAdapter),
    largestBuffer: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
    workgroupMemory: limits.maxComputeWorkgroupStorageSize,
    invocations: limits.maxComputeInvocationsPerWorkgroup,
  };
}

/** What GPU is here. @throws with the reason, where there is none */
export const describeGpu = async (): Promise<Gpu> => told(await requestAdapter());

/** @throws with the reason, where there is no GPU */
export async function openGpu(): Promise<Opened> {
  const adapter = await requestAdapter();
  const requiredLimits = Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredLimits });
  return { device, info: adapter.info, gpu: told(adapter), failures: new Failures(device) };
}
