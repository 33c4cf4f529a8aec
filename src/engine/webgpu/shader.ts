/** Our programs for the GPU: how they are declared, and how they join what TensorFlow.js's backend gives the device to do. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { bufferOf, keptBuffer, type WebgpuBackend } from './backend.ts';
import { DeviceError } from './failures.ts';

type Element = 'f32' | 'i32' | 'vec4f';

/** A compute program in WGSL. */
export interface Shader {
  /** Numbers that are the same for all of it: sizes, or factors. */
  readonly numbers: Readonly<Record<string, 'u32' | 'f32'>>;
  readonly inputs: Readonly<Record<string, Element>>;
  /** Written, and read where a program changes them in place. */
  readonly outputs: Readonly<Record<string, Element>>;
  /** Invocations of a workgroup. */
  readonly group: readonly [number, number];
  /** Declarations before the entry point. */
  readonly before?: string;
  /**
   * The entry point's body. It may use the names of numbers (as `n.rows`), inputs and outputs; `group` (the workgroup's place,
   * two numbers), `at` (the invocation's place in it, two numbers), and `index` (that place as one number).
   */
  readonly body: string;
}

/** The most workgroups in a row. More of them continue in the next. */
const IN_A_ROW = 65_535;

/** The place of a workgroup among all, where {@link inRows} laid them out. */
export const GROUP = `(group.y * ${IN_A_ROW}u + group.x)`;

/** Lays out workgroups that have one number. Those that fill up the last row have work for nobody: see {@link GROUP}. */
export const inRows = (groups: number): [number, number] =>
  groups <= IN_A_ROW ? [groups, 1] : [IN_A_ROW, Math.ceil(groups / IN_A_ROW)];

/** Invocations of a workgroup whose programs take one element each. */
const EACH = 64;

/** A program that computes each of `n.size` elements by itself: `i` is the element. */
export const eachElement = (shader: Omit<Shader, 'group'>): Shader => ({
  ...shader,
  numbers: { size: 'u32', ...shader.numbers },
  group: [EACH, 1],
  body: `
    let i = ${GROUP} * ${EACH}u + index;
    if (i >= n.size) { return; }
    ${shader.body}`,
});

/** Workgroups for so many elements. */
export const groupsOf = (elements: number): [number, number] => inRows(Math.ceil(elements / EACH));

/**
 * Sums up, or finds the largest, over a workgroup's invocations: always in the same order.
 * @param combine two values, `a` and `b`, into one
 */
export const reduction = (name: string, size: number, combine: string): string => `
  var<workgroup> ${name}_of: array<f32, ${size}>;
  fn ${name}(value: f32, index: u32) -> f32 {
    ${name}_of[index] = value;
    workgroupBarrier();
    for (var step = ${size / 2}u; step > 0u; step >>= 1u) {
      if (index < step) {
        let a = ${name}_of[index];
        let b = ${name}_of[index + step];
        ${name}_of[index] = ${combine};
      }
      workgroupBarrier();
    }
    let result = ${name}_of[0];
    workgroupBarrier();
    return result;
  }`;

/** The text of a program. */
function wgsl({ numbers, inputs, outputs, group: [x, y], before = '', body }: Shader): string {
  const fields = Object.entries(numbers).map(([name, type]) => `${name}: ${type}`);
  const buffers = [
    ...Object.entries(inputs).map(([name, type]) => `var<storage, read> ${name}: array<${type}>;`),
    ...Object.entries(outputs).map(([name, type]) => `var<storage, read_write> ${name}: array<${type}>;`),
  ];
  return `
struct Numbers { ${fields.join(', ')} }
@group(0) @binding(0) var<uniform> n: Numbers;
${buffers.map((buffer, index) => `@group(0) @binding(${index + 1}) ${buffer}`).join('\n')}
${before}
@compute @workgroup_size(${x}, ${y})
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_id) at: vec3u,
  @builtin(local_invocation_index) index: u32,
) {
  ${body}
}`;
}

/** Programs that a device has compiled. */
const compiled = new WeakMap<GPUDevice, Map<Shader, GPUComputePipeline>>();

