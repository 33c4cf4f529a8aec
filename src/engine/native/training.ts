/**
 * Training in one TensorFlow session. Parameters and moments are its variables. A pass is fed tokens; losses and the norm of
 * the gradient are read, and the gradient stays in TensorFlow's memory until the update is fed it. What is fed and fetched
 * lies in the processor's memory. So where a GPU computes, the gradient is a variable as well, and is neither.
 *
 * The trained parameters lie in one flat variable, and so do each moment and the gradient: AdamW of a small model is
 * mostly the calling of operations, and this way each is called once.
 */
import { tf } from '../engine.ts';
import type { Pass } from '../graphs.ts';
import type { AdamwUpdate, Moments, MomentsByName, PassResults, ResidentTraining } from '../resident.ts';
import { dataTypeOf, nativeBackend, typeAttribute, usesGpu } from './backend.ts';
import { GraphWriter, type Session } from './graph.ts';
import { FlatLayout } from './layout.ts';
import { loadKernels } from './library.ts';
import { Nodes, type Variable } from './nodes.ts';
import { trace } from './trace.ts';

/** Names of what a pass is fed and fetches. */
interface TracedPass {
  readonly inputs: readonly string[];
  /** Its scalars and the norm, and the gradient or what sets it: of this pass alone, or with that of the passes before. */
  readonly alone: readonly string[];
  readonly added: readonly string[];
}

/** What a session's variables hold: the parameters, and the moments of the trained ones. */
type Values = Readonly<Record<'trained' | 'frozen' | 'first' | 'second', tf.Tensor>>;

/** What an update is fed: scale, keep, rate, epsilon, and how far the two moments move. */
const NUMBERS = 6;

/** The graph: what every training needs, and the passes that were met so far. */
class TrainingGraph {
  readonly #writer = new GraphWriter(nativeBackend().binding);
  readonly #nodes = new Nodes(this.#writer);
  readonly #layout: FlatLayout;
  readonly #passes = new Map<string, TracedPass>();
  readonly variables: Readonly<Record<keyof Values, Variable>>;
  readonly parameters: ReadonlyMap<string, string>;
  /** Of the trained parameters. */
  readonly moments: Readonly<Record<'first' | 'second', ReadonlyMap<string, string>>>;
  /** The gradient that an update takes, or the sum that a pass adds to: fed, or a variable. */
  readonly #gradient: string;
  readonly #kept: Variable | null;
  /** Its placeholder, if it is fed. */
  readonly fedGradient: readonly string[];
  /** Placeholder of the numbers of an update. */
  readonly numbers: string;
  /** What to fetch for an update. */
  readonly updated: string;

