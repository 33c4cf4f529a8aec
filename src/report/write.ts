/** Writes a report into a folder, every file of it. */
import { writeOwn } from '../records/own-files.ts';
import { csvOf } from './escape.ts';
import { type Figure, PAPER_THEME, vegaLite } from './figures/figure.ts';
import { pngOf, svgOf } from './figures/render.ts';
import { badgeJson } from './files/badge.ts';
import { claimsDocument } from './files/claims.ts';
import { type ClaimsOf, claimsJson } from './files/claims-json.ts';
import { explained, isToldOf } from './files/explained.ts';
import { inspectLog } from './files/inspect-log.ts';
import { junitXml } from './files/junit.ts';
import { isMechanismTold, memoriseOrFlip } from './files/memorise-or-flip.ts';
import { passwordsParquet, runsParquet } from './files/parquet.ts';
import { isSummarised, reproducibility } from './files/reproducibility.ts';
import { runsCsv } from './files/runs-csv.ts';
import { ERROR_RATES, errorRatesPage, pageOf } from './page/page.tsx';
import { proceduresDocument } from './procedures.ts';
import type { Report } from './report.ts';
import type { StudyReport } from './study-report.ts';

/** A figure's files by their endings. */
async function filesOf(figure: Figure): Promise<Record<string, string | Buffer>> {
  const svg = await svgOf(figure);
  return {
    csv: csvOf(figure.rows),
    'vl.json': `${JSON.stringify({ ...vegaLite({ ...figure, rows: [] }, PAPER_THEME), data: { name: 'rows', url: `${figure.id}.csv` } }, null, 2)}\n`,
    svg: `${svg}\n`,
    png: pngOf(svg),
  };
}

/** A report judges every run of a study. */
const whole = (report: StudyReport): ClaimsOf => ({ ...report, inPart: false, prediction: null });

/** The files of a report by their paths: the same for the same records, byte by byte. */
export async function reportFiles(report: Report): Promise<Map<string, string | Buffer>> {
  const errorRates = await errorRatesPage(report);
  const evaluationLog = inspectLog(report);
  const read = new Map<string, string>([
    ...(isToldOf(report) ? [['explained.md', explained(report)] as const] : []),
    ...(isMechanismTold(report) ? [['memorise-or-flip.md', memoriseOrFlip(report)] as const] : []),
    ['claims.md', claimsDocument(report)],
    ['claims.json', claimsJson(report.command, report.studies.map(whole), report.referenceCode)],
    ['runs.csv', runsCsv(report)],
    ...(errorRates === null ? [] : [[ERROR_RATES, errorRates] as const]),
  ]);
  const files = new Map<string, string | Buffer>([
    ...read,
    ...(report.procedures === null ? [] : [['error-rates.md', proceduresDocument(report.procedures)] as const]),
    ['runs.parquet', runsParquet(report)],
    ['passwords.parquet', passwordsParquet(report)],
    ...(evaluationLog === null ? [] : [[evaluationLog.name, evaluationLog.content] as const]),
    ['claims.xml', junitXml(report)],
    ['badge.json', badgeJson(report)],
    ...(isSummarised(report) ? [['reproducibility.md', reproducibility(report)] as const] : []),
    ['index.html', await pageOf(report, read)],
  ]);
  for (const { figure } of report.figures) {
    for (const [ending, content] of Object.entries(await filesOf(figure)))
      files.set(`figures/${figure.id}.${ending}`, content);
  }
  return files;
}

/**
 * Writes the report, and removes figures of ours that it no longer has.
 * @returns the files, relative to the folder
 * @throws StorageError where a file in the way is not ours; nothing is written then
 */
export async function writeReport(report: Report, folder: string): Promise<string[]> {
  const files = await reportFiles(report);
  await writeOwn(folder, files, ['figures', 'inspect']);
  return [...files.keys()];
}
