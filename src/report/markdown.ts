/** The report of a job in Markdown: claims, their rules and findings, and every run. */
import path from 'node:path';
import type { Cell, Claim, Judgement } from '../claims/claim.ts';
import { formatEstimate, formatInterval, formatNumber } from '../claims/format.ts';
import { sharedLetters } from '../claims/measures/overlap.ts';
import type { FinishedRun, RunRecord } from '../records/record.ts';
import { finishedRuns } from '../records/view.ts';
import { asCode, inMarkdown, proseInMarkdown } from './escape.ts';
import { claimsMarkdown } from './table.ts';

export interface ReportedRun {
  record: RunRecord;
  file: string;
}

export const CELL_HEAD = ['cell', 'held-out', '95% interval', 'useful', 'random', 'adjusted p', 'runs', 'readable'];

const optional = (value: number | null): string => (value === null ? '-' : value.toFixed(3));

/** A cell of a grid, in the words of {@link CELL_HEAD}. */
export const cellRow = ({
  label,
  estimate,
  interval,
  useful,
  random,
  adjustedP,
  seeds,
  failed,
  readable,
}: Cell): string[] => [
  label,
  optional(estimate),
  interval === null ? '-' : formatInterval(interval),
  optional(useful),
  optional(random),
  formatNumber(adjustedP),
  failed === 0 ? `${seeds.length}` : `${seeds.length} (${failed} failed)`,
  readable ? 'yes' : 'no',
];

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

/** A claim with its rule, its outcome and everything else that was measured. */
export function claimSection({ statement, rule }: Claim, { id, verdict, reason, findings, cells }: Judgement): string {
  return [
    `### ${id}: ${verdict}`,
    statement,
    `*Rule.* ${rule}`,
    `*Outcome.* ${proseInMarkdown(reason)}.`,
    ...(cells === undefined ? [] : [table(CELL_HEAD, cells.map(cellRow))]),
    ...(findings.length === 0
      ? []
      : [
          table(
            ['also measured', 'value', 'what it says'],
            findings.map((finding) => [finding.label, formatEstimate(finding), finding.meaning ?? '']),
          ),
        ]),
  ].join('\n\n');
}

function runRow({ record, file }: ReportedRun): string {
  const { setup, times } = record;
  const about = [setup.name, `${setup.seed}`];
  const after = [`${times.wallSeconds.toFixed(0)}`, `[record](runs/${path.basename(file)})`];
  if (record.status === 'failed')
    return [...about, `failed: ${inMarkdown(record.error.message)}`, '', '', '', '', '', ...after].join(' | ');
  const last = record.evaluations[record.evaluations.length - 1];
  const { heldOut, useful, random } = last.sets;
  const cells = [heldOut.guessRate, random.guessRate, useful.guessRate, heldOut.logLikelihood - random.logLikelihood];
  return [...about, 'finished', `${last.step}`, ...cells.map((value) => value.toFixed(3)), ...after].join(' | ');
}

/** How much rewarded text overlaps held-out and control passwords, summed up over runs. */
export const overlapTable = (runs: readonly FinishedRun[]): string =>
  table(
    ['letters in a row', 'held-out', 'random', 'chance'],
    sharedLetters(runs).map(({ span, heldOut, control, chance }) => [
      `${span}`,
      ...[heldOut, control, chance].map((pairs) => pairs.toFixed(2)),
    ]),
  );

/** The whole report. @param command the command line that made it */
export function markdownReport(
  claims: readonly Claim[],
  judgements: readonly Judgement[],
  runs: readonly ReportedRun[],
  command: string,
): string {
  const main = finishedRuns(runs.map(({ record }) => record)).filter(({ ledger }) => ledger.heldOut.rejected > 0);
  const { engine, environment } = runs[0].record;
  return `${[
    '# Report',
    `Made by \`${asCode(command)}\` on ${inMarkdown(environment.processor)} (${environment.cores} cores, ${inMarkdown(environment.platform)}, Node ${inMarkdown(environment.node)}), engine ${engine.name} ${inMarkdown(engine.version)}, commit ${inMarkdown(environment.commit ?? 'unknown')}${environment.dirty ? ' with uncommitted changes' : ''}.`,
    '## Claims',
    claimsMarkdown(judgements),
    ...claims.map((claim, index) => claimSection(claim, judgements[index])),
    '## Runs',
    'Guess rates (1 = chance) and log-likelihood (nats a letter) at the last step.',
    [
      '| setup | seed | status | last step | held-out | random | useful | held-out minus random | seconds | |',
      '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
      ...runs.map((run) => `| ${runRow(run)} |`),
    ].join('\n'),
    ...(main.length === 0
      ? []
      : [
          '## Overlap with rewarded text',
          'For one password, the mean number of (rewarded text, position) pairs that share so many of its letters in a row; mean over runs with DPO.',
          overlapTable(main),
        ]),
  ].join('\n\n')}\n`;
}
