/**
 * Replays the recorded trajectories. The recordings only say what training was when they were made: they guard against
 * unintended change. That training is right is for the other specs.
 */
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ENGINES, type Engine, startEngine } from '../src/engine/engine.ts';
import { expectRecordedTrajectory, recording } from './helpers/trajectory.ts';

describe.each(
  ENGINES.filter((engine) => engine !== 'webgpu' && existsSync(recording(engine))), // webgpu: spec/engine/webgpu
)('the trajectory recorded on %s', (engine) => {
  it('is what training does now, step by step and on average', async (context) => {
    let started: Engine | undefined;
    try {
      started = await startEngine(engine);
    } catch (error) {
      context.skip((error as Error).message);
    }
    await expectRecordedTrajectory(started as Engine);
  });
});

it('there is a recording for every engine that needs nothing optional', () => {
  expect(['wasm', 'cpu'].filter((engine) => !existsSync(recording(engine)))).toEqual([]);
});
