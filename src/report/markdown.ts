/** The report of a job in Markdown: claims, their rules and findings, and every run. */
import path from 'node:path';
import type { Claim, Judgement } from '../claims/claim.ts';
import { sharedLetters } from '../claims/measures/overlap.ts';
import type { FinishedRun, RunRecord } from '../records/record.ts';
import type { Taken } from '../records/study.ts';
import { finishedRuns } from '../records/view.ts';
import { asCode, inMarkdown, proseInMarkdown } from './escape.ts';
import { cellsTable, claimsMarkdown, findingsTable, markdownTable } from './table.ts';

interface ReportedRun {
  record: RunRecord;
  file: string;
}

/** A claim with its rule, its outcome and everything else that was measured. */
export function claimSection({ statement, rule }: Claim, { id, verdict, reason, findings, cells }: Judgement): string {
  return [
    `### ${id}: ${verdict}`,
    statement,
    `*Rule.* ${rule}`,
    `*Outcome.* ${proseInMarkdown(reason)}.`,
    ...(cells === undefined ? [] : [markdownTable(cellsTable(cells))]),
    ...(findings.length === 0 ? [] : [markdownTable(findingsTable(findings))]),
  ].join('\n\n');
}

function runRow({ record, file }: ReportedRun): string[] {
  const { setup, times } = record;
  const about = [setup.name, `${setup.seed}`];
  const after = [`${times.wallSeconds.toFixed(0)}`, `[record](runs/${path.basename(file)})`];
  if (record.status === 'failed')
    return [...about, `failed: ${inMarkdown(record.error.message)}`, '', '', '', '', '', ...after];
  const last = record.evaluations[record.evaluations.length - 1];
  const { heldOut, useful, random } = last.sets;
  const cells = [heldOut.guessRate, random.guessRate, useful.guessRate, heldOut.logLikelihood - random.logLikelihood];
  return [...about, 'finished', `${last.step}`, ...cells.map((value) => value.toFixed(3)), ...after];
}

/** How much rewarded text overlaps held-out passwords and the control, as means over runs. */
export const overlapTable = (runs: readonly FinishedRun[]): string =>
  markdownTable({
    head: ['letters in a row', 'held-out', 'control', 'chance'],
    rows: sharedLetters(runs).map(({ span, heldOut, control, chance }) => [
      `${span}`,
      ...[heldOut, control, chance].map((pairs) => pairs.toFixed(2)),
    ]),
  });

/** The whole report. @param command the command line that made it @param taken runs that were not trained for it */
export function markdownReport(
  claims: readonly Claim[],
  judgements: readonly Judgement[],
  runs: readonly ReportedRun[],
  command: string,
  taken: readonly Taken[] = [],
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
    'Guess rates (1 = chance) and log-likelihood (nats per letter) at the last step.',
    markdownTable({
      head: [
        'setup',
        'seed',
        'status',
        'last step',
        'held-out',
        'control',
        'useful',
        'held-out minus control',
        'seconds',
        'record',
      ],
      rows: runs.map(runRow),
    }),
    ...(taken.length === 0
      ? []
      : [
          '## Taken from other jobs',
          'These runs were trained before, for another job, and not again.',
          taken.map(({ run, from }) => `- \`${asCode(run)}\`, from \`${asCode(from)}\``).join('\n'),
        ]),
    ...(main.length === 0
      ? []
      : [
          '## Overlap with rewarded text',
          'The mean number of (rewarded text, position) pairs that share this many letters in a row with one password; mean over runs with DPO.',
          overlapTable(main),
        ]),
  ].join('\n\n')}\n`;
}
