/** What commands have in common: how they are defined, and how they end. */
import type { Command } from 'commander';

export const EXIT = { reproduced: 0, notReproduced: 1, notCarriedOut: 2, interrupted: 130 } as const;

/** Makes of what a command does, which returns its exit code, what commander calls. */
export type Ending = <Given extends unknown[]>(
  does: (...given: Given) => Promise<number>,
) => (...given: Given) => Promise<void>;

/** Gives a command its options, and what it does. */
export type Define = (command: Command, ending: Ending) => Command;

/**
 * Does the work of a command. If the command is interrupted meanwhile, it says what becomes of the work and ends.
 * @param kept what is kept, and how to go on
 */
export async function interruptible<Result>(kept: string, work: () => Promise<Result>): Promise<Result> {
  const interrupted = () => {
    process.stderr.write(`\nInterrupted. ${kept}\n`);
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await work();
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}
