/** AdamW of parameters in an engine's memory whose moments are arrays outside it, which go through it piece by piece. */
import type { tf } from './engine.ts';

/** What an update does to every number alike: see `adamwStep` in src/training/adamw.ts, which computes the same. */
export interface StreamedUpdate {
  readonly scale: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly keep: number;
  readonly stepSize: number;
  readonly correction: number;
}

export interface StreamedAdamw {
  /** The sum of the squares of a gradient, in double precision. */
  squares(gradient: tf.Tensor | Float32Array): number;
  /**
   * Updates one parameter; its moments change in place.
   * @returns the new parameter. The old one and the gradient stay the caller's.
   */
  update(
    parameter: tf.Tensor,
    gradient: tf.Tensor | Float32Array,
    moments: { readonly first: Float32Array; readonly second: Float32Array },
    numbers: StreamedUpdate,
  ): tf.Tensor;
}
