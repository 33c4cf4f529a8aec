/** The recorded trajectories of training. */
import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { trajectorySetup } from '../../fixtures/setup.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { PHASES } from '../../src/passwords/roles.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { trainToEnd } from '../../src/training/trainer.ts';

/** Where the trajectory of an engine is recorded. */
export const recording = (engine: string) => new URL(`../../fixtures/trajectory-${engine}.json`, import.meta.url);

// Float32 rounds to 6e-8; sums over a few hundred products and 28 dependent steps leave about a hundred times that. (The
// recordings of WASM and CPU differ by less than 1e-6.) One engine on one processor repeats itself exactly.
const TOLERANCE = 1e-5;
// Rounding has no direction: a mean over 28 steps far below the tolerance tells a small systematic drift from it.
const MEAN_TOLERANCE = 1e-6;

/** Training on an engine is what was recorded of it, step by step and on average. */
export async function expectRecordedTrajectory(engine: Engine): Promise<void> {
  const { trajectories: recorded, setupHash: hash } = JSON.parse(readFileSync(recording(engine.name), 'utf8'));
  expect(setupHash(trajectorySetup), 'the recording is of another setup: node --import tsx fixtures/record.ts').toBe(
    hash,
  );
  const { trajectories } = await trainToEnd(trajectorySetup, { engine });
  const residuals: number[] = [];
  for (const phase of PHASES) {
    const now = { loss: trajectories[phase].total, gradientNorm: trajectories[phase].gradientNorm };
    for (const key of ['loss', 'gradientNorm'] as const) {
      expect(now[key]).toHaveLength(recorded[phase][key].length);
      now[key].forEach((value, step) => {
        const residual = (value - recorded[phase][key][step]) / Math.abs(recorded[phase][key][step]);
        residuals.push(residual);
        expect(Math.abs(residual), `${phase} step ${step} ${key}`).toBeLessThan(TOLERANCE);
      });
    }
  }
  const mean = residuals.reduce((sum, residual) => sum + residual, 0) / residuals.length;
  expect(Math.abs(mean)).toBeLessThan(MEAN_TOLERANCE);
}
