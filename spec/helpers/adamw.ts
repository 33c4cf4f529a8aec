/** AdamW as its documentation has it. */

/** Settings of an optimiser, as torch has them unless told. */
export const optimiser = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  warmupSteps: 100,
  clipNorm: 1,
};

/** AdamW line by line as torch.optim.AdamW documents it, one number at a time, in double precision. */
export function documentedAdamw(theta: number, gradients: number[], rate: number): number {
  let [m, v, value] = [0, 0, theta];
  gradients.forEach((g, index) => {
    const t = index + 1;
    value = value - rate * 0.01 * value;
    m = 0.9 * m + (1 - 0.9) * g;
    v = 0.999 * v + (1 - 0.999) * g ** 2;
    const mHat = m / (1 - 0.9 ** t);
    const vHat = v / (1 - 0.999 ** t);
    value = value - (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
  });
  return value;
}
