/** The learning-rate schedule of the reference code. */

/**
 * Linear warm-up, then a cosine over `steps` (not `steps - warmupSteps`: it ends slightly above 0, and a phase no longer
 * than its warm-up never leaves it).
 * @param step from 0
 */
export function learningRate(base: number, step: number, steps: number, warmupSteps: number): number {
  if (step < warmupSteps) return (base * step) / warmupSteps;
  return (base * (1 + Math.cos((Math.PI * (step - warmupSteps)) / steps))) / 2;
}
