import { expect, it } from 'vitest';
import { CLAIMS } from '../../src/claims/index.ts';
import { measure } from '../../src/measure/measures.ts';
import { type RunView, viewOf } from '../../src/records/view.ts';
import { tTestAbove } from '../../src/statistics/index.ts';
import { effect, type Knowledge, madeUpRun, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
const paperStatistic = CLAIMS.find(({ id }) => id === 'paper-statistic')!;

/** A run with more evaluations of phase 3 whose perf is the last one's plus `offsets`. */
function withEvaluations(run: RunView, offsets: readonly number[]): RunView {
  const last = run.evaluations[run.evaluations.length - 1];
  const earlier = offsets.map((offset, index) => {
    const { heldOut } = last.sets;
    const sets = { ...last.sets, heldOut: { ...heldOut, perf: heldOut.perf + offset } };
    return { ...last, step: index + 1, sets };
  });
  return { ...run, evaluations: [...run.evaluations.slice(0, -1), ...earlier, last] };
}

it('is the maximum over the evaluations of phase 3, not the last', () => {
  const runs = SEEDS.map((seed) => withEvaluations(madeUpView(seed, effect), [-0.5, 0.02, -0.1]));
  const perfs = SEEDS.map((seed) => {
    const { snapshots } = madeUpRun(seed, effect);
    return measure(snapshots[1].sets.heldOut, 26).perf + 0.02;
  });
  const { estimate, p, verdict } = paperStatistic.weigh({ main: runs });
  expect(estimate).toBeCloseTo(perfs.reduce((sum, perf) => sum + Math.exp(perf), 0) / perfs.length, 12);
  expect(p).toBeCloseTo(
    tTestAbove(
      perfs.map((perf) => Math.exp(perf) / 26),
      1 / 26,
    ).p,
    12,
  );
  expect(verdict).toBe('reproduced');
});

it('ignores evaluations of phase 2', () => {
  const runs = SEEDS.map((seed) => {
    const run = madeUpRun(seed, effect);
    run.evaluations[0].sets.heldOut.perf = 9;
    return viewOf(run);
  });
  expect(paperStatistic.weigh({ main: runs }).estimate).toBeLessThan(2);
});

it('is not reproduced at chance, and inconclusive where the useful negatives did not rise', () => {
  const judged = (joint: Knowledge['joint']) =>
    paperStatistic.weigh({ main: SEEDS.map((seed) => madeUpView(seed, { ...effect, joint })) }).verdict;
  expect(judged({ heldOut: 0.98, useful: 2.5, random: 1 })).toBe('not reproduced');
  expect(judged({ heldOut: 1.12, useful: 0.4, random: 1 })).toBe('inconclusive');
});
