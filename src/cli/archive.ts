/** The command `archive`: keeps the runs of a folder in one file. */
import { archiveStudy, readStudy } from '../records/study.ts';
import { type Define, EXIT } from './exit.ts';

async function archive(folder: string, file: string): Promise<number> {
  const study = await readStudy(folder);
  const size = await archiveStudy(study, file);
  process.stdout.write(
    `${study.records.length} records of ${study.setup.name} in ${file}, ${Math.ceil(size / 1024)} KiB\n`,
  );
  return EXIT.reproduced;
}

export const archiveCommand: Define = (command, ending) => command.action(ending(archive));
