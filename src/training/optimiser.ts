/**
 * The parameters under training, with AdamW's state: made anew for every phase, as the reference code does. Both stay in
 * the engine's memory where it can update them there. On WASM, whose memory is small, moments are arrays outside it; on
 * the CPU engine all are plain arrays.
 */
import { type Engine, tf } from '../engine/engine.ts';
import type { ResidentAdamw, ResidentParameters } from '../engine/resident.ts';
import type { StreamedAdamw } from '../engine/streamed.ts';
import { type LoadedModel, type Parameters, type ParameterValues, valuesOf } from '../model/parameters.ts';
import { adamwStep, clipFactor, globalNorm, type Moments, type OptimiserSetup, stepNumbers } from './adamw.ts';
import type { Gradient } from './step.ts';

/** A loss or gradient stopped being a number. */
export class DivergenceError extends Error {
  override name = 'DivergenceError';
}

/** Moments of every trained parameter, by name; empty before the first update of a phase. */
export type OptimiserState = Map<string, Moments>;

/** The part of a model that an optimiser needs. */
type OptimisedModel = Pick<LoadedModel, 'engine' | 'parameters'>;

/** Updates the parameters that it was made for. */
export interface Optimiser {
  /**
   * Clips and applies gradients: replaces the trained tensors in the parameters, and disposes the gradients.
   * @param gradients of every trained parameter
   * @param update number of this update in its phase, from 1
   * @returns the gradient norm before clipping
   * @throws DivergenceError when the gradient norm is not finite; nothing was changed then.
   */
  apply(gradients: ReadonlyMap<string, Gradient>, learningRate: number, update: number): Promise<number>;
  /** A copy of the moments. */
  state(): Promise<OptimiserState>;
  dispose(): void;
}

/** @throws DivergenceError */
function finite(norm: number): number {
  if (!Number.isFinite(norm)) throw new DivergenceError(`the gradient norm is ${norm}`);
  return norm;
}

/** Plain arrays, one parameter after the other. */
class ArrayOptimiser implements Optimiser {
  readonly #engine: Engine;
  readonly #parameters: Parameters;
  readonly #setup: OptimiserSetup;
  readonly #values: ParameterValues;
  readonly #moments: OptimiserState;

  constructor(model: OptimisedModel, values: ParameterValues, setup: OptimiserSetup, from: OptimiserState) {
    this.#engine = model.engine;
    this.#parameters = model.parameters;
    this.#setup = setup;
    this.#values = values;
    this.#moments =
      from.size > 0 ? structuredClone(from) : zeroMoments([...values].map(([name, { length }]) => [name, length]));
  }

