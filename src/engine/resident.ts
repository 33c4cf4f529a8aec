/** Training of parameters that stay in an engine's memory. What the numbers of an update are is the optimiser's business. */
import type { tf } from './engine.ts';
import type { Pass } from './graphs.ts';

/**
 * One update of every trained parameter: gradient g = scale * gradient; the moments move towards g by 1 - beta1 and towards
 * g^2 by 1 - beta2; then parameter = parameter * keep - rate * first / (sqrt(second) + epsilon).
 */
export interface AdamwUpdate {
  readonly scale: number;
  readonly keep: number;
  readonly rate: number;
  readonly epsilon: number;
}

/** First and second moment of one parameter's gradient. */
export interface Moments {
  readonly first: Float32Array;
  readonly second: Float32Array;
}

/** Moments of every trained parameter, by name. */
export type MomentsByName = Map<string, Moments>;

/** What passes of one step computed. */
export interface PassResults {
  /** The scalars of each pass. */
  readonly scalars: readonly (readonly number[])[];
  /** L2 norm of the sum of their gradients. */
  readonly norm: number;
  /** The sum of their gradients, laid out as the engine likes it. The caller disposes it. */
  readonly gradient: readonly tf.Tensor[];
}

/** Parameters and moments in an engine's memory. */
export interface ResidentTraining {
  /** Computes passes one after the other, and adds their gradients up. From then on parameters have to be published. */
  compute(passes: readonly Pass[]): Promise<PassResults>;
  update(gradient: readonly tf.Tensor[], numbers: AdamwUpdate): void;
  /** Puts the parameters as they are now into the map, where those of before are disposed. */
  publish(): void;
  /** A copy of the moments. */
  moments(): Promise<MomentsByName>;
  /** Frees everything but the parameters, which are published. */
  dispose(): void;
}

/**
 * Takes parameters into the engine's memory, and disposes their tensors.
 * @param parameters all that passes compute with; a pass is given them in this order
 * @param trained names of those that updates change
 * @param moments to go on from; empty to start from 0
 */
export type NewResidentTraining = (
  parameters: Map<string, tf.Tensor>,
  trained: readonly string[],
  betas: { readonly beta1: number; readonly beta2: number },
  moments: MomentsByName,
) => ResidentTraining;
