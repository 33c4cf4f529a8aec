/** The command `complete`: shells ask it what may come next on a command line. */
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { CLAIMS } from '../claims/index.ts';
import { ENGINES } from '../engine/names.ts';
import { PRESETS } from '../setup/presets.ts';
import { LISTS } from './list.ts';
import { localJobs } from './local.ts';

/** What the value of an option or an argument may be, by its name. */
const VALUES: Readonly<Record<string, () => readonly string[]>> = {
  preset: () => Object.keys(PRESETS),
  claims: () => ['all', ...CLAIMS.map(({ id }) => id)],
  engine: () => ENGINES,
  what: () => LISTS,
  folder: localJobs,
};

/** Adds the command to a program whose other commands are all there. */
export function addCompletion(program: Command): void {
  const completion = tab(program);
  for (const command of [completion, ...completion.commands.values()])
    for (const [name, of] of [...command.options, ...command.arguments]) {
      const values = VALUES[name];
      if (values !== undefined) of.handler = (complete) => values().forEach((value) => complete(value, ''));
    }
}
