/** The command `archive`: keeps the runs of a folder in one file. */
import type { Command } from 'commander';
import { archiveStudy, readStudy } from '../records/study.ts';
import { EXIT, type Finish } from './exit.ts';

export const addArchive = (program: Command, finish: Finish): Command =>
  program
    .command('archive <folder> <file>')
    .description('Keep the runs of a folder in one file (.jsonl.br) that is small enough to commit.')
    .action(async (folder: string, file: string) => {
      const study = await readStudy(folder);
      const size = await archiveStudy(study, file);
      process.stdout.write(
        `${study.records.length} records of ${study.setup.name} in ${file}, ${Math.ceil(size / 1024)} KiB\n`,
      );
      finish(EXIT.reproduced);
    });
