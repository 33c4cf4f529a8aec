/** The command `archive`: keeps the runs of a folder in one file. */
import type { Command } from 'commander';
import { archiveStudy, readStudy } from '../records/study.ts';
import { type Ending, EXIT } from './exit.ts';

async function archive(folder: string, file: string): Promise<number> {
  const study = await readStudy(folder);
  const size = await archiveStudy(study, file);
  process.stdout.write(
    `${study.records.length} records of ${study.setup.name} in ${file}, ${Math.ceil(size / 1024)} KiB\n`,
  );
  return EXIT.reproduced;
}

export const addArchive = (program: Command, ending: Ending): Command =>
  program
    .command('archive <folder> <file>')
    .description('Keep the runs of a folder in one file (.jsonl.br) that is small enough to commit.')
    .action(ending(archive));