  constructor(trained: FlatLayout, frozen: FlatLayout, beta1: number, beta2: number, keepGradient: boolean) {
    const nodes = this.#nodes;
    this.#layout = trained;
    this.variables = {
      trained: nodes.variable('trained', trained.size),
      frozen: nodes.variable('frozen', frozen.size),
      first: nodes.variable('first', trained.size),
      second: nodes.variable('second', trained.size),
    };
    this.parameters = new Map([
      ...nodes.parametersIn(this.variables.trained.value, trained),
      ...nodes.parametersIn(this.variables.frozen.value, frozen),
    ]);
    this.moments = {
      first: new Map(nodes.parametersIn(this.variables.first.value, trained)),
      second: new Map(nodes.parametersIn(this.variables.second.value, trained)),
    };
    this.#kept = keepGradient ? nodes.variable('gradient', trained.size) : null;
    this.#gradient = this.#kept?.value ?? nodes.placeholder([trained.size]);
    this.fedGradient = keepGradient ? [] : [this.#gradient];
    this.numbers = nodes.placeholder([NUMBERS]);
    const { trained: parameter, first, second } = this.variables;
    if (loadKernels().digest !== null) {
      const given = [parameter.value, first.value, second.value, this.#gradient, this.numbers];
      const next = this.#writer.operation('NegativeKnowledgeAdamw', given, []);
      const assigned = [parameter, first, second].map(({ handle }, which) => nodes.assign(handle, `${next}:${which}`));
      this.updated = nodes.after(...assigned);
      return;
    }
    const [scale, keep, rate, epsilon] = nodes.unpack(this.numbers, NUMBERS);
    const { handle, value } = parameter;
    const decayed = nodes.assign(handle, nodes.operation('Mul', [value, keep]));
    const [zero, ofFirst, ofSecond] = [0, beta1, beta2].map((number) => nodes.scalar(number));
    const scaled = nodes.operation('Mul', [this.#gradient, scale]);
    // The operation's own bias correction is turned off (powers of 0): the rate that it is given has it.
    const adam = this.#writer.operation(
      'ResourceApplyAdam',
      [handle, first.handle, second.handle, zero, zero, rate, ofFirst, ofSecond, epsilon, scaled, `^${decayed}`],
      [typeAttribute('T', 'TF_FLOAT')],
    );
    this.updated = nodes.after(adam);
  }

  /** The pass, if it was added before. */
  pass(of: Pass): TracedPass | undefined {
    return this.#passes.get(keyOf(of));
  }

  /** @param parameters examples of them, in the order in which the pass takes them */
  add(pass: Pass, parameters: ReadonlyMap<string, tf.Tensor>): void {
    const nodes = this.#nodes;
    const inputs = pass.inputs.map((tensor) => `${this.#writer.placeholder(dataTypeOf(tensor), tensor.shape)}:0`);
    const names = [...parameters.keys()].map((name) => this.parameters.get(name) as string);
    const example = [...pass.inputs, ...parameters.values()];
    const outputs = trace(this.#writer, [...inputs, ...names], pass.body, example);
    const scalars = outputs.slice(0, pass.scalars);
    const alone = nodes.flat(outputs.slice(pass.scalars), this.#layout);
    const added = nodes.operation('AddV2', [this.#gradient, alone]);
    const given = (gradient: string) =>
      this.#kept === null ? gradient : nodes.after(nodes.assign(this.#kept.handle, gradient));
    const withNorm = (gradient: string) => [
      nodes.pack([...scalars, nodes.norm(gradient, this.#layout)]),
      given(gradient),
    ];
    this.#passes.set(keyOf(pass), { inputs, alone: withNorm(alone), added: withNorm(added) });
  }

  load(): Session {
    return this.#writer.load();
  }
}

const keyOf = ({ key, inputs }: Pass): string => `${key} ${inputs.map(({ shape }) => shape.join('x')).join()}`;

/** @param keepGradient whether the session keeps it: what `compute` gives is then a number in its place */
export class NativeTraining implements ResidentTraining {
  readonly #parameters: Map<string, tf.Tensor>;
  readonly #trained: FlatLayout;
  readonly #graph: TrainingGraph;
  /** How far the moments move: 1 - beta, of the float32 numbers that TensorFlow's operation has. */
  readonly #moves: readonly number[];
  /** What the variables are to be, until there is a session. */
  #values: Values | null;
  /** Made for the first pass. */
  #session: Session | null = null;
  /** Whether the map's tensors are the parameters as they are now. */
  #published = true;

  constructor(
    parameters: Map<string, tf.Tensor>,
    trained: readonly string[],
    { beta1, beta2 }: { readonly beta1: number; readonly beta2: number },
    moments: MomentsByName,
    keepGradient = usesGpu(),
  ) {
    this.#parameters = parameters;
    this.#trained = new FlatLayout(parameters, trained);
    const frozen = new FlatLayout(
      parameters,
      [...parameters.keys()].filter((name) => !trained.includes(name)),
    );
    this.#moves = [beta1, beta2].map((beta) => 1 - Math.fround(beta));
    this.#graph = new TrainingGraph(this.#trained, frozen, beta1, beta2, keepGradient);
    const parameter = (name: string) => parameters.get(name) as tf.Tensor;
    const moment = (which: 'first' | 'second') =>
      moments.size === 0
        ? tf.fill([this.#trained.size], 0)
        : this.#trained.flat((name) => tf.tensor((moments.get(name) as Moments)[which]));
    this.#values = {
      trained: this.#trained.flat(parameter),
      frozen: frozen.flat(parameter),
      first: moment('first'),
      second: moment('second'),
    };
  }

  async compute(passes: readonly Pass[]): Promise<PassResults> {
    this.#prepare(passes);
    const scalars: number[][] = [];
    let sum: tf.Tensor | undefined;
    try {
      for (const pass of passes) {
        const { inputs, alone, added } = this.#graph.pass(pass) as TracedPass;
        const [numbers, gradient]: tf.Tensor[] =
          sum === undefined
            ? this.#running.run(inputs, pass.inputs, alone)
            : this.#running.run([...inputs, ...this.#graph.fedGradient], [...pass.inputs, ...this.#fed(sum)], added);
        sum?.dispose();
        sum = gradient;
        scalars.push([...(await numbers.data())]);
        numbers.dispose();
      }
    } catch (error) {
      sum?.dispose();
      throw error;
    }
    const norms = scalars.map((numbers) => numbers.pop() as number);
    return { scalars, norm: norms[norms.length - 1], gradient: [sum as tf.Tensor] };
  }

  update([gradient]: readonly tf.Tensor[], numbers: AdamwUpdate): void {
    this.#withdraw();
    const { scale, keep, rate, epsilon } = numbers;
    const given = tf.tensor1d([scale, keep, rate, epsilon, ...this.#moves]);
    const fed = [this.#graph.numbers, ...this.#graph.fedGradient];
    tf.dispose([given, ...this.#running.run(fed, [given, ...this.#fed(gradient)], [this.#graph.updated])]);
  }

  /** What is fed for the gradient: where it is a variable, nothing. */
  #fed(gradient: tf.Tensor): tf.Tensor[] {
    return this.#graph.fedGradient.map(() => gradient);
  }

  publish(): void {
    if (this.#published) return;
    const names = [...this.#parameters.keys()];
    const nodes = names.map((name) => this.#graph.parameters.get(name) as string);
    this.#running.run([], [], nodes).forEach((tensor, index) => {
      this.#parameters.set(names[index], tensor);
    });
    this.#published = true;
  }

  async moments(): Promise<MomentsByName> {
    const { first, second } = this.#graph.moments;
    const moments: MomentsByName = new Map();
    const firsts = this.#running.run([], [], [...first.values()]);
    const seconds = this.#running.run([], [], [...second.values()]);
    for (const [index, name] of [...first.keys()].entries()) {
      const own = { first: await firsts[index].data<'float32'>(), second: await seconds[index].data<'float32'>() };
      moments.set(name, own);
    }
    tf.dispose([firsts, seconds]);
    return moments;
  }

  dispose(): void {
    this.publish();
    this.#session?.dispose();
    if (this.#values !== null) tf.dispose({ ...this.#values });
  }

  get #running(): Session {
    return this.#session ?? this.#start(this.#values as Values);
  }

  /** Loads the graph as it is now. @param values of the variables; disposed */
  #start(values: Values): Session {
    this.#withdraw(); // a session before may share its memory with them
    this.#session?.dispose();
    const session = this.#graph.load();
    for (const [name, { given, set }] of Object.entries(this.#graph.variables)) {
      const value = values[name as keyof Values];
      tf.dispose([value, ...session.run([given], [value], [set])]);
    }
    this.#session = session;
    this.#values = null;
    return session;
  }

  /** The map's tensors are not, or will not be, the parameters in the session: nobody shall take them for that. */
  #withdraw(): void {
    tf.dispose([...this.#parameters.values()]);
    this.#published = false;
  }

  /** A session's graph cannot grow: for a pass that is new to it, the variables move to a new session. */
  #prepare(passes: readonly Pass[]): void {
    if (passes.every((pass) => this.#graph.pass(pass) !== undefined)) return;
    this.publish();
    for (const pass of passes) if (this.#graph.pass(pass) === undefined) this.#graph.add(pass, this.#parameters);
    this.#start(this.#values ?? this.#read(this.#running));
  }

  #read(session: Session): Values {
    const { trained, frozen, first, second } = this.#graph.variables;
    const values = session.run([], [], [trained.value, frozen.value, first.value, second.value]);
    return { trained: values[0], frozen: values[1], first: values[2], second: values[3] };
  }
}
