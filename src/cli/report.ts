/** The command `report`: judges the claims on recorded runs, and writes everything that shows them. */
import path from 'node:path';
import { assertOwn, assertWritable } from '../records/own-files.ts';
import { isArchive } from '../records/study.ts';
import type { Report } from '../report/report.ts';
import { claimsTable } from '../report/table.ts';
import { painted } from './colours.ts';
import { drawing } from './drawing.ts';
import { type Define, EXIT } from './exit.ts';
import { jobFolder } from './local.ts';
import { commandLine, LOCAL_REPORTS, repeated } from './options.ts';

interface Flags {
  /** Archives, or folders that `reproduce` has filled; the newest of those, when empty. */
  from: string[];
  out?: string;
  /** Whether the exit code is that of the verdicts. */
  gate: boolean;
}

/** Files that a report always has, and that must not be someone else's. */
const OURS = ['claims.md', 'claims.json', 'claims.xml', 'runs.csv', 'index.html'];

/** Where a report goes unless told: into the folder that it is of; for an archive, into one of its name among local reports. */
const folderFor = (first: string): string =>
  isArchive(first) ? path.join(LOCAL_REPORTS, path.basename(first).replace(/(\.jsonl)?(\.br)?$/, '')) : first;

/** Prints the verdicts, and what a CI shows of them. */
async function show(built: Report, files: readonly string[], folder: string): Promise<void> {
  if (process.env.GITHUB_ACTIONS === 'true') {
    const { annotate } = await import('../report/files/annotations.ts');
    annotate(built);
  }
  if (process.env.GITHUB_STEP_SUMMARY) {
    const { writeJobSummary } = await import('../report/files/summary.ts');
    await writeJobSummary(built);
  }
  for (const { name, claims } of built.studies) {
    const judgements = claims.map(({ judgement }) => judgement);
    process.stdout.write(`${name}\n${claimsTable(judgements, painted())}\n`);
  }
  process.stdout.write(`${files.length} files in ${folder}; open ${path.join(folder, 'index.html')}\n`);
}

/** Exits as `reproduce` does. */
function verdictCode({ studies }: Report): number {
  const verdicts = studies.flatMap(({ claims }) => claims.map(({ judgement }) => judgement.verdict));
  if (verdicts.length === 0 || verdicts.includes('invalid')) return EXIT.notCarriedOut;
  return verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.notReproduced;
}

async function report({ from, out, gate }: Flags): Promise<number> {
  const [{ reportOn }, { writeReport }] = await drawing(() =>
    Promise.all([import('../report/reference.ts'), import('../report/write.ts')]),
  );
  const sources = from.length === 0 ? [jobFolder('latest')] : from;
  const folder = out ?? folderFor(sources[0]);
  await assertOwn(folder, OURS);
  await assertWritable(folder);
  const built = await reportOn(sources, commandLine('report'));
  await show(built, await writeReport(built, folder), folder);
  return gate ? verdictCode(built) : EXIT.reproduced;
}

export const reportCommand: Define = (command, ending) =>
  command
    .option(
      '--from <study>',
      `an archive, or a folder that reproduce has filled; repeatable (default: the newest in ${LOCAL_REPORTS})`,
      repeated,
      [],
    )
    .option('--out <folder>', 'where the report goes (default: the first --from)')
    .option('--gate', 'exit as reproduce does: 1 where a claim of the report is not reproduced', false)
    .action(ending(report));

/** The reference report: the repository's own archives, folder and pages. */
async function pages(): Promise<number> {
  const [{ referenceReport, writePages }, { writeReport }] = await drawing(() =>
    Promise.all([import('../report/reference.ts'), import('../report/write.ts')]),
  );
  const folder = 'reports';
  await assertOwn(folder, OURS);
  await assertWritable(folder);
  const built = await referenceReport();
  const files = await writeReport(built, folder);
  await writePages(built);
  await show(built, files, folder);
  return EXIT.reproduced;
}

export const pagesCommand: Define = (command, ending) => command.action(ending(pages));
