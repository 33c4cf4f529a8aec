/** The claims of a report as Markdown. */

import { FAMILY } from '../../claims/family.ts';
import { ABRIDGED } from '../../records/abridge.ts';
import { deviationsMarkdown } from '../deviations.ts';
import { asCode, inMarkdown } from '../escape.ts';
import { claimSection } from '../markdown.ts';
import { referenceCodeNote, referenceCodeTable } from '../reference-code.ts';
import { correctedText, outcomes, type Report, reproduceCommand } from '../report.ts';
import { provenance, type StudyReport } from '../study-report.ts';
import { claimsMarkdown, markdownTable } from '../table.ts';

function studySection(report: StudyReport): string {
  const { name, study, claims, notRun } = report;
  return [
    `## ${name}`,
    `${outcomes(report, inMarkdown)} They ran on: ${provenance(report).map(inMarkdown).join('; ')}.`,
    claimsMarkdown(claims.map(({ judgement }) => judgement)),
    '### What differs from the paper',
    deviationsMarkdown(study.setup),
    ...(notRun.length === 0 ? [] : [`Not run at this preset: ${notRun.map(({ id }) => id).join(', ')}.`]),
    ...claims.map((judged) =>
      [
        claimSection(judged.claim, judged.judgement),
        `*Correction.* ${correctedText(judged)}`,
        `*Again.* \`${asCode(reproduceCommand(report, judged.claim.id, judged.judgement.seeds))}\``,
      ].join('\n\n'),
    ),
    ...(study.commands.length === 0
      ? []
      : ['Commands that train the runs of this study:', ['```sh', ...study.commands.map(asCode), '```'].join('\n')]),
  ].join('\n\n');
}

export function claimsDocument(report: Report): string {
  const { procedures, referenceCode } = report;
  return `${[
    '# Claims',
    `Made by \`${asCode(report.command)}\` from the run records in \`reports/records/\`. ${ABRIDGED}`,
    FAMILY,
    ...report.studies.map(studySection),
    ...(referenceCode === null
      ? []
      : [
          '## The paper’s own code beside ours',
          referenceCodeNote(referenceCode),
          markdownTable(referenceCodeTable(referenceCode)),
        ]),
    ...(procedures === null ? [] : ['How often the procedures err is told in [error-rates.md](error-rates.md).']),
  ].join('\n\n')}\n`;
}