  async apply(gradients: ReadonlyMap<string, Gradient>, learningRate: number, update: number): Promise<number> {
    const arrays = new Map<string, Float32Array>();
    for (const [name, gradient] of gradients) {
      if (gradient instanceof Float32Array) arrays.set(name, gradient);
      else {
        arrays.set(name, await this.#engine.read(gradient));
        gradient.dispose();
      }
    }
    const norm = finite(globalNorm(arrays.values()));
    const numbers = stepNumbers(this.#setup, learningRate, update);
    const scale = clipFactor(norm, this.#setup.clipNorm);
    for (const [name, gradient] of arrays) {
      const value = this.#values.get(name) as Float32Array;
      adamwStep(value, gradient, this.#moments.get(name) as Moments, this.#setup, numbers, scale);
      const old = this.#parameters.get(name) as tf.Tensor;
      // A copy: the CPU backend keeps the array it is given, and `value` changes in place.
      this.#parameters.set(name, tf.tensor(value.slice(), old.shape));
      old.dispose();
    }
    return norm;
  }

  async state(): Promise<OptimiserState> {
    return structuredClone(this.#moments);
  }

  dispose(): void {}
}

const zeroMoments = (sizes: Iterable<readonly [name: string, size: number]>): OptimiserState =>
  new Map([...sizes].map(([name, size]) => [name, { first: new Float32Array(size), second: new Float32Array(size) }]));

/** The engine's own kernel on parameters in its memory, with moments outside; equal to the plain arrays bit for bit. */
class StreamedOptimiser implements Optimiser {
  readonly #adamw: StreamedAdamw;
  readonly #parameters: Parameters;
  readonly #trainable: readonly string[];
  readonly #setup: OptimiserSetup;
  readonly #moments: OptimiserState;

  constructor(
    adamw: StreamedAdamw,
    { parameters }: OptimisedModel,
    trainable: readonly string[],
    setup: OptimiserSetup,
    from: OptimiserState,
  ) {
    this.#adamw = adamw;
    this.#parameters = parameters;
    this.#trainable = trainable;
    this.#setup = setup;
    const sizes = trainable.map((name) => [name, (parameters.get(name) as tf.Tensor).size] as const);
    this.#moments = from.size > 0 ? structuredClone(from) : zeroMoments(sizes);
  }

  async apply(gradients: ReadonlyMap<string, Gradient>, learningRate: number, update: number): Promise<number> {
    const gradientOf = (name: string) => gradients.get(name) as Gradient;
    try {
      const squares = this.#trainable.map((name) => this.#adamw.squares(gradientOf(name)));
      const norm = finite(Math.sqrt(squares.reduce((sum, value) => sum + value, 0)));
      const scale = clipFactor(norm, this.#setup.clipNorm);
      const numbers = { ...this.#setup, ...stepNumbers(this.#setup, learningRate, update), scale };
      for (const name of this.#trainable) {
        const old = this.#parameters.get(name) as tf.Tensor;
        const moments = this.#moments.get(name) as Moments;
        this.#parameters.set(name, this.#adamw.update(old, gradientOf(name), moments, numbers));
        old.dispose();
      }
      return norm;
    } finally {
      tf.dispose([...gradients.values()].filter((gradient) => gradient instanceof tf.Tensor));
    }
  }

  async state(): Promise<OptimiserState> {
    return structuredClone(this.#moments);
  }

  dispose(): void {}
}

/** The engine's own kernel, in its memory. */
class ResidentOptimiser implements Optimiser {
  readonly #engine: Engine;
  readonly #parameters: Parameters;
  readonly #trainable: readonly string[];
  readonly #setup: OptimiserSetup;
  readonly #resident: ResidentParameters;

  constructor(
    newResident: ResidentAdamw,
    { engine, parameters }: OptimisedModel,
    trainable: readonly string[],
    setup: OptimiserSetup,
    from: OptimiserState,
  ) {
    this.#engine = engine;
    this.#parameters = parameters;
    this.#trainable = trainable;
    // TensorFlow's kernel takes float32 numbers, and 1 - 0.999 differs from what it then is by 1e-5: the correction of
    // its bias has to be of the same number.
    this.#setup = { ...setup, beta1: Math.fround(setup.beta1), beta2: Math.fround(setup.beta2) };
    const values = trainable.map((name) => parameters.get(name) as tf.Tensor);
    this.#resident = newResident(
      values.map(({ shape }) => shape),
      setup.beta1,
      setup.beta2,
    );
    tf.tidy(() => {
      const tensor = (data: Float32Array, index: number) => tf.tensor(data, values[index].shape);
      const moments = ({ first, second }: Moments, index: number) => ({
        first: tensor(first, index),
        second: tensor(second, index),
      });
      const fresh = from.size === 0;
      this.#resident.start(
        values,
        fresh ? undefined : trainable.map((name, index) => moments(from.get(name) as Moments, index)),
      );
    });
  }

  async apply(gradients: ReadonlyMap<string, Gradient>, learningRate: number, update: number): Promise<number> {
    const given = this.#trainable.map((name) => gradients.get(name) as tf.Tensor); // none is added up outside here
    try {
      const norm = finite(await this.#resident.norm(given));
      const { keep, stepSize, correction } = stepNumbers(this.#setup, learningRate, update);
      const scale = clipFactor(norm, this.#setup.clipNorm);
      for (const name of this.#trainable) this.#parameters.get(name)?.dispose(); // so that they are updated in place
      const rate = stepSize / correction;
      const updated = this.#resident.update(given, { scale, keep, rate, epsilon: this.#setup.epsilon / correction });
      this.#trainable.forEach((name, index) => {
        this.#parameters.set(name, updated[index]);
      });
      return norm;
    } finally {
      tf.dispose(given);
    }
  }

  async state(): Promise<OptimiserState> {
    const state: OptimiserState = new Map();
    for (const [index, { first, second }] of this.#resident.moments().entries()) {
      const moments = { first: await this.#engine.read(first), second: await this.#engine.read(second) };
      tf.dispose([first, second]);
      state.set(this.#trainable[index], moments);
    }
    return state;
  }

  dispose(): void {
    this.#resident.dispose();
  }
}

/**
 * AdamW for a phase.
 * @param model its trained parameters are replaced at every update
 * @param from moments to go on from; empty at the start of a phase
 */
export async function newOptimiser(
  model: OptimisedModel,
  trainable: readonly string[],
  setup: OptimiserSetup,
  from: OptimiserState = new Map(),
): Promise<Optimiser> {
  const { resident, streamed } = model.engine;
  if (resident !== null) return new ResidentOptimiser(resident, model, trainable, setup, from);
  if (streamed !== null) return new StreamedOptimiser(streamed, model, trainable, setup, from);
  return new ArrayOptimiser(model, await valuesOf(model, trainable), setup, from);
}
