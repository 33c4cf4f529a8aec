/**
 * Training in a GPU's memory. Parameters, moments and gradients lie one after the other in a few long buffers, so that the norm
 * and AdamW are a few calls whatever the number of parameters; and losses are read together, once a pass.
 */
import { tf } from '../engine.ts';
import type { Pass } from '../graphs.ts';
import { RecordedGraphs } from '../recorded.ts';
import type { AdamwUpdate, Moments, MomentsByName, PassResults, ResidentTraining } from '../resident.ts';
import { bufferOf, readFrom, type WebgpuBackend, webgpuBackend } from './backend.ts';
import { dispatch, eachElement, groupsOf, reduction, type Shader } from './shader.ts';

const FLOAT = 4;
/** Bytes of one long buffer at most, unless a parameter alone is longer. */
const SEGMENT = 2 ** 28;

/** Where a parameter lies. */
interface Place {
  readonly name: string;
  readonly shape: number[];
  readonly size: number;
  readonly segment: number;
  /** In numbers. */
  readonly start: number;
}

function placesOf(parameters: ReadonlyMap<string, tf.Tensor>, names: readonly string[]): Place[] {
  let [segment, end] = [0, 0];
  return names.map((name) => {
    const { shape, size } = parameters.get(name) as tf.Tensor;
    if (end > 0 && (end + size) * FLOAT > SEGMENT) [segment, end] = [segment + 1, 0];
    const place = { name, shape, size, segment, start: end };
    end += size;
    return place;
  });
}

const ADD: Shader = eachElement({
  numbers: {},
  inputs: { more: 'f32' },
  outputs: { sum: 'f32' },
  body: 'sum[i] += more[i];',
});

const ADAMW: Shader = eachElement({
  numbers: { scale: 'f32', keep: 'f32', rate: 'f32', epsilon: 'f32', toFirst: 'f32', toSecond: 'f32' },
  inputs: { gradient: 'f32' },
  outputs: { parameter: 'f32', first: 'f32', second: 'f32' },
  body: `
    let g = gradient[i] * n.scale;
    let m = first[i] + n.toFirst * (g - first[i]);
    let v = second[i] + n.toSecond * (g * g - second[i]);
    first[i] = m;
    second[i] = v;
    parameter[i] = parameter[i] * n.keep - n.rate * m / (sqrt(v) + n.epsilon);`,
});

/** Workgroups that share the sum of squares, and invocations of each. */
const [PARTS, WIDE] = [128, 128];

/** Sums of squares of parts of a buffer. */
const SQUARES: Shader = {
  numbers: { size: 'u32', place: 'u32' },
  inputs: { gradient: 'f32' },
  outputs: { parts: 'f32' },
  group: [WIDE, 1],
  before: reduction('summed', WIDE, 'a + b'),
  body: `
  var sum = 0.0;
  for (var i = group.x * ${WIDE}u + index; i < n.size; i += ${PARTS * WIDE}u) { sum += gradient[i] * gradient[i]; }
  let total = summed(sum, index);
  if (index == 0u) { parts[n.place + group.x] = total; }`,
};

/** The root of the sum of all parts, put behind the scalars of a pass. */
const NORM: Shader = {
  numbers: { size: 'u32', place: 'u32' },
  inputs: { parts: 'f32' },
  outputs: { scalars: 'f32' },
  group: [WIDE, 1],
  before: reduction('summed', WIDE, 'a + b'),
  body: `
  var sum = 0.0;
  for (var i = index; i < n.size; i += ${WIDE}u) { sum += parts[i]; }
  let total = summed(sum, index);
  if (index == 0u) { scalars[n.place] = sqrt(total); }`,
};

/** Long buffers of one kind. */
type Segments = readonly tf.Tensor[];

export class WebgpuTraining implements ResidentTraining {
  readonly #backend: WebgpuBackend = webgpuBackend();
  readonly #graphs = new RecordedGraphs();
  readonly #parameters: Map<string, tf.Tensor>;
  readonly #places: readonly Place[];
  readonly #sizes: readonly number[];
  /** How far the moments move: 1 - beta, of float32 numbers. */
  readonly #moves: readonly [number, number];
  readonly #values: Segments;
  readonly #first: Segments;
  readonly #second: Segments;

