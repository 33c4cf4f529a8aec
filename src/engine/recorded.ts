/**
 * Graphs for an engine whose kernels are functions in this process: the list of kernel calls that a function made at its
 * first call. Later calls only go through that list. They spare what TensorFlow.js does around the kernels of a training
 * step: a tape, copies of what gradients read, gradients of zero. They also spare every kernel whose outputs nobody reads,
 * and free each tensor after the last kernel that reads it.
 */
import type { KernelBackend, NamedAttrMap, TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from './engine.ts';
import { type Graphs, OPERATION_BY_OPERATION, type TensorFunction } from './graphs.ts';

/** A backend's handle of a tensor's memory. */
type DataId = TensorInfo['dataId'];
type KernelFunction = ReturnType<typeof tf.getKernel>['kernelFunc'];

/** What is used of a backend; its type does not have all of it. */
interface Backend extends KernelBackend {
  readSync(dataId: DataId): tf.TypedArray;
  write(values: tf.TypedArray, shape: number[], dtype: tf.DataType): DataId;
}
const runningBackend = (): Backend => tf.backend() as Backend;

/** A tensor that is read. Its memory is another one at each call: `place` is where the list of all memories has it. */
interface Read {
  readonly place: number;
  readonly info: { dataId: DataId; readonly shape: number[]; readonly dtype: tf.DataType };
}

interface Call {
  readonly kernel: KernelFunction;
  readonly attributes: NamedAttrMap | undefined;
  readonly reads: readonly Read[];
  /** What the kernel is given: the infos of `reads`, by name, or one after the other. */
  readonly inputs: Record<string, TensorInfo>;
  /** The places of its outputs. */
  readonly writes: readonly number[];
}

interface Constant {
  readonly values: tf.TypedArray;
  readonly shape: number[];
  readonly dtype: tf.DataType;
}

/** What a function did. The places of its inputs come first. */
interface Recording {
  readonly calls: readonly Call[];
  /** Tensors that are neither inputs nor computed from them, by place. */
  readonly constants: ReadonlyMap<number, Constant>;
  readonly outputs: readonly Read[];
}

/** Runs a function once and writes down every kernel call. @returns also what the function returned */
function record(body: TensorFunction, inputs: tf.Tensor[]): { recording: Recording; results: tf.Tensor[] } {
  const backend = runningBackend();
  const places = new Map<DataId, number>();
  let count = 0;
  const newPlace = (dataId: DataId): number => {
    places.set(dataId, count);
    return count++;
  };
  for (const { dataId } of inputs) newPlace(dataId);
  const constants = new Map<number, Constant>();
  const read = ({ dataId, shape, dtype }: TensorInfo): Read => {
    let place = places.get(dataId);
    if (place === undefined) {
      place = newPlace(dataId);
      constants.set(place, { values: backend.readSync(dataId), shape, dtype });
    }
    return { place, info: { dataId, shape, dtype } };
  };

  const calls: Call[] = [];
  let within = 0; // kernels that a kernel calls are a part of it
  const recorded =
    (name: string, kernel: KernelFunction): KernelFunction =>
    (given) => {
      if (within > 0) return kernel(given);
      const present = Object.entries(given.inputs).filter(
        (entry): entry is [string, TensorInfo] => entry[1] !== undefined,
      );
      const reads = present.map(([, info]) => read(info));
      within += 1;
      try {
        const result = kernel(given);
        const outputs = [result].flat() as TensorInfo[];
        // The same values, and often the same memory in another shape: whoever reads them can as well read the input.
        if (name === 'Identity') places.set(outputs[0].dataId, reads[0].place);
        if (outputs.every(({ dataId }) => places.has(dataId))) return result;
        const infos = reads.map(({ info }) => info);
        const named = Object.fromEntries(present.map(([key], index) => [key, infos[index]]));
        calls.push({
          kernel,
          attributes: given.attrs,
          reads,
          inputs: Array.isArray(given.inputs) ? (infos as unknown as Call['inputs']) : named,
          writes: outputs.map(({ dataId }) => newPlace(dataId)),
        });
        return result;
      } finally {
        within -= 1;
      }
    };

  const kernels = tf.getKernelsForBackend(tf.getBackend());
  const own = kernels.map(({ kernelFunc }) => kernelFunc);
  for (const config of kernels) config.kernelFunc = recorded(config.kernelName, config.kernelFunc);
  try {
    const results = tf.tidy(() => body(...inputs));
    return { recording: { calls, constants, outputs: results.map(read) }, results };
  } finally {
    kernels.forEach((config, index) => {
      config.kernelFunc = own[index];
    });
  }
}

/** Calls that lead to the outputs, each with the places that nothing reads after it. `fixed` places stay for good. */
function needed({ calls, outputs }: Recording, fixed: (place: number) => boolean) {
  const later = new Set(outputs.map(({ place }) => place));
  const steps: { call: Call; done: readonly number[] }[] = [];
  for (const call of calls.toReversed()) {
    if (!call.writes.some((place) => later.has(place))) continue;
    const places = new Set([...call.reads.map(({ place }) => place), ...call.writes]);
    steps.push({ call, done: [...places].filter((place) => !later.has(place) && !fixed(place)) });
    for (const place of places) later.add(place);
  }
  return { steps: steps.reverse(), read: later };
}

/** The kernel calls of a function, to be made again on other inputs of the same shapes. */
class CallList {
  readonly #backend = runningBackend();
  readonly #recording: Recording;
  readonly #steps: ReturnType<typeof needed>['steps'];
  readonly #constants = new Map<number, DataId>();
  readonly #isFixed: (place: number) => boolean;

  constructor(recording: Recording, inputs: number) {
    this.#recording = recording;
    this.#isFixed = (place) => place < inputs || recording.constants.has(place);
    const { steps, read } = needed(recording, this.#isFixed);
    this.#steps = steps;
    for (const [place, { values, shape, dtype }] of recording.constants) {
      if (read.has(place)) this.#constants.set(place, this.#backend.write(values, shape, dtype));
    }
  }

  run(inputs: readonly tf.Tensor[]): tf.Tensor[] {
    const backend = this.#backend;
    const memories: (DataId | undefined)[] = inputs.map(({ dataId }) => dataId);
    for (const [place, dataId] of this.#constants) memories[place] = dataId;
    try {
      for (const { call, done } of this.#steps) {
        for (const { place, info } of call.reads) info.dataId = memories[place] as DataId;
        const { kernel, attributes, writes } = call;
        const result = kernel({ inputs: call.inputs, attrs: attributes, backend }) as TensorInfo | TensorInfo[];
        if (Array.isArray(result)) writes.forEach((place, index) => (memories[place] = result[index].dataId));
        else memories[writes[0]] = result.dataId;
        for (const place of done) {
          backend.disposeData(memories[place] as DataId);
          memories[place] = undefined;
        }
      }
    } catch (error) {
      memories.forEach((dataId, place) => {
        if (dataId !== undefined && !this.#isFixed(place)) backend.disposeData(dataId);
      });
      throw error;
    }
    const given = new Set<DataId>();
    return this.#recording.outputs.map(({ place, info: { shape, dtype } }) => {
      const dataId = memories[place] as DataId;
      if (this.#isFixed(place) || given.has(dataId)) backend.incRef(dataId); // each tensor is disposed by itself
      given.add(dataId);
      return tf.engine().makeTensorFromTensorInfo({ dataId, shape, dtype });
    });
  }

  dispose(): void {
    for (const dataId of this.#constants.values()) this.#backend.disposeData(dataId);
  }
}

/** Graphs as lists of kernel calls, kept until they are disposed. */
export class RecordedGraphs implements Graphs {
  readonly #lists = new Map<string, CallList>();

  run(key: string, body: TensorFunction, inputs: tf.Tensor[]): tf.Tensor[] {
    const full = `${key} ${inputs.map(({ shape }) => shape.join('x')).join()}`;
    const known = this.#lists.get(full);
    if (known !== undefined) return known.run(inputs);
    // Inputs that share their memory now would be taken for one.
    if (new Set(inputs.map(({ dataId }) => dataId)).size < inputs.length) {
      return OPERATION_BY_OPERATION.run(key, body, inputs);
    }
    const { recording, results } = record(body, inputs);
    this.#lists.set(full, new CallList(recording, inputs.length));
    return results;
  }

  dispose(): void {
    for (const list of this.#lists.values()) list.dispose();
    this.#lists.clear();
  }
}
