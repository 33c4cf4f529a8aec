/**
 * The variant of the native engine that is built against TensorFlow with CUDA: what tells it, what it needs, and which GPU
 * computes. Where it finds no GPU it computes on the processor, like the ordinary one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { EngineError } from '../names.ts';

/**
 * The folder beside TensorFlow's library in which that looks for NVIDIA's, relative to where the library is linked. It is
 * there for this variant alone, so that it tells it too.
 */
export const nvidiaFolder = (tfjsNode: string): string => path.join(tfjsNode, 'deps', 'nvidia');

/** Whether the engine was built for CUDA. @param tfjsNode the folder of the package @tensorflow/tfjs-node */
export const isCuda = (tfjsNode: string): boolean => existsSync(nvidiaFolder(tfjsNode));

/** Settings that digits depend on. */
const OF_DIGITS: Readonly<Record<string, string>> = {
  // Products of float32, as on every other engine: NVIDIA's libraries would round factors to TF32, which has 10 bits.
  NVIDIA_TF32_OVERRIDE: '0',
  // The same bits every time. An operation that cannot give them fails.
  TF_DETERMINISTIC_OPS: '1',
};

/** Settings of the machine. */
const OF_THE_MACHINE: Readonly<Record<string, string>> = {
  // Or the first process takes all of the GPU's memory, and the next has none.
  TF_FORCE_GPU_ALLOW_GROWTH: 'true',
  // GPUs have the numbers that nvidia-smi gives them.
  CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
  // tfjs-node computes operations on the last GPU that it sees, and sessions on the first: it must see one.
  CUDA_VISIBLE_DEVICES: '0',
};

/**
 * Sets what CUDA and TensorFlow read when they are loaded. What someone has set stays.
 * @throws EngineError where someone has chosen several GPUs
 */
export function setCudaVariables(environment: NodeJS.ProcessEnv = process.env): void {
  for (const [name, value] of Object.entries({ ...OF_DIGITS, ...OF_THE_MACHINE })) environment[name] ??= value;
  const visible = environment.CUDA_VISIBLE_DEVICES as string;
  if (visible.includes(',')) {
    throw new EngineError(`CUDA_VISIBLE_DEVICES is "${visible}"; a process computes on one GPU: name one`);
  }
}

/** A GPU of this machine. */
export interface Gpu {
  readonly model: string;
  readonly uuid: string;
}

/** GPUs as `nvidia-smi -L` lists them: `GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-...)`. */
export const gpusInList = (listing: string): Gpu[] =>
  [...listing.matchAll(/^GPU \d+: (.+) \(UUID: (.+)\)$/gm)].map(([, model, uuid]) => ({ model, uuid }));

/** GPUs of NVIDIA's driver, in the order of their PCI addresses. @param folder where it says what there is */
export function gpusOfDriver(folder = '/proc/driver/nvidia/gpus'): Gpu[] {
  if (!existsSync(folder)) return [];
  const named = (text: string, field: string) => new RegExp(`^${field}:\\s*(.*\\S)`, 'm').exec(text)?.[1] ?? '';
  return readdirSync(folder)
    .sort()
    .map((address) => readFileSync(path.join(folder, address, 'information'), 'utf8'))
    .map((text) => ({ model: named(text, 'Model'), uuid: named(text, 'GPU UUID') }));
}

function gpusHere(): Gpu[] {
  const known = gpusOfDriver(); // quicker than a process, but not everywhere
  if (known.length > 0) return known;
  return gpusInList(spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8' }).stdout ?? '');
}

/**
 * The model of the GPU that computes.
 * @param visible CUDA_VISIBLE_DEVICES: a number, or the beginning of a UUID
 */
export function modelOf(gpus: readonly Gpu[], visible: string): string {
  const one = /^\d+$/.test(visible)
    ? gpus[Number(visible)]
    : gpus.find(({ uuid }) => visible !== '' && uuid.startsWith(visible));
  const models = new Set(gpus.map(({ model }) => model));
  const model = one?.model ?? (models.size === 1 ? [...models][0] : '');
  return model === '' ? 'a GPU without a name' : model;
}

/** The GPU that computes, with settings of someone else's that digits depend on. */
export function gpuInWords(environment = process.env, gpus = gpusHere): string {
  const others = Object.entries(OF_DIGITS)
    .filter(([name, value]) => environment[name] !== value)
    .map(([name]) => `, ${name}=${environment[name]}`);
  return `${modelOf(gpus(), environment.CUDA_VISIBLE_DEVICES ?? '')}${others.join('')}`;
}

/** Why TensorFlow may have found no GPU, in words. */
export function whyNoGpu(gpus: readonly Gpu[] = gpusHere()): string {
  if (gpus.length === 0) return 'no NVIDIA driver on this machine lists one';
  const listed = gpus.map(({ model }) => model).join(', ');
  return `the driver lists ${listed}, but TensorFlow could not use it; TF_CPP_MIN_LOG_LEVEL=0 makes it say why`;
}
