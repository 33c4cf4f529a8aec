/** `report` on the command line: judges the claims on recorded runs and writes everything that shows them. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { readProcedures } from '../calibration/file.ts';
import { assertOwn, assertWritable } from '../records/own-files.ts';
import { RecordError } from '../records/record.ts';
import { ARCHIVES, readStudies, readStudy } from '../records/study.ts';
import { annotate } from '../report/files/annotations.ts';
import { fillBlocks, pageBlocks } from '../report/files/pages.ts';
import { buildReport, type Report } from '../report/report.ts';
import { claimsTable } from '../report/table.ts';
import { writeReport } from '../report/write.ts';

export interface ReportOptions {
  /** Archives, or folders that `reproduce` has filled; the committed archives unless told. */
  readonly from: readonly string[];
  readonly out?: string;
}

/** The study that single figures are drawn of comes first. */
const FIRST = 'pocket.jsonl.br';

/** The archives of the reference report. @throws RecordError when there are none. */
export async function committedArchives(): Promise<string[]> {
  const names = await readdir(ARCHIVES).catch(() => [] as string[]);
  const archives = names.filter((name) => name.endsWith('.jsonl.br')).sort();
  if (archives.length === 0)
    throw new RecordError(`there is no archive in ${ARCHIVES}; say with --from what to report on`);
  return archives.sort((a, b) => Number(b === FIRST) - Number(a === FIRST)).map((name) => path.join(ARCHIVES, name));
}

/** Reads the studies and judges them. @throws RecordError when a source has no run record. */
export async function reportOn(sources: readonly string[], command: string): Promise<Report> {
  return buildReport(await readStudies(sources), await readProcedures(), command);
}

/** The default run on the engine that every machine has: what reports/README.md shows of `npm run reproduce`. */
const WASM = path.join(ARCHIVES, 'wasm', FIRST);

/** The pages that show results of the committed records, with those results in them; by path. */
export async function pagesOf(built: Report): Promise<Map<string, string>> {
  const blocks = Object.entries(pageBlocks(built, await readStudy(WASM)));
  const filled = blocks.map(
    async ([page, texts]) => [page, fillBlocks(page, await readFile(page, 'utf8'), texts)] as const,
  );
  return new Map(await Promise.all(filled));
}

async function writePages(built: Report): Promise<void> {
  for (const [page, text] of await pagesOf(built)) await writeFileAtomic(page, text);
}

/** Where a report goes unless told: into the folder that it is of, or, of an archive, into one of its name among local reports. */
function folderFor([first]: readonly string[]): string {
  if (first === undefined) return 'reports';
  return first.endsWith('.br')
    ? path.join('reports', 'local', path.basename(first).replace(/(\.jsonl)?\.br$/, ''))
    : first;
}

export async function report({ from, out }: ReportOptions, command: string): Promise<void> {
  const folder = out ?? folderFor(from);
  await assertOwn(folder, ['claims.md', 'claims.json', 'claims.xml', 'runs.csv', 'index.html']);
  await assertWritable(folder);
  const built = await reportOn(from.length === 0 ? await committedArchives() : from, command);
  const files = await writeReport(built, folder);
  if (from.length === 0 && out === undefined) await writePages(built);
  if (process.env.GITHUB_ACTIONS === 'true') annotate(built);
  for (const { name, claims } of built.studies)
    process.stdout.write(`${name}\n${claimsTable(claims.map(({ judgement }) => judgement))}\n`);
  process.stdout.write(`${files.length} files in ${folder}; open ${path.join(folder, 'index.html')}\n`);
}
