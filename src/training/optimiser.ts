/**
 * The parameters under training, with AdamW's state: made anew for every phase, as the reference code does. Both stay in
 * the engine's memory where a whole step can be taken there. On WASM, whose memory is small, moments are arrays outside it;
 * on the CPU engine all are plain arrays.
 */
import { type Engine, tf } from '../engine/engine.ts';
import type { Pass } from '../engine/graphs.ts';
import type { Moments, MomentsByName, NewResidentTraining, ResidentTraining } from '../engine/resident.ts';
import type { StreamedAdamw } from '../engine/streamed.ts';
import { type LoadedModel, type Parameters, type ParameterValues, valuesOf } from '../model/parameters.ts';
import { adamwStep, clipFactor, globalNorm, type OptimiserSetup, stepNumbers } from './adamw.ts';
import { computeGradients, type Gradient } from './gradients.ts';

/** A loss or gradient stopped being a number. */
export class DivergenceError extends Error {
  override name = 'DivergenceError';
}

/** Moments of every trained parameter, by name; empty before the first update of a phase. */
export type OptimiserState = MomentsByName;

/** The part of a model that an optimiser needs. */
type OptimisedModel = Omit<LoadedModel, 'model'>;

/** What a step computed. */
export interface Taken {
  /** The scalars of each pass. */
  readonly scalars: readonly (readonly number[])[];
  /** The gradient norm before clipping. */
  readonly norm: number;
}

/** Updates the parameters that it was made for. */
export interface Optimiser {
  /**
   * Computes passes, adds their gradients up, clips and applies them. The parameters may be read after {@link publish}.
   * @param update number of this update in its phase, from 1
   * @throws DivergenceError when the gradient norm is not finite; nothing was changed then.
   */
  step(passes: readonly Pass[], learningRate: number, update: number): Promise<Taken>;
  /** Puts the parameters as they are now into the model. */
  publish(): void;
  /** A copy of the moments. */
  state(): Promise<OptimiserState>;
  /** Frees everything but the parameters, which are published. */
  dispose(): void;
}

/** @throws DivergenceError */
function finite(norm: number): number {
  if (!Number.isFinite(norm)) throw new DivergenceError(`the gradient norm is ${norm}`);
  return norm;
}

/** Takes gradients one by one, with moments in arrays outside the engine's memory. */
abstract class OutsideOptimiser implements Optimiser {
  protected readonly setup: OptimiserSetup;
  protected readonly moments: OptimiserState;
  readonly #model: OptimisedModel;
  readonly #trainable: readonly string[];

  constructor(model: OptimisedModel, trainable: readonly string[], setup: OptimiserSetup, from: OptimiserState) {
    this.#model = model;
    this.#trainable = trainable;
    this.setup = setup;
    const zeros = (name: string) => new Float32Array((model.parameters.get(name) as tf.Tensor).size);
    this.moments =
      from.size > 0
        ? structuredClone(from)
        : new Map(trainable.map((name) => [name, { first: zeros(name), second: zeros(name) }]));
  }

  async step(passes: readonly Pass[], learningRate: number, update: number): Promise<Taken> {
    const { scalars, gradients } = await computeGradients(this.#model, this.#trainable, passes);
    return { scalars, norm: await this.apply(gradients, learningRate, update) };
  }

  /** Clips and applies gradients, replaces the trained tensors in the parameters, and disposes the gradients. */
  protected abstract apply(
    gradients: ReadonlyMap<string, Gradient>,
    learningRate: number,
    update: number,
  ): Promise<number>;

  publish(): void {}

  async state(): Promise<OptimiserState> {
    return structuredClone(this.moments);
  }

  dispose(): void {}
}

/** Plain arrays, one parameter after the other. */
class ArrayOptimiser extends OutsideOptimiser {
  readonly #engine: Engine;
  readonly #parameters: Parameters;
  readonly #values: ParameterValues;

  constructor(model: OptimisedModel, values: ParameterValues, setup: OptimiserSetup, from: OptimiserState) {
    super(model, [...values.keys()], setup, from);
    this.#engine = model.engine;
    this.#parameters = model.parameters;
    this.#values = values;
  }

