/** The report in short, for the summary of a GitHub Actions job. */
import { summary } from '@actions/core';
import { judgementOf } from '../../claims/family.ts';
import { formatNumber } from '../../claims/format.ts';
import { StorageError } from '../../records/storing.ts';
import { inMarkdown } from '../escape.ts';
import { outcomes, type Report } from '../report.ts';
import type { StudyReport } from '../study-report.ts';
import { claimsMarkdown } from '../table.ts';

/** Claims whose estimate is a guess rate, with the words of the chart. */
const GUESS_RATES = [
  ['avoidance', 'held-out after phase 2'],
  ['main', 'held-out after phase 3'],
  ['control', 'control'],
  ['no-dpo', 'held-out without DPO'],
] as const;

/** Guess rates of a study as bars beside chance, in the notation that GitHub draws (https://mermaid.js.org/syntax/xyChart.html). */
function chart(study: StudyReport): string | null {
  const bars = GUESS_RATES.flatMap(([id, label]) => {
    const estimate = judgementOf(study, id)?.estimate;
    return estimate == null ? [] : [{ label, estimate }];
  });
  if (bars.length === 0) return null;
  return [
    '```mermaid',
    'xychart-beta',
    '  title "Guess rate; the line is chance"',
    `  x-axis [${bars.map(({ label }) => JSON.stringify(label)).join(', ')}]`,
    '  y-axis "times chance"',
    `  bar [${bars.map(({ estimate }) => formatNumber(estimate)).join(', ')}]`,
    `  line [${bars.map(() => 1).join(', ')}]`,
    '```',
  ].join('\n');
}

/** Of each study: the verdicts, guess rates as a chart, and what became of its runs. */
export const jobSummary = ({ studies }: Report): string =>
  `${studies
    .flatMap((study) => [
      `## ${study.name}`,
      claimsMarkdown(study.claims.map(({ judgement }) => judgement)),
      ...[chart(study)].filter((drawn) => drawn !== null),
      outcomes(study, inMarkdown),
    ])
    .join('\n\n')}\n`;

/**
 * Adds the summary to that of the job that this is a step of.
 * @throws StorageError where the file that GitHub names cannot be written
 */
export async function writeJobSummary(report: Report): Promise<void> {
  try {
    await summary.addRaw(jobSummary(report)).write();
  } catch (error) {
    throw new StorageError(`the summary of the job (GITHUB_STEP_SUMMARY) was not written: ${(error as Error).message}`);
  }
}
