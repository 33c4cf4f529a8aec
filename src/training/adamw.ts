/** AdamW (arXiv 1711.05101) as torch.optim.AdamW computes it, and torch's clip_grad_norm_. */
import type { Moments } from '../engine/resident.ts';
import type { Setup } from '../setup/schema.ts';

export type OptimiserSetup = Setup['optimiser'];

/** L2 norm over all gradients together. */
export function globalNorm(gradients: Iterable<Float32Array>): number {
  let squares = 0;
  for (const gradient of gradients) {
    for (let index = 0; index < gradient.length; index++) squares += gradient[index] * gradient[index];
  }
  return Math.sqrt(squares);
}

/** Factor on every gradient that brings the global norm down to `bound` (torch adds 1e-6 to the norm). */
export const clipFactor = (norm: number, bound: number): number => Math.min(1, bound / (norm + 1e-6));

/** What an update does to every number alike. */
export interface StepNumbers {
  /** Factor that decoupled weight decay puts on a parameter. */
  readonly keep: number;
  /** Learning rate over the bias correction of the first moment. */
  readonly stepSize: number;
  /** Bias correction of the second moment's root: a factor. */
  readonly correction: number;
}

/** @param update number of this update, from 1 */
export const stepNumbers = (
  { beta1, beta2, weightDecay }: OptimiserSetup,
  learningRate: number,
  update: number,
): StepNumbers => ({
  keep: 1 - learningRate * weightDecay,
  stepSize: learningRate / (1 - beta1 ** update),
  correction: 1 / Math.sqrt(1 - beta2 ** update),
});

/**
 * One AdamW step on one parameter, in place: decoupled weight decay, then the bias-corrected update.
 * @param scale factor on the gradient, from {@link clipFactor}
 */
export function adamwStep(
  parameter: Float32Array,
  gradient: Float32Array,
  { first, second }: Moments,
  { beta1, beta2, epsilon }: OptimiserSetup,
  { keep, stepSize, correction }: StepNumbers,
  scale: number,
): void {
  for (let index = 0; index < parameter.length; index++) {
    const g = gradient[index] * scale;
    const m = beta1 * first[index] + (1 - beta1) * g;
    const v = beta2 * second[index] + (1 - beta2) * g * g;
    first[index] = m;
    second[index] = v;
    parameter[index] = parameter[index] * keep - (stepSize * m) / (Math.sqrt(v) * correction + epsilon);
  }
}
