/** AdamW of parameters that stay in an engine's memory. What the numbers of an update are is the optimiser's business. */
import type { tf } from './engine.ts';

/** First and second moment of one parameter's gradient. */
export interface MomentTensors {
  readonly first: tf.Tensor;
  readonly second: tf.Tensor;
}

/**
 * One update of every parameter: gradient g = scale * gradient; the moments move towards g by 1 - beta1 and towards g^2 by
 * 1 - beta2; then parameter = parameter * keep - rate * first / (sqrt(second) + epsilon).
 */
export interface AdamwUpdate {
  readonly scale: number;
  readonly keep: number;
  readonly rate: number;
  readonly epsilon: number;
}

/** Parameters with their moments. Every method takes and gives them in the order of the shapes that it was made for. */
export interface ResidentParameters {
  /**
   * Sets every parameter.
   * @param moments absent to start from 0
   */
  start(values: readonly tf.Tensor[], moments?: readonly MomentTensors[]): void;
  /** L2 norm of all gradients together; added up in double precision. */
  norm(gradients: readonly tf.Tensor[]): Promise<number>;
  /**
   * Updates every parameter.
   * @returns the new parameters. They share the engine's memory: the next update is the quicker if they are disposed
   * before it, and leaves them as they are if they are not.
   */
  update(gradients: readonly tf.Tensor[], numbers: AdamwUpdate): tf.Tensor[];
  /** The moments as they are now; the caller disposes them. */
  moments(): MomentTensors[];
  dispose(): void;
}

/** Makes room for parameters of these shapes. */
export type ResidentAdamw = (
  shapes: readonly (readonly number[])[],
  beta1: number,
  beta2: number,
) => ResidentParameters;
