/** Abridged records are records of a form of their own: what is left out is absent. Archives of the form before are read as such. */
import { describe, expect, it } from 'vitest';
import { abridge } from '../../src/records/abridge.ts';
import { parseRunRecord, RecordError, type WholeRun } from '../../src/records/record.ts';
import { inOlderForm, NOTHING } from '../helpers/older-form.ts';
import { effect, failedRun, madeUpRun } from '../helpers/records.ts';

const whole = (): WholeRun => {
  const run = madeUpRun(1, effect);
  for (const { sets } of run.snapshots)
    for (const scores of Object.values(sets)) scores.lens = [{ logLikelihood: -3.123456, guessRate: 1.123456 }];
  return run;
};
const read = (record: unknown) => parseRunRecord(JSON.stringify(record), 'the record');
const KINDS = [
  ['run', false],
  ['cell', true],
] as const;

describe.each(KINDS)('a record abridged as a %s', (kind, cell) => {
  const record = abridge(whole(), cell);

  it('says so, and reads back as it was written', () => {
    expect(record.abridged).toBe(kind);
    expect(read(record)).toEqual(record);
  });

  it('has no field for what is left out, and no empty list in its place', () => {
    expect(Object.keys(record)).not.toContain('trajectories');
    for (const { sets } of record.snapshots) {
      for (const scores of Object.values(sets)) {
        expect(Object.keys(scores)).toEqual(['logProbabilities', ...(cell ? [] : ['ranks']), 'lens', 'calibrated']);
        expect(Object.keys(scores.calibrated)).toEqual(['inverseTemperatures', ...(cell ? [] : ['logLikelihoods'])]);
      }
    }
  });

  it('keeps what identifies the run, and every number to its decimals', () => {
    const { setup, setupHash, engine, environment, ledger, parametersDigest } = whole();
    expect(record).toMatchObject({ setup, setupHash, engine, environment, ledger, parametersDigest });
    const last = whole().snapshots[1];
    const kept = record.snapshots[record.snapshots.length - 1];
    expect([kept.phase, kept.prefix, kept.step]).toEqual([last.phase, last.prefix, last.step]);
    for (const set of ['heldOut', 'useful', 'random'] as const) {
      const decimals = cell ? 2 : 3;
      kept.sets[set].logProbabilities.flat().forEach((value, place) => {
        const exact = last.sets[set].logProbabilities.flat()[place];
        expect(Math.abs(value - exact)).toBeLessThanOrEqual(0.5 * 10 ** -decimals + 1e-12);
      });
      expect(kept.sets[set].lens).toEqual([{ logLikelihood: -3.1235, guessRate: 1.1235 }]);
    }
  });

  it('is not abridged any further, and a failed one not at all', () => {
    expect(abridge(record, cell)).toEqual(record);
    expect(abridge(failedRun(3), cell)).toEqual(failedRun(3));
  });

  it('in the form with empty lists is read as the same record', () => {
    expect(read(inOlderForm(record))).toEqual(record);
  });

  it('with something in the place of what is left out is refused', () => {
    const strange = [
      { ...record, trajectories: { pretrain: NOTHING, dpo: NOTHING, joint: NOTHING } },
      { ...record, abridged: 'somewhat' },
      { ...inOlderForm(record), trajectories: { pretrain: NOTHING, dpo: { ...NOTHING, total: [1] }, joint: NOTHING } },
      { ...whole(), abridged: kind },
    ];
    for (const other of strange) expect(() => read(other)).toThrow(RecordError);
    const { abridged: _, ...unmarked } = record;
    expect(() => read(unmarked)).toThrow(RecordError);
  });
});

it('a cell of a run that was abridged as a whole keeps as little as one of a whole record', () => {
  const twice = abridge(abridge(whole(), false), true);
  expect(Object.keys(twice.snapshots[0].sets.heldOut)).toEqual(
    Object.keys(abridge(whole(), true).snapshots[0].sets.heldOut),
  );
  expect(abridge(abridge(whole(), true), false)).toEqual(abridge(whole(), true));
});

it('a whole record lacks none of its passwords, ranks and calibrated scores', () => {
  expect(read(whole())).toEqual(whole());
  for (const [empty, message] of [
    [(run: WholeRun) => run.snapshots[1].sets.useful.passwords.splice(0), /useful\.passwords: are not as many/],
    [(run: WholeRun) => run.snapshots[1].sets.useful.ranks.splice(0), /useful\.ranks: are not of the letters/],
    [
      (run: WholeRun) => run.snapshots[1].sets.random.calibrated.logLikelihoods.splice(0),
      /random\.calibrated\.logLikelihoods: are not as many/,
    ],
  ] as const) {
    const run = whole();
    empty(run);
    expect(() => read(run)).toThrow(message);
  }
});