function pipelineOf({ device }: WebgpuBackend, shader: Shader): GPUComputePipeline {
  let pipelines = compiled.get(device);
  if (pipelines === undefined) {
    pipelines = new Map();
    compiled.set(device, pipelines);
  }
  let pipeline = pipelines.get(shader);
  if (pipeline === undefined) {
    const module = device.createShaderModule({ code: wgsl(shader) });
    pipeline = device.createComputePipeline({ compute: { module, entryPoint: 'main' }, layout: 'auto' });
    pipelines.set(shader, pipeline);
  }
  return pipeline;
}

/** The numbers of a call as the program's uniform buffer has them. */
function packed(shader: Shader, values: Readonly<Record<string, number>>): ArrayBuffer {
  const entries = Object.entries(shader.numbers);
  const buffer = new ArrayBuffer(16 * Math.ceil(entries.length / 4));
  const [integers, floats] = [new Uint32Array(buffer), new Float32Array(buffer)];
  entries.forEach(([name, type], index) => {
    (type === 'u32' ? integers : floats)[index] = values[name];
  });
  return buffer;
}

/**
 * The buffer of a call's numbers. The same numbers have the same buffer, as sizes come again at each step; numbers that are
 * others each time have one for this call alone.
 */
function uniformOf(backend: WebgpuBackend, { shader, numbers, once = false }: Call): GPUBuffer {
  const bytes = packed(shader, numbers);
  if (!once) {
    return keptBuffer(backend, `numbers ${new Uint32Array(bytes).join()}`, GPUBufferUsage.UNIFORM, () => bytes);
  }
  const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const buffer = backend.bufferManager.acquireBuffer(bytes.byteLength, usage);
  backend.queue.writeBuffer(buffer, 0, bytes);
  backend.uniformPendingDisposal.push(buffer);
  return buffer;
}

/** Dispatches that are submitted together: more cost less time, but what they let go of is free only afterwards. */
export const BATCH = 32;

/** One call of a program. */
export interface Call {
  readonly shader: Shader;
  readonly numbers: Readonly<Record<string, number>>;
  /** In the order of the program's inputs, then of its outputs. */
  readonly buffers: readonly GPUBuffer[];
  readonly groups: readonly [number, number];
  /** Whether the numbers are others each time. */
  readonly once?: boolean;
}

/** Gives a call to the device, behind whatever TensorFlow.js's backend gave it. @throws DeviceError where it is too large */
export function dispatch(backend: WebgpuBackend, call: Call): void {
  const { shader, buffers, groups } = call;
  if (groups.some((count) => count > IN_A_ROW)) {
    throw new DeviceError(
      `${backend.failures.operation} needs ${groups.join(' x ')} workgroups, more than a GPU takes`,
    );
  }
  const pipeline = pipelineOf(backend, shader);
  const bound = [uniformOf(backend, call), ...buffers];
  const bindGroup = backend.device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: bound.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  backend.ensureCommandEncoderReady();
  backend.computePassEncoder ??= (backend.commandEncoder as GPUCommandEncoder).beginComputePass();
  const pass = backend.computePassEncoder;
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...groups);
  backend.dispatchCountInPass += 1;
  if (backend.dispatchCountInPass >= BATCH) {
    backend.endComputePassEncoder();
    backend.submitQueue();
  }
}

/** Calls programs on tensors, for kernels of TensorFlow.js. */
export type RunShader = (
  shader: Shader,
  inputs: readonly (TensorInfo | GPUBuffer)[],
  outputs: readonly TensorInfo[],
  numbers: Readonly<Record<string, number>>,
  groups: readonly [number, number],
) => void;

export const runsShaders =
  (backend: WebgpuBackend): RunShader =>
  (shader, inputs, outputs, numbers, groups) => {
    if (groups.some((count) => count === 0)) return;
    const buffers = [...inputs, ...outputs].map((given) => ('dataId' in given ? bufferOf(backend, given) : given));
    dispatch(backend, { shader, numbers, buffers, groups });
  };
