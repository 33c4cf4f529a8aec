/** The parameters under training, with AdamW's state: made anew for every phase, as the reference code does. */
import { tf } from '../engine/engine.ts';
import type { Parameters, ParameterValues } from '../model/parameters.ts';
import { adamwStep, clipFactor, globalNorm, type Moments, type OptimiserSetup } from './adamw.ts';

/** A loss or gradient stopped being a number. */
export class DivergenceError extends Error {
  override name = 'DivergenceError';
}

/** Moments of every trained parameter, by name. */
export type OptimiserState = Map<string, Moments>;

export function freshOptimiserState(trainable: readonly string[], values: ParameterValues): OptimiserState {
  return new Map(
    trainable.map((name) => {
      const size = (values.get(name) as Float32Array).length;
      return [name, { first: new Float32Array(size), second: new Float32Array(size) }];
    }),
  );
}

/**
 * Clips and applies gradients: updates `values`, `state` and the engine's `parameters`, and disposes the gradients.
 * @param update number of this update in its phase, from 1
 * @returns the gradient norm before clipping
 * @throws DivergenceError when the gradient norm is not finite; nothing was changed then.
 */
export function applyGradients(
  parameters: Parameters,
  values: ParameterValues,
  state: OptimiserState,
  gradients: Map<string, tf.Tensor>,
  setup: OptimiserSetup,
  learningRate: number,
  update: number,
): number {
  const arrays = new Map<string, Float32Array>();
  for (const [name, gradient] of gradients) {
    arrays.set(name, gradient.dataSync<'float32'>());
    gradient.dispose();
  }
  const norm = globalNorm(arrays.values());
  if (!Number.isFinite(norm)) throw new DivergenceError(`the gradient norm is ${norm}`);
  const scale = clipFactor(norm, setup.clipNorm);
  for (const [name, gradient] of arrays) {
    const value = values.get(name) as Float32Array;
    adamwStep(value, gradient, state.get(name) as Moments, setup, learningRate, update, scale);
    const old = parameters.get(name) as tf.Tensor;
    // A copy: the CPU backend keeps the array it is given, and `value` changes in place.
    parameters.set(name, tf.tensor(value.slice(), old.shape));
    old.dispose();
  }
  return norm;
}
