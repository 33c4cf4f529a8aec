/** A report: studies with their claims judged, and the figures drawn of them. */

import type { Judge, JudgedClaim } from '../claims/family.ts';
import { formatNumber } from '../claims/format.ts';
import { nameOf } from '../records/record.ts';
import type { PooledStudy, Study } from '../records/study.ts';
import { setupHash } from '../setup/hash.ts';
import { claimSeeds, PRESETS } from '../setup/presets.ts';
import type { Setup } from '../setup/schema.ts';
import type { Figure } from './figures/figure.ts';
import { forest } from './figures/forest.ts';
import { grid } from './figures/grids.ts';
import { ranks } from './figures/leakage.ts';
import { flip, layers, positions, sign } from './figures/mechanism.ts';
import { decayMap, directions, dose, lossWeights, norms, patched, rise } from './figures/memorise-or-flip.ts';
import { ablation, curves, meanCurves, shares, sizes } from './figures/paper.ts';
import { checkpoints, seeds } from './figures/seeds.ts';
import { type LeakageTable, leakage } from './leakage.ts';
import type { ProcedureReport } from './procedures.ts';
import { type OwnRuns, type ReferenceCode, referenceCode } from './reference-code.ts';
import { failedRuns, reportOf, type StudyReport } from './study-report.ts';

/** Parts of the page, in its order, with what they are about. */
export const SECTIONS = {
  sure: 'How sure are we',
  paper: 'The paper’s figures on our data',
  mechanism: 'How the effect arises',
  flip: 'Memorise or flip',
  leakage: 'What leaks, by the measures of neighbouring work',
  grids: 'The tuning grids',
} as const;
export type Section = keyof typeof SECTIONS;

export interface Report {
  /** The command that makes this report again. */
  readonly command: string;
  readonly studies: readonly StudyReport[];
  readonly figures: readonly { readonly section: Section | 'claims'; readonly figure: Figure }[];
  /** Measured on the first study. */
  readonly leakage: LeakageTable | null;
  /** Simulated error rates of the procedures, where they have been computed. */
  readonly procedures: ProcedureReport | null;
  /** Runs of the paper's own code beside ours, where both are there. */
  readonly referenceCode: ReferenceCode | null;
  /** The page that trains, from where the report is, where one is published beside it. */
  readonly trainingPage?: string;
}

/** The fragment with which the page that trains opens a claim; null where a tab cannot train the study's setup. */
export function trainingFragment({ study }: StudyReport, claim: string): string | null {
  const { name, model } = study.setup;
  const preset = (PRESETS as Record<string, Setup>)[name];
  if (model.pretrained !== null || preset === undefined || setupHash(preset) !== setupHash(study.setup)) return null;
  return `#preset=${name}&claims=${claim}`;
}

/** @param studies the first is the one that figures of single arms are drawn of */
export function buildReport(
  studies: readonly (Study & Partial<PooledStudy>)[],
  procedures: ProcedureReport | null,
  command: string,
  judge?: Judge,
  own: OwnRuns | null = null,
): Report {
  const reports = studies.map((study) => reportOf(study, judge));
  const [first] = reports;
  const ofEach = (draw: (report: StudyReport) => Figure | null, section: Section = 'paper') =>
    reports.map((report) => [section, draw(report)] as const);
  const drawn: readonly (readonly [Section | 'claims', Figure | null])[] = [
    ['claims', forest(reports)],
    ['sure', seeds(first)],
    ['sure', checkpoints(first)],
    ...ofEach(shares),
    ...ofEach(sizes),
    ...ofEach(ablation),
    ['paper', curves(first)],
    ['paper', meanCurves(first)],
    ['mechanism', flip(first)],
    ['mechanism', positions(first)],
    ['mechanism', sign(first)],
    ['mechanism', layers(first)],
    ...ofEach(dose, 'flip'),
    ...ofEach(norms, 'flip'),
    ...ofEach(rise, 'flip'),
    ...(['width', 'useful', 'repeats'] as const).flatMap((map) => ofEach((report) => decayMap(report, map), 'flip')),
    ...ofEach(lossWeights, 'flip'),
    ...ofEach(patched, 'flip'),
    ...ofEach(directions, 'flip'),
    ['leakage', ranks(first)],
    ...ofEach((report) => grid(report, 'lrbeta', 'Learning rate, beta, prefixes, freezing'), 'grids'),
    ...ofEach((report) => grid(report, 'weights', 'Loss weights, learning rate, phase 2 or not'), 'grids'),
  ];
  return {
    command,
    studies: reports,
    figures: drawn.flatMap(([section, figure]) => (figure === null ? [] : [{ section, figure }])),
    leakage: leakage(first),
    procedures,
    referenceCode: referenceCode(reports, own),
  };
}

/** How many runs finished, and which failed. @param quoted writes an error message so that the document can hold it */
export function outcomes(report: StudyReport, quoted = (message: string): string => message): string {
  const { length: total } = report.study.records;
  const failed = failedRuns(report).map((record) => `${nameOf(record)} (${quoted(record.error.message)})`);
  const twice = report.repeated === 0 ? '' : ` ${report.repeated} records were given twice, and count once.`;
  const taken = report.study.taken ?? [];
  const reused =
    taken.length === 0
      ? ''
      : ` ${taken.length} of them were trained for other jobs: ${taken.map(({ run, from }) => quoted(`${run} (${from})`)).join('; ')}.`;
  return failed.length === 0
    ? `All ${total} runs finished.${twice}${reused}`
    : `${failed.length} of ${total} runs failed: ${failed.join('; ')}.${twice}${reused}`;
}

/** The p of a claim, alone and among all claims of its study. */
export const correctedText = ({ judgement: { p }, adjustedP }: JudgedClaim): string =>
  p === null || adjustedP === null
    ? 'A claim that something is absent has no p.'
    : `Over all claims of the study: p ${formatNumber(p)}, after Holm’s correction ${formatNumber(adjustedP)}.`;

/** The command that trains and judges one claim of a study afresh. */
export function reproduceCommand({ study }: StudyReport, claim: string, seeds: readonly number[]): string {
  const { name } = study.setup;
  const preset = (PRESETS as Record<string, Setup>)[name];
  if (preset === undefined || setupHash(preset) !== setupHash(study.setup)) return study.commands.join(' && ');
  const counted = seeds.length > 0 && claimSeeds(seeds.length).every((seed, index) => seed === seeds[index]);
  return `npm run reproduce -- --preset ${name} --claims ${claim} ${counted ? `--seeds ${seeds.length}` : `--seed-list ${seeds.join(',')}`}`;
}
