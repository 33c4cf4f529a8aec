/** The command `diff`: two studies side by side, as Markdown. */
import { readStudies } from '../records/study.ts';
import { diffDocument } from '../report/diff.ts';
import { reportOf, type StudyReport } from '../report/study-report.ts';
import { type Define, EXIT } from './exit.ts';
import { jobFolder } from './local.ts';
import { UsageError } from './options.ts';

/** @throws UsageError where the source has runs that are no one study */
async function judged(source: string): Promise<StudyReport> {
  const studies = await readStudies([jobFolder(source)]);
  if (studies.length === 1) return reportOf(studies[0]);
  throw new UsageError(
    `${source} holds ${studies.length} studies (${studies.map(({ arithmetic }) => arithmetic).join('; ')}): compare folders or archives of one`,
  );
}

async function diff(a: string, b: string): Promise<number> {
  process.stdout.write(`${diffDocument(await judged(a), await judged(b))}\n`);
  return EXIT.reproduced;
}

export const diffCommand: Define = (command, ending) => command.action(ending(diff));