  constructor(
    parameters: Map<string, tf.Tensor>,
    trained: readonly string[],
    { beta1, beta2 }: { readonly beta1: number; readonly beta2: number },
    moments: MomentsByName,
  ) {
    this.#parameters = parameters;
    this.#places = placesOf(parameters, trained);
    const sizes: number[] = [];
    for (const { segment, start, size } of this.#places) sizes[segment] = start + size;
    this.#sizes = sizes;
    this.#moves = [1 - Math.fround(beta1), 1 - Math.fround(beta2)];
    this.#values = sizes.map((size) => this.#empty(size));
    for (const place of this.#places) {
      this.#copy(parameters.get(place.name) as tf.Tensor, 0, this.#values[place.segment], place.start, place.size);
    }
    const moment = (which: keyof Moments) =>
      sizes.map((size, segment) => {
        const values = new Float32Array(size);
        for (const place of this.#places) {
          const own = moments.get(place.name)?.[which];
          if (place.segment === segment && own !== undefined) values.set(own, place.start);
        }
        return tf.tensor1d(values);
      });
    this.#first = moment('first');
    this.#second = moment('second');
  }

  async compute(passes: readonly Pass[]): Promise<PassResults> {
    const gradient = this.#sizes.map((size) => this.#empty(size));
    const scalars: number[][] = [];
    let norm = 0;
    try {
      for (const [index, pass] of passes.entries()) {
        const numbers = await this.#pass(pass, gradient, index > 0);
        norm = numbers.pop() as number;
        scalars.push(numbers);
      }
      return { scalars, norm, gradient };
    } catch (error) {
      tf.dispose(gradient);
      throw error;
    }
  }

  /**
   * Computes a pass. @param gradient takes its gradient @param added whether there is one of earlier passes in it
   * @returns its scalars, and the norm of the gradient
   */
  async #pass({ key, body, scalars: count, inputs }: Pass, gradient: Segments, added: boolean): Promise<number[]> {
    const made: tf.Tensor[] = [];
    try {
      const computed = this.#graphs.run(key, body, [...inputs, ...this.#parameters.values()]);
      made.push(...computed);
      const read = this.#empty(count + 1);
      made.push(read);
      computed.slice(0, count).forEach((scalar, place) => this.#copy(scalar, 0, read, place, 1));
      const into = added ? this.#sizes.map((size) => this.#empty(size)) : gradient;
      if (added) made.push(...into);
      this.#places.forEach(({ segment, start, size }, place) =>
        this.#copy(computed[count + place], 0, into[segment], start, size),
      );
      if (added) {
        this.#each((segment, size) =>
          this.#call('the sum of gradients', ADD, { size }, [into[segment], gradient[segment]], groupsOf(size)),
        );
      }
      this.#norm(gradient, read, count);
      return [...(await readFrom(this.#backend, read))];
    } finally {
      tf.dispose(made);
    }
  }

  update(gradient: readonly tf.Tensor[], numbers: AdamwUpdate): void {
    const [toFirst, toSecond] = this.#moves;
    this.#each((segment, size) => {
      const tensors = [gradient[segment], this.#values[segment], this.#first[segment], this.#second[segment]];
      this.#call('AdamW', ADAMW, { size, ...numbers, toFirst, toSecond }, tensors, groupsOf(size), true);
    });
    for (const { name, segment, start, size } of this.#places) {
      this.#copy(this.#values[segment], start, this.#parameters.get(name) as tf.Tensor, 0, size);
    }
  }

  /** The map's tensors are always the parameters as they are now. */
  publish(): void {}

  async moments(): Promise<MomentsByName> {
    const [first, second] = await Promise.all(
      [this.#first, this.#second].map((segments) => Promise.all(segments.map((one) => readFrom(this.#backend, one)))),
    );
    return new Map(
      this.#places.map(({ name, segment, start, size }) => [
        name,
        { first: first[segment].slice(start, start + size), second: second[segment].slice(start, start + size) },
      ]),
    );
  }

  dispose(): void {
    tf.dispose([...this.#values, ...this.#first, ...this.#second]);
    this.#graphs.dispose();
  }

  #each(body: (segment: number, size: number) => void): void {
    this.#sizes.forEach((size, segment) => body(segment, size));
  }

  /** A tensor in the GPU's memory that nothing has filled yet. */
  #empty(size: number): tf.Tensor {
    return tf.engine().makeTensorFromTensorInfo(this.#backend.makeTensorInfo([size], 'float32'));
  }

  /** What was read of a tensor before is no longer so: its buffer has been written to. */
  #forget({ dataId }: tf.Tensor): void {
    this.#backend.tensorMap.get(dataId).values = null;
  }

  #copy(source: tf.Tensor, start: number, target: tf.Tensor, place: number, size: number): void {
    const backend = this.#backend;
    backend.failures.within('a copy', () => {
      const [from, to] = [bufferOf(backend, source), bufferOf(backend, target)];
      backend.ensureCommandEncoderReady();
      backend.endComputePassEncoder();
      const encoder = backend.commandEncoder as GPUCommandEncoder;
      encoder.copyBufferToBuffer(from, start * FLOAT, to, place * FLOAT, size * FLOAT);
    });
    this.#forget(target);
  }

  /** @param once whether the numbers are others each time */
  #call(
    operation: string,
    shader: Shader,
    numbers: Readonly<Record<string, number>>,
    tensors: readonly tf.Tensor[],
    groups: readonly [number, number],
    once = false,
  ): void {
    const backend = this.#backend;
    backend.failures.within(operation, () => {
      const buffers = tensors.map((tensor) => bufferOf(backend, tensor));
      dispatch(backend, { shader, numbers, buffers, groups, once });
    });
    for (const tensor of tensors) this.#forget(tensor);
  }

  /** Puts the L2 norm of a gradient at a place of `read`. */
  #norm(gradient: Segments, read: tf.Tensor, place: number): void {
    const parts = this.#empty(PARTS * this.#sizes.length);
    this.#each((segment, size) =>
      this.#call(
        'the gradient norm',
        SQUARES,
        { size, place: segment * PARTS },
        [gradient[segment], parts],
        [PARTS, 1],
      ),
    );
    this.#call('the gradient norm', NORM, { size: PARTS * this.#sizes.length, place }, [parts, read], [1, 1]);
    parts.dispose();
  }
}
