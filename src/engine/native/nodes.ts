/** Nodes of a graph that is written by hand. Every method adds nodes of float32 tensors, and returns an output's name. */
import { type Attribute, nativeBackend, typeAttribute } from './backend.ts';
import type { GraphWriter } from './graph.ts';
import { type FlatLayout, LINE } from './layout.ts';

const FLOAT = (): Attribute => typeAttribute('T', 'TF_FLOAT');
const INDICES = (name: string): Attribute => typeAttribute(name, 'TF_INT32');

/** A variable of a session. */
export interface Variable {
  /** What operations that change it take. */
  readonly handle: string;
  readonly value: string;
  /** Placeholder of a new value, and what to fetch so that the variable is set to it. */
  readonly given: string;
  readonly set: string;
}

export class Nodes {
  readonly #graph: GraphWriter;

  constructor(graph: GraphWriter) {
    this.#graph = graph;
  }

  /** The operation's first output. */
  operation(op: string, inputs: readonly string[], attributes: readonly Attribute[] = [FLOAT()]): string {
    return `${this.#graph.operation(op, inputs, attributes)}:0`;
  }

  placeholder(shape: readonly number[]): string {
    return `${this.#graph.placeholder(nativeBackend().binding.TF_FLOAT, shape)}:0`;
  }

  constant(shape: readonly number[], values: Float32Array): string {
    return `${this.#graph.constant(nativeBackend().binding.TF_FLOAT, shape, values)}:0`;
  }

  scalar(value: number): string {
    return this.constant([], Float32Array.of(value));
  }

  #integers(shape: readonly number[], ...values: number[]): string {
    return `${this.#graph.constant(nativeBackend().binding.TF_INT32, shape, Int32Array.from(values))}:0`;
  }

  reshape(tensor: string, shape: readonly number[], type = FLOAT()): string {
    return this.operation('Reshape', [tensor, this.#integers([shape.length], ...shape)], [type, INDICES('Tshape')]);
  }

  /** Scalars as one vector. */
  pack(scalars: readonly string[]): string {
    return this.operation('Pack', scalars, [FLOAT(), this.#count(scalars.length)]);
  }

  /** The numbers of a vector as scalars. */
  unpack(vector: string, size: number): string[] {
    const axis = { name: 'axis', type: nativeBackend().binding.TF_ATTR_INT, value: 0 };
    const count = { ...this.#count(size), name: 'num' };
    const node = this.#graph.operation('Unpack', [vector], [FLOAT(), count, axis]);
    return Array.from({ length: size }, (_, index) => `${node}:${index}`);
  }

  /** The parameters that lie in a flat tensor, by name. */
  parametersIn(flat: string, { places }: FlatLayout): [name: string, tensor: string][] {
    return places.map(({ name, shape, start, size }) => {
      const range = [this.#integers([1], start), this.#integers([1], size)];
      return [name, this.reshape(this.operation('Slice', [flat, ...range], [FLOAT(), INDICES('Index')]), shape)];
    });
  }

  /** Lays tensors out, given in the order of the layout's places. */
  flat(tensors: readonly string[], { places }: FlatLayout): string {
    const pieces = places.flatMap(({ filling }, index) => {
      const zeros = filling > 0 || index === places.length - 1; // the operation wants two tensors at least
      const tensor = this.reshape(tensors[index], [-1]);
      return zeros ? [tensor, this.constant([filling], new Float32Array(filling))] : [tensor];
    });
    const attributes = [FLOAT(), INDICES('Tidx'), this.#count(pieces.length)];
    return this.operation('ConcatV2', [...pieces, this.#integers([], 0)], attributes);
  }

  /**
   * The L2 norm of a flat tensor. A sum over everything would be divided among threads, and its rounding would depend on how
   * many there are. So lines are summed up, then rows of lines, then as few rows as one thread sums up alone: beginning with
   * the rows in double precision.
   */
  norm(flat: string, { rows, columns }: FlatLayout): string {
    const double = typeAttribute('T', 'TF_DOUBLE');
    const lines = this.reshape(flat, [(rows * columns) / LINE, LINE]);
    const ofLines = this.operation('EuclideanNorm', [lines, this.#integers([1], 1)], [FLOAT(), INDICES('Tidx')]);
    const exact = this.operation(
      'Cast',
      [ofLines],
      [typeAttribute('SrcT', 'TF_FLOAT'), typeAttribute('DstT', 'TF_DOUBLE')],
    );
    const sum = (tensor: string, axis: number) =>
      this.operation('Sum', [tensor, this.#integers([1], axis)], [double, INDICES('Tidx')]);
    const squares = this.reshape(this.operation('Square', [exact], [double]), [rows, columns / LINE], double);
    const norm = this.operation('Sqrt', [sum(sum(squares, 1), 0)], [double]);
    return this.operation('Cast', [norm], [typeAttribute('SrcT', 'TF_DOUBLE'), typeAttribute('DstT', 'TF_FLOAT')]);
  }

  variable(name: string, size: number): Variable {
    const { TF_ATTR_SHAPE, TF_ATTR_STRING } = nativeBackend().binding;
    const float = typeAttribute('dtype', 'TF_FLOAT');
    const shape = { name: 'shape', type: TF_ATTR_SHAPE, value: [size] };
    const shared = { name: 'shared_name', type: TF_ATTR_STRING, value: name };
    const handle = this.operation('VarHandleOp', [], [float, shape, shared]);
    const given = this.placeholder([size]);
    // Copied: the memory of a tensor may be JavaScript's, and a variable changes in place.
    const set = this.assign(handle, this.operation('DeepCopy', [given]));
    return { handle, value: this.operation('ReadVariableOp', [handle], [float]), given, set: this.after(set) };
  }

  /** @returns the node */
  assign(handle: string, value: string): string {
    return this.#graph.operation('AssignVariableOp', [handle, value], [typeAttribute('dtype', 'TF_FLOAT')]);
  }

  /** A number to fetch, so that nodes without outputs run. */
  after(...nodes: readonly string[]): string {
    return this.operation('Identity', [this.scalar(0), ...nodes.map((node) => `^${node}`)]);
  }

  #count(value: number): Attribute {
    return { name: 'N', type: nativeBackend().binding.TF_ATTR_INT, value };
  }
}
