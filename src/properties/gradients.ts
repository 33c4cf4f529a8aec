/** Losses and gradients of a step, as training computes them. */
import type { LoadedModel } from '../model/parameters.ts';
import type { OptimiserSetup } from '../training/adamw.ts';
import { newOptimiser } from '../training/optimiser.ts';
import { type Losses, PreparedStep, type StepInput } from '../training/step.ts';

/** An update of these numbers changes no parameter, and leaves the gradient itself as the first moment. */
const KEEPING: OptimiserSetup = {
  learningRate: 0,
  warmupSteps: 0,
  beta1: 0,
  beta2: 0,
  epsilon: 1,
  weightDecay: 0,
  clipNorm: Number.POSITIVE_INFINITY,
};

/**
 * Takes a step that changes nothing.
 * @param model its tensors may be replaced by equal ones
 * @param microBatch sequences of each kind in a pass, or null
 * @returns losses in nats, and the gradient of every trained parameter
 * @throws DivergenceError when a gradient is not finite
 */
export async function lossesAndGradients(
  model: LoadedModel,
  trainable: readonly string[],
  input: StepInput,
  microBatch: number | null = null,
): Promise<{ losses: Losses; gradients: Map<string, Float32Array> }> {
  const step = new PreparedStep(model, trainable, input, microBatch);
  const optimiser = await newOptimiser(model, trainable, KEEPING);
  try {
    const { scalars } = await optimiser.step(step.passes, KEEPING.learningRate, 1);
    const moments = await optimiser.state();
    return {
      losses: step.losses(scalars),
      gradients: new Map([...moments].map(([name, { first }]) => [name, first])),
    };
  } finally {
    optimiser.dispose();
    step.dispose();
  }
}
