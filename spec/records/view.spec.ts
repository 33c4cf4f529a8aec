/** A claim reads of a run what its record says, and nothing that it does not say. */
import { describe, expect, it } from 'vitest';
import { finishedRuns, type RunView, viewOf, viewsOf } from '../../src/records/view.ts';
import { effect, failedRun, madeUpRun } from '../helpers/records.ts';

describe('the view of a record', () => {
  const record = madeUpRun(3, effect);
  const unflipped = { ...madeUpRun(4, effect).snapshots[1], prefix: 'regular' as const };
  const whole = { ...record, snapshots: [unflipped, ...record.snapshots] };
  const view = viewOf(whole);

  it('gives the scores of each moment and set as they are in the record, found by phase and prefix', () => {
    for (const { phase, prefix, sets } of whole.snapshots) {
      for (const set of ['heldOut', 'useful', 'random'] as const)
        expect(view.at(phase as 'dpo' | 'joint', prefix, set)).toBe(sets[set]);
      expect(view.keeps(phase as 'dpo' | 'joint', prefix)).toBe(true);
    }
    expect(view.at('joint', 'reverse', 'heldOut')).not.toEqual(view.at('joint', 'regular', 'heldOut'));
  });

  it('gives its setup and its evaluations', () => {
    expect([view.setup, view.evaluations]).toEqual([record.setup, record.evaluations]);
  });

  it('has no scores of a moment that the record did not keep, and says so', () => {
    expect(view.keeps('dpo', 'reverse')).toBe(false);
    expect(() => view.at('dpo', 'reverse', 'useful')).toThrow(
      'main, seed 3 keeps no scores of the end of phase dpo after `reverse`',
    );
  });
});

it('records by arm become views by arm, in their order, those that failed included', () => {
  const records = { main: [madeUpRun(1, effect), failedRun(2), madeUpRun(5, effect)], 'no-dpo': [failedRun(3)] };
  const views = viewsOf(records);
  const told = Object.entries(views).map(([arm, runs]) => [arm, runs.map(({ status, setup }) => [status, setup.seed])]);
  expect(told).toEqual([
    [
      'main',
      [
        ['finished', 1],
        ['failed', 2],
        ['finished', 5],
      ],
    ],
    ['no-dpo', [['failed', 3]]],
  ]);
  expect(finishedRuns(views.main).map(({ setup }: RunView) => setup.seed)).toEqual([1, 5]);
  expect(finishedRuns(views['no-dpo'])).toEqual([]);
});
