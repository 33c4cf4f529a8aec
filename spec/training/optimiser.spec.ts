import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { adamwStep, clipFactor, globalNorm, stepNumbers } from '../../src/training/adamw.ts';
import { documentedAdamw, optimiser } from '../helpers/adamw.ts';

describe('adamwStep', () => {
  it('follows the documented algorithm over many steps', () => {
    const small = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(small, fc.array(small, { minLength: 1, maxLength: 30 }), (theta, gradients) => {
        const parameter = Float32Array.of(theta);
        const moments = { first: new Float32Array(1), second: new Float32Array(1) };
        gradients.forEach((g, index) =>
          adamwStep(parameter, Float32Array.of(g), moments, optimiser, stepNumbers(optimiser, 1e-2, index + 1), 1),
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
        stepNumbers(optimiser, 1e-3, 1),
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
      stepNumbers(optimiser, 0.1, 1),
      1,
    );
    expect(parameter[0]).toBeCloseTo(2 * (1 - 0.1 * 0.01), 6);
  });
});

describe('clipping', () => {
  it('takes one norm over all gradients together and never lengthens them', () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(0, 4)];
    expect(globalNorm(gradients)).toBe(5);
    expect(clipFactor(5, 1) * 5, 'norm after clipping').toBeCloseTo(1, 5);
    expect(clipFactor(0.5, 1)).toBe(1);
    expect(clipFactor(0, 1)).toBe(1);
  });
});
