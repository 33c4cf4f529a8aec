/** The command `report`: judges the claims on recorded runs, and writes everything that shows them. */
import path from 'node:path';
import { assertOwn, assertWritable } from '../records/own-files.ts';
import { ARCHIVES } from '../records/study.ts';
import { claimsTable } from '../report/table.ts';
import { drawing } from './drawing.ts';
import { type Define, EXIT } from './exit.ts';
import { commandLine, LOCAL_REPORTS, repeated } from './options.ts';

interface Flags {
  /** Archives, or folders that `reproduce` has filled; the committed archives, when empty. */
  from: string[];
  out?: string;
}

/** Where a report goes unless told: into the folder that it is of; for an archive, into one of its name among local reports. */
function folderFor([first]: readonly string[]): string {
  if (first === undefined) return 'reports';
  return first.endsWith('.br') ? path.join(LOCAL_REPORTS, path.basename(first).replace(/(\.jsonl)?\.br$/, '')) : first;
}

async function report({ from, out }: Flags): Promise<number> {
  const [{ committedArchives, reportOn, writePages }, { writeReport }] = await drawing(() =>
    Promise.all([import('../report/reference.ts'), import('../report/write.ts')]),
  );
  const folder = out ?? folderFor(from);
  await assertOwn(folder, ['claims.md', 'claims.json', 'claims.xml', 'runs.csv', 'index.html']);
  await assertWritable(folder);
  const built = await reportOn(from.length === 0 ? await committedArchives() : from, commandLine('report'));
  const files = await writeReport(built, folder);
  if (from.length === 0 && out === undefined) await writePages(built);
  if (process.env.GITHUB_ACTIONS === 'true') {
    const { annotate } = await import('../report/files/annotations.ts');
    annotate(built);
  }
  if (process.env.GITHUB_STEP_SUMMARY) {
    const { writeJobSummary } = await import('../report/files/summary.ts');
    await writeJobSummary(built);
  }
  for (const { name, claims } of built.studies)
    process.stdout.write(`${name}\n${claimsTable(claims.map(({ judgement }) => judgement))}\n`);
  process.stdout.write(`${files.length} files in ${folder}; open ${path.join(folder, 'index.html')}\n`);
  return EXIT.reproduced;
}

export const reportCommand: Define = (command, ending) =>
  command
    .option(
      '--from <study>',
      `an archive, or a folder that reproduce has filled; repeatable (default: the archives in ${ARCHIVES})`,
      repeated,
      [],
    )
    .option('--out <folder>', 'where the report goes (default: reports, or the first --from)')
    .action(ending(report));
