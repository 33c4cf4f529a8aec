/**
 * AdamW as a TensorFlow graph that holds parameters and moments in variables: TensorFlow updates them where they lie, on
 * all its threads.
 */
import { tf } from '../engine.ts';
import type { AdamwUpdate, MomentTensors, ResidentParameters } from '../resident.ts';
import { nativeBackend, typeAttribute } from './backend.ts';
import { GraphWriter, type Session } from './graph.ts';

/** The graph's names of what belongs to one parameter. */
interface Names {
  readonly gradient: string;
  readonly given: readonly [value: string, first: string, second: string];
  /** L2 norms of the gradient's rows. */
  readonly norms: string;
  readonly updated: string;
  readonly moments: readonly [first: string, second: string];
}

/** AdamW of some parameters, which take part in the order of the shapes it was made for. */
export class AdamwGraph implements ResidentParameters {
  readonly #session: Session;
  readonly #parameters: Names[];
  readonly #scalars: Record<keyof AdamwUpdate, string>;
  readonly #fresh: string;
  readonly #resumed: string;

  /** @param shapes of the parameters, in the order in which every method takes and gives them */
  constructor(shapes: readonly (readonly number[])[], beta1: number, beta2: number) {
    const { binding } = nativeBackend();
    const { TF_FLOAT, TF_INT32, TF_ATTR_SHAPE, TF_ATTR_STRING, TF_ATTR_BOOL } = binding;
    const graph = new GraphWriter(binding);
    const float = (name: string) => typeAttribute(name, 'TF_FLOAT');
    const placeholder = (shape: readonly number[]) => `${graph.placeholder(TF_FLOAT, shape)}:0`;
    const constant = (value: number) => `${graph.constant(TF_FLOAT, [], Float32Array.of(value))}:0`;
    const assign = (variable: string, value: string) =>
      graph.operation('AssignVariableOp', [variable, value], [float('dtype')]);
    const read = (variable: string, after: readonly string[] = []) =>
      graph.operation('ReadVariableOp', [variable, ...after.map((node) => `^${node}`)], [float('dtype')]);
    /** A number to ask for, so that `nodes` run. */
    const afterAll = (nodes: readonly string[]) =>
      `${graph.operation('Identity', [constant(0), ...nodes.map((node) => `^${node}`)], [float('T')])}:0`;

    const scalars = { scale: placeholder([]), keep: placeholder([]), rate: placeholder([]), epsilon: placeholder([]) };
    const [zero, first, second] = [0, beta1, beta2].map(constant);
    const [freshAssignments, resumedAssignments]: string[][] = [[], []];
    this.#parameters = shapes.map((shape, index) => {
      const [value, m, v] = ['value', 'first', 'second'].map((name) => {
        const shared = { name: 'shared_name', type: TF_ATTR_STRING, value: `${index}/${name}` };
        return graph.operation(
          'VarHandleOp',
          [],
          [float('dtype'), { name: 'shape', type: TF_ATTR_SHAPE, value: [...shape] }, shared],
        );
      });
      const given = [placeholder(shape), placeholder(shape), placeholder(shape)] as const;
      // Copied: the memory of a tensor may be JavaScript's, and a variable changes in place.
      const [ofValue, ofFirst, ofSecond] = given.map((tensor) => graph.operation('DeepCopy', [tensor], [float('T')]));
      const zeros = () => graph.operation('ZerosLike', [given[0]], [float('T')]);
      const assigned = assign(value, ofValue);
      freshAssignments.push(assigned, assign(m, zeros()), assign(v, zeros()));
      resumedAssignments.push(assigned, assign(m, ofFirst), assign(v, ofSecond));

      const gradient = placeholder(shape);
      // Row by row, because a sum over everything would be split among threads, and depend on how many there are.
      const axis = graph.constant(TF_INT32, [1], Int32Array.of(-1));
      const norms = graph.operation('EuclideanNorm', [gradient, axis], [float('T'), typeAttribute('Tidx', 'TF_INT32')]);
      const scaled = graph.operation('Mul', [gradient, scalars.scale], [float('T')]);
      const decayed = assign(value, graph.operation('Mul', [read(value), scalars.keep], [float('T')]));
      // The operation's own bias correction is turned off (powers of 0): the rate that it is given has it.
      const adam = graph.operation(
        'ResourceApplyAdam',
        [value, m, v, zero, zero, scalars.rate, first, second, scalars.epsilon, scaled, `^${decayed}`],
        [float('T'), { name: 'use_locking', type: TF_ATTR_BOOL, value: false }],
      );
      return {
        gradient,
        given,
        norms: `${norms}:0`,
        updated: `${read(value, [adam])}:0`,
        moments: [`${read(m)}:0`, `${read(v)}:0`],
      };
    });
    this.#scalars = scalars;
    this.#fresh = afterAll(freshAssignments);
    this.#resumed = afterAll(resumedAssignments);
    this.#session = graph.load();
  }

  start(values: readonly tf.Tensor[], moments?: readonly MomentTensors[]): void {
    const placeholders = this.#parameters.map(({ given }) => given);
    const done =
      moments === undefined
        ? this.#session.run(
            placeholders.map(([value]) => value),
            values,
            [this.#fresh],
          )
        : this.#session.run(
            placeholders.flat(),
            values.flatMap((value, index) => [value, moments[index].first, moments[index].second]),
            [this.#resumed],
          );
    tf.dispose(done);
  }

  async norm(gradients: readonly tf.Tensor[]): Promise<number> {
    const norms = this.#session.run(
      this.#parameters.map(({ gradient }) => gradient),
      gradients,
      this.#parameters.map(({ norms }) => norms),
    );
    let squares = 0;
    for (const tensor of norms) for (const norm of await tensor.data()) squares += norm * norm;
    tf.dispose(norms);
    return Math.sqrt(squares);
  }

  update(gradients: readonly tf.Tensor[], numbers: AdamwUpdate): tf.Tensor[] {
    const keys = Object.keys(this.#scalars) as (keyof AdamwUpdate)[];
    const scalars = keys.map((key) => tf.scalar(numbers[key]));
    const updated = this.#session.run(
      [...keys.map((key) => this.#scalars[key]), ...this.#parameters.map(({ gradient }) => gradient)],
      [...scalars, ...gradients],
      this.#parameters.map(({ updated }) => updated),
    );
    tf.dispose(scalars);
    return updated;
  }

  moments(): MomentTensors[] {
    const both = this.#session.run(
      [],
      [],
      this.#parameters.flatMap(({ moments }) => moments),
    );
    return this.#parameters.map((_, index) => ({ first: both[2 * index], second: both[2 * index + 1] }));
  }

  dispose(): void {
    this.#session.dispose();
  }
}
