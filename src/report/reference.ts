/** The reference report: what the committed archives say, and the pages that show it. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import { RecordError } from '../records/record.ts';
import { ARCHIVES, readStudies, readStudy } from '../records/study.ts';
import { fillBlocks, pageBlocks } from './files/pages.ts';
import { readProcedures } from './procedures.ts';
import { readOwnRuns } from './reference-code.ts';
import { buildReport, type Report } from './report.ts';

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
  return buildReport(await readStudies(sources), await readProcedures(), command, undefined, readOwnRuns());
}

/** Where `npm run page` builds the page that trains, from the reference report; both are published together. */
const TRAINING_PAGE = 'train/index.html';

/** The report on the committed records. */
export const referenceReport = async (): Promise<Report> => ({
  ...(await reportOn(await committedArchives(), 'npm run pages')),
  trainingPage: TRAINING_PAGE,
});

/** The default run on the quick engine: what reports/README.md shows beside that on the engine that every machine has. */
const NATIVE = path.join(ARCHIVES, 'native', FIRST);

/** The pages that show results of the committed records, with those results in them; by path. */
export async function pagesOf(built: Report): Promise<Map<string, string>> {
  const blocks = Object.entries(pageBlocks(built, await readStudy(NATIVE)));
  const filled = blocks.map(
    async ([page, texts]) => [page, fillBlocks(page, await readFile(page, 'utf8'), texts)] as const,
  );
  return new Map(await Promise.all(filled));
}

/** Writes the results into these pages. */
export async function writePages(built: Report): Promise<void> {
  for (const [page, text] of await pagesOf(built)) await writeFileAtomic(page, text);
}
