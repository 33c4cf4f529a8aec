import { describe, expect, it } from 'vitest';
import { learningRate } from '../../src/recipe/schedule.ts';

describe('the schedule', () => {
  it('warms up linearly from 0 to the base rate', () => {
    expect(learningRate(1, 0, 1200, 100)).toBe(0);
    expect(learningRate(1, 50, 1200, 100)).toBe(0.5);
    expect(learningRate(1, 100, 1200, 100)).toBe(1);
  });

  it('then follows a cosine over all steps, so that it ends slightly above 0', () => {
    // (1 + cos(pi * 1099 / 1200)) / 2, by hand
    expect(learningRate(1, 1199, 1200, 100), 'rate at the end of the cosine').toBeCloseTo(0.017376, 5);
    for (let step = 101; step < 1200; step++)
      expect(learningRate(1, step, 1200, 100)).toBeLessThan(learningRate(1, step - 1, 1200, 100));
  });

  it('begins at the base rate where there is no warm-up', () => {
    expect(learningRate(1, 0, 1200, 0)).toBe(1);
  });

  it("never leaves warm-up in the paper's phase 1 of 64 steps", () => {
    for (let step = 0; step < 64; step++)
      expect(learningRate(1e-4, step, 64, 100)).toBeCloseTo((1e-4 * step) / 100, 12);
  });
});
