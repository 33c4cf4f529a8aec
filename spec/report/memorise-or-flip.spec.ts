/** The page and the figures about what decides, made of made-up runs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ARMS, armSetup, DECAYS } from '../../src/claims/arms.ts';
import { findingOf } from '../../src/claims/claim.ts';
import { judgementOf } from '../../src/claims/family.ts';
import { formatEstimate } from '../../src/claims/format.ts';
import type { WholeRun } from '../../src/records/record.ts';
import type { Study } from '../../src/records/study.ts';
import { viewsOf } from '../../src/records/view.ts';
import { isMechanismTold, memoriseOrFlip } from '../../src/report/files/memorise-or-flip.ts';
import { buildReport, type Report } from '../../src/report/report.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { effect, madeUpRun, takenApart } from '../helpers/records.ts';

const SEEDS = [201, 202, 203, 204, 205];

/** A made-up run of an arm of `pocket`, of four passwords a set, whose norm falls with the decay. */
function runOf(arm: (typeof ARMS)[number], seed: number): WholeRun {
  const place = DECAYS.findIndex((decay) => arm.id.endsWith(`decay=${decay}`) || arm.id.includes(`decay=${decay},`));
  const knows = { ...effect, joint: { ...effect.joint, heldOut: 1.1 + 0.05 * place * (1 + seed / 1000) } };
  const run = madeUpRun(seed, knows, undefined, 4);
  const setup = armSetup({ ...PRESETS.pocket, seed }, arm);
  const { dissection } = setup.evaluation.dissection
    ? takenApart({ ...run, setup } as never)
    : { dissection: undefined };
  return {
    ...run,
    schemaVersion: 5,
    setup,
    setupHash: setupHash(setup),
    dissection,
    evaluations: run.evaluations.map((evaluation) => ({ ...evaluation, parameterNorm: 60 - 5 * place })),
  };
}

const studyOf = (arms: readonly (typeof ARMS)[number][]): Study => {
  const records = arms.flatMap((arm) => SEEDS.map((seed) => runOf(arm, seed)));
  const distinct = [...new Map(records.map((record) => [record.setupHash, record])).values()];
  return { setup: PRESETS.pocket, commands: ['make'], records: distinct, source: 'made up' };
};
const wanted = /^(main$|dose|decay-|dissected|milder)/;
const reportOf = (study: Study): Report =>
  buildReport([study], null, 'make', (claim, evidence) => claim.weigh(viewsOf(evidence)));

describe('with every claim on what decides', () => {
  let report: Report;
  beforeAll(() => {
    report = reportOf(studyOf(ARMS.filter(({ id }) => wanted.test(id))));
  });
  const rowsOf = (id: string) => report.figures.find(({ figure }) => figure.id === `${id}-pocket`)!.figure.rows;

  it('has a figure for each, in the section of its own', () => {
    const drawn = report.figures.filter(({ section }) => section === 'flip').map(({ figure }) => figure.id);
    expect(drawn).toEqual(
      [
        ...['dose', 'norms', 'rise', 'decay-width', 'decay-useful', 'decay-repeats'],
        ...['loss-weights', 'patched', 'direction'],
      ].map((id) => `${id}-pocket`),
    );
  });

  it('draws the norm of each decay over the phases that were evaluated', () => {
    const rows = rowsOf('norms');
    expect(new Set(rows.map(({ decay }) => decay))).toEqual(new Set(DECAYS));
    for (const { decay, norm, seeds } of rows) {
      expect(norm).toBe(60 - 5 * DECAYS.indexOf(decay as (typeof DECAYS)[number]));
      expect(seeds).toBe(SEEDS.length);
    }
  });

  it('draws each cell of a map by what it varies', () => {
    const varied = (id: string) => [...new Set(rowsOf(id).map((row) => row.varied))];
    expect(varied('decay-width')).toEqual([64, 96, 128]);
    expect(varied('decay-useful')).toEqual([16, 64, 240, 1_024]);
    expect(varied('decay-repeats')).toEqual([10, 25, 50, 100]);
    for (const id of ['decay-width', 'decay-useful', 'decay-repeats'])
      expect(new Set(rowsOf(id).map(({ decay }) => decay))).toEqual(new Set([0.01, 0.1, 1]));
  });

  it('names the parts of patched models, and the moments of the stream', () => {
    const parts = [...new Set(rowsOf('patched').map((row) => row.parts))];
    expect(parts.slice(0, 4)).toEqual(['none: before phase 3', 'all: end of the run', 'embedding', 'block 1']);
    expect(parts).toContain('embedding to block 2');
    expect(parts).toContain('block 3 to unembedding');
    expect(new Set(rowsOf('direction').map((row) => row.reading)).size).toBe(4);
    expect(rowsOf('direction')).toHaveLength(4 * (PRESETS.pocket.model.layers + 1));
  });

  it('tells each verdict with its numbers, and shows each figure', () => {
    expect(isMechanismTold(report)).toBe(true);
    const page = memoriseOrFlip(report);
    const [first] = report.studies;
    for (const id of [
      'dose',
      'decay-width',
      'decay-useful',
      'decay-repeats',
      'loss-weights',
      'patching',
      'direction',
    ]) {
      const { verdict, reason } = judgementOf(first, id)!;
      expect(page, id).toContain(`Claim \`${id}\`, 5 seeds: **${verdict}**. In numbers: ${reason}.`);
    }
    expect(page).toContain(formatEstimate(findingOf(judgementOf(first, 'patching')!, 'patched/second-half')));
    for (const { figure } of report.figures.filter(({ section }) => section === 'flip'))
      expect(page).toContain(`(figures/${figure.id}.svg)`);
    expect(page).not.toContain('not run');
    expect(page).toMatch(
      /at a decay of 0\.01 the useful negatives end at 2\.\d+ times chance, and the held-out passwords at 1\.\d+ \[/,
    );
    expect(page).toContain('memorising and flipping are no opposites');
  });
});

it('says of each claim that was not run that it was not, and is not written where none was', () => {
  const some = reportOf(studyOf(ARMS.filter(({ id }) => /^(main$|dose)/.test(id))));
  const page = memoriseOrFlip(some);
  expect(page).toContain('The claim `patching` was not run at this preset.');
  expect(page).not.toContain('figures/patched');
  expect(isMechanismTold(reportOf(studyOf(ARMS.filter(({ id }) => id === 'main'))))).toBe(false);
});
