/** The claims of a report as Markdown and as JSON. */

import { FAMILY } from '../../claims/family.ts';
import { formatNumber } from '../../claims/format.ts';
import { ABRIDGED } from '../../records/abridge.ts';
import { nameOf } from '../../records/record.ts';
import { asCode, inMarkdown } from '../escape.ts';
import { claimSection } from '../markdown.ts';
import { type ProcedureReport, procedureCells } from '../procedures.ts';
import { failedRuns, provenance, type Report, reproduceCommand } from '../report.ts';
import type { StudyReport } from '../study-report.ts';
import { claimsMarkdown } from '../table.ts';

function failures(report: StudyReport): string {
  const failed = failedRuns(report);
  const total = report.study.records.length;
  const { repeated } = report;
  const twice = repeated === 0 ? '' : ` ${repeated} records were given twice, and count once.`;
  return failed.length === 0
    ? `All ${total} runs finished.${twice}`
    : `${failed.length} of ${total} runs failed: ${failed.map((record) => `${nameOf(record)} (${inMarkdown(record.error.message)})`).join('; ')}.${twice}`;
}

function studySection(report: StudyReport): string {
  const { name, study, claims, notRun } = report;
  return [
    `## ${name}`,
    `${failures(report)} They ran on: ${provenance(report).map(inMarkdown).join('; ')}.`,
    claimsMarkdown(claims.map(({ judgement }) => judgement)),
    ...(notRun.length === 0 ? [] : [`Not run at this preset: ${notRun.map(({ id }) => id).join(', ')}.`]),
    ...claims.map(({ claim, judgement, adjustedP }) =>
      [
        claimSection(claim, judgement),
        ...(adjustedP === null
          ? []
          : [
              `*Over all claims of the study.* p ${formatNumber(judgement.p as number)}, after Holm’s correction ${formatNumber(adjustedP)}.`,
            ]),
        `*Again.* \`${asCode(reproduceCommand(report, claim.id, judgement.seeds))}\``,
      ].join('\n\n'),
    ),
    ...(study.commands.length === 0
      ? []
      : ['Commands that train the runs of this study:', ['```sh', ...study.commands.map(asCode), '```'].join('\n')]),
  ].join('\n\n');
}

function proceduresSection({ command, rows }: ProcedureReport): string {
  return [
    '## How often the procedures err',
    `Every interval, test and rule on simulated experiments whose truth is known; made by \`${command}\`. Nominal is what a procedure promises, where it promises anything.`,
    [
      '| procedure | scenario | runs | nominal | rate | standard error | experiments |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      ...rows.map((row) => `| ${procedureCells(row).join(' | ')} |`),
    ].join('\n'),
  ].join('\n\n');
}

export function claimsDocument(report: Report): string {
  return `${[
    '# Claims',
    `Made by \`${asCode(report.command)}\` from the run records in \`reports/records/\`. ${ABRIDGED}`,
    FAMILY,
    ...report.studies.map(studySection),
    ...(report.procedures === null ? [] : [proceduresSection(report.procedures)]),
  ].join('\n\n')}\n`;
}

export function claimsJson(report: Report): string {
  const document = {
    command: report.command,
    family: FAMILY,
    studies: report.studies.map((study) => ({
      name: study.name,
      commands: study.study.commands,
      environments: provenance(study),
      runs: study.study.records.length,
      failed: failedRuns(study).map((record) => ({ run: nameOf(record), error: record.error.message })),
      claims: study.claims.map(({ claim: { statement, rule }, judgement, adjustedP }) => ({
        statement,
        rule,
        ...judgement,
        adjustedP,
      })),
      notRun: study.notRun.map(({ id }) => id),
    })),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
