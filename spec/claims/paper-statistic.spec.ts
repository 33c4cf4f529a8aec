/** The paper's statistic is taken over the evaluations that its loop has. */
import { describe, expect, it } from 'vitest';
import { bestPerf } from '../../src/claims/paper-statistic.ts';
import type { Evaluation, RunView } from '../../src/records/view.ts';
import { effect, madeUpView } from '../helpers/records.ts';

/** A run of phase 3 whose held-out perf is known after each step, evaluated first after one step and then every five. */
function run(perfs: Readonly<Record<number, number>>, first: number | null = 1): RunView {
  const made = madeUpView(1, effect);
  const [pattern] = made.evaluations.slice(-1);
  const evaluations = Object.entries(perfs).map(
    ([step, perf]): Evaluation => ({
      phase: 'joint',
      step: Number(step),
      sets: { ...pattern.sets, heldOut: { ...pattern.sets.heldOut, perf } },
    }),
  );
  const evaluation = { ...made.setup.evaluation, every: 5, first };
  return { ...made, setup: { ...made.setup, evaluation }, evaluations };
}

describe('the paper’s statistic of a run', () => {
  it('is the maximum over the evaluations of its schedule, without that of the end of the phase', () => {
    expect(bestPerf(run({ 1: 0.1, 6: 0.3, 11: 0.2, 13: 0.9 }), 'heldOut')).toBe(0.3);
  });

  it('has the state before the phase among them, which is after one step of no learning rate', () => {
    expect(bestPerf(run({ 1: 0.4, 6: -0.3, 8: 0.9 }), 'heldOut')).toBe(0.4);
  });

  it('has the end where the schedule asks for it', () => {
    expect(bestPerf(run({ 5: 0.1, 10: 0.9 }, null), 'heldOut')).toBe(0.9);
  });

  it('is that of the end in a phase that is too short for any other', () => {
    expect(bestPerf(run({ 3: -0.2 }, null), 'heldOut')).toBe(-0.2);
  });
});
