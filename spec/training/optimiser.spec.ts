import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamwStep, clipFactor, globalNorm } from '../../src/training/adamw.ts';
import { learningRate } from '../../src/training/schedule.ts';

const optimiser = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  warmupSteps: 100,
  clipNorm: 1,
};

/** AdamW line by line as torch.optim.AdamW documents it, one number at a time, in double precision. */
function documentedAdamw(theta: number, gradients: number[], rate: number): number {
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

describe('adamwStep', () => {
  it('follows the documented algorithm over many steps', () => {
    const small = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(small, fc.array(small, { minLength: 1, maxLength: 30 }), (theta, gradients) => {
        const parameter = Float32Array.of(theta);
        const moments = { first: new Float32Array(1), second: new Float32Array(1) };
        gradients.forEach((g, index) =>
          adamwStep(parameter, Float32Array.of(g), moments, optimiser, 1e-2, index + 1, 1),
        );
        // State is float32: gradients near 0 make the ratio of two roundings, each step at most the rate.
        const exact = documentedAdamw(Math.fround(theta), gradients.map(Math.fround), 1e-2);
        expect(Math.abs(parameter[0] - exact)).toBeLessThan(2e-6 * gradients.length + 1e-6);
      }),
    );
  });

  it('moves the first step by the learning rate against the gradient, whatever its size', () => {
    for (const g of [1e-3, 1, 50]) {
      const parameter = Float32Array.of(0);
      adamwStep(
        parameter,
        Float32Array.of(g),
        { first: new Float32Array(1), second: new Float32Array(1) },
        optimiser,
        1e-3,
        1,
        1,
      );
      expect(parameter[0]).toBeCloseTo(-1e-3, 7);
    }
  });

  it('decays a weight without gradient by learning rate times weight decay', () => {
    const parameter = Float32Array.of(2);
    adamwStep(
      parameter,
      Float32Array.of(0),
      { first: new Float32Array(1), second: new Float32Array(1) },
      optimiser,
      0.1,
      1,
      1,
    );
    expect(parameter[0]).toBeCloseTo(2 * (1 - 0.1 * 0.01), 6);
  });
});

describe('clipping', () => {
  it('takes one norm over all gradients together and never lengthens them', () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(0, 4)];
    expect(globalNorm(gradients)).toBe(5);
    expect(clipFactor(5, 1) * 5).toBeCloseTo(1, 5);
    expect(clipFactor(0.5, 1)).toBe(1);
    expect(clipFactor(0, 1)).toBe(1);
  });
});

describe('the schedule', () => {
  it('warms up linearly from 0 to the base rate', () => {
    expect(learningRate(1, 0, 1200, 100)).toBe(0);
    expect(learningRate(1, 50, 1200, 100)).toBe(0.5);
    expect(learningRate(1, 100, 1200, 100)).toBe(1);
  });

  it('then follows a cosine over all steps, so that it ends slightly above 0', () => {
    // (1 + cos(pi * 1099 / 1200)) / 2, by hand
    expect(learningRate(1, 1199, 1200, 100)).toBeCloseTo(0.017376, 5);
    for (let step = 101; step < 1200; step++)
      expect(learningRate(1, step, 1200, 100)).toBeLessThan(learningRate(1, step - 1, 1200, 100));
  });

  it("never leaves warm-up in the paper's phase 1 of 64 steps", () => {
    for (let step = 0; step < 64; step++)
      expect(learningRate(1e-4, step, 64, 100)).toBeCloseTo((1e-4 * step) / 100, 12);
  });
});
