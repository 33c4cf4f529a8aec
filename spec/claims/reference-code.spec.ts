/** The paper's own code beside ours: when the two are called equivalent. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compareWithReference, MARGIN } from '../../src/claims/measures/reference-code.ts';
import type { RunView } from '../../src/records/view.ts';
import { equivalence } from '../../src/statistics/index.ts';
import { effect, madeUpView } from '../helpers/records.ts';

const STATISTICS = [0.47, 0.52, 0.61, 0.38, 0.44, 0.55, 0.49, 0.42];

/** A run whose best evaluation has a perf of its own. */
const runOf = (perf: number, seed: number): RunView => {
  const run = madeUpView(seed, effect, undefined, 4);
  return {
    ...run,
    evaluations: run.evaluations.map((evaluation) => ({
      ...evaluation,
      sets: { ...evaluation.sets, heldOut: { ...evaluation.sets.heldOut, perf } },
    })),
  };
};
const runs = STATISTICS.map(runOf);
const shifted = (by: number) => STATISTICS.map((value) => value + by);

it('the margin is the one that was written down before the runs', () => {
  const page = readFileSync(new URL('../../src/setup/README.md', import.meta.url), 'utf8');
  const written = /differs by less than ([\d.]+) nats a letter/.exec(page)?.[1];
  expect(MARGIN).toBe(Number(written));
});

describe('two programs', () => {
  it("are equivalent where both one-sided tests say so, by the paper's statistic of each run", () => {
    const { verdict, ours, theirs, equivalence: tested } = compareWithReference(runs, shifted(0.01));
    expect(verdict).toBe('equivalent');
    expect(tested).toEqual(equivalence(STATISTICS, shifted(0.01), MARGIN));
    expect(tested.difference).toBeCloseTo(-0.01, 10);
    expect([ours.runs, theirs.runs]).toEqual([8, 8]);
    expect(theirs.mean - ours.mean).toBeCloseTo(0.01, 10);
    expect(theirs.deviation).toBeCloseTo(ours.deviation, 10);
  });

  it.each([0.5, -0.5])('are not equivalent where they differ by %d nats', (by) => {
    expect(compareWithReference(runs, shifted(by)).verdict).toBe('not equivalent');
  });

  it('are undecided where the difference is near the margin, or seeds are few', () => {
    expect(compareWithReference(runs, shifted(0.07)).verdict).toBe('undecided');
    expect(compareWithReference(runs.slice(0, 2), shifted(0).slice(3, 5)).verdict).toBe('undecided');
  });
});