  protected async apply(
    gradients: ReadonlyMap<string, Gradient>,
    learningRate: number,
    update: number,
  ): Promise<number> {
    const arrays = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) {
      if (gradient instanceof Float32Array) arrays.set(name, gradient);
      else {
        arrays.set(name, await this.#engine.read(gradient));
        gradient.dispose();
      }
    }
    const norm = finite(globalNorm(arrays.values()));
    const numbers = stepNumbers(this.setup, learningRate, update);
    const scale = clipFactor(norm, this.setup.clipNorm);
    for (const [name, gradient] of arrays) {
      const value = this.#values.get(name) as Float32Array;
      adamwStep(value, gradient, this.moments.get(name) as Moments, this.setup, numbers, scale);
      const old = this.#parameters.get(name) as tf.Tensor;
      // A copy: the CPU backend keeps the array it is given, and `value` changes in place.
      this.#parameters.set(name, tf.tensor(value.slice(), old.shape));
      old.dispose();
    }
    return norm;
  }
}

/** The engine's own kernel on parameters in its memory; equal to the plain arrays bit for bit. */
class StreamedOptimiser extends OutsideOptimiser {
  readonly #adamw: StreamedAdamw;
  readonly #parameters: Parameters;

  constructor(
    adamw: StreamedAdamw,
    model: OptimisedModel,
    trainable: readonly string[],
    setup: OptimiserSetup,
    from: OptimiserState,
  ) {
    super(model, trainable, setup, from);
    this.#adamw = adamw;
    this.#parameters = model.parameters;
  }

  protected async apply(
    gradients: ReadonlyMap<string, Gradient>,
    learningRate: number,
    update: number,
  ): Promise<number> {
    try {
      const squares = [...gradients.values()].map((gradient) => this.#adamw.squares(gradient));
      const norm = finite(Math.sqrt(squares.reduce((sum, value) => sum + value, 0)));
      const scale = clipFactor(norm, this.setup.clipNorm);
      const numbers = { ...this.setup, ...stepNumbers(this.setup, learningRate, update), scale };
      for (const [name, gradient] of gradients) {
        const old = this.#parameters.get(name) as tf.Tensor;
        this.#parameters.set(name, this.#adamw.update(old, gradient, this.moments.get(name) as Moments, numbers));
        old.dispose();
      }
      return norm;
    } finally {
      tf.dispose([...gradients.values()].filter((gradient) => gradient instanceof tf.Tensor));
    }
  }
}

/** Parameters, gradients and moments in the engine's memory. */
class ResidentOptimiser implements Optimiser {
  readonly #training: ResidentTraining;
  readonly #setup: OptimiserSetup;

  constructor(
    newTraining: NewResidentTraining,
    { parameters }: OptimisedModel,
    trainable: readonly string[],
    setup: OptimiserSetup,
    from: OptimiserState,
  ) {
    this.#training = newTraining(parameters, trainable, setup, from);
    // TensorFlow's kernel takes float32 numbers, and 1 - 0.999 differs from what it then is by 1e-5: the correction of
    // its bias has to be of the same number.
    this.#setup = { ...setup, beta1: Math.fround(setup.beta1), beta2: Math.fround(setup.beta2) };
  }

  async step(passes: readonly Pass[], learningRate: number, update: number): Promise<Taken> {
    const { scalars, norm, gradient } = await this.#training.compute(passes);
    try {
      const scale = clipFactor(finite(norm), this.#setup.clipNorm);
      const { keep, stepSize, correction } = stepNumbers(this.#setup, learningRate, update);
      const [rate, epsilon] = [stepSize / correction, this.#setup.epsilon / correction];
      this.#training.update(gradient, { scale, keep, rate, epsilon });
      return { scalars, norm };
    } finally {
      tf.dispose([...gradient]);
    }
  }

  publish(): void {
    this.#training.publish();
  }

  state(): Promise<OptimiserState> {
    return this.#training.moments();
  }

  dispose(): void {
    this.#training.dispose();
  }
}

/**
 * AdamW for a phase.
 * @param model its trained parameters are replaced at every update. They may be read after {@link Optimiser.publish}.
 * @param from moments to go on from; empty at the start of a phase
 */
export async function newOptimiser(
  model: OptimisedModel,
  trainable: readonly string[],
  setup: OptimiserSetup,
  from: OptimiserState = new Map(),
): Promise<Optimiser> {
  const { newResidentTraining, streamed } = model.engine;
  if (newResidentTraining !== null) return new ResidentOptimiser(newResidentTraining, model, trainable, setup, from);
  if (streamed !== null) return new StreamedOptimiser(streamed, model, trainable, setup, from);
  return new ArrayOptimiser(model, await valuesOf(model, trainable), setup, from);
}
