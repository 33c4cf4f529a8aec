/** Saves runs as one file that the command line reads: the lines of an archive, whole and not packed. */
import type { RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import { sha256Hex } from '../sha256.ts';

/**
 * The file's text.
 * @param setup that arms change
 * @param command what a reader does to have the runs again
 */
export function studyText(setup: Setup, command: string, records: readonly RunRecord[]): string {
  const lines = records.map((record) => JSON.stringify(record));
  const digest = sha256Hex(lines.join('\n'));
  const head = { setup: { ...setup, seed: 0 }, commands: [command], runs: lines.length, digest };
  return `${[JSON.stringify(head), ...lines].join('\n')}\n`;
}

/** Gives the reader the file. */
export function save(name: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/jsonl' }));
  link.download = name;
  link.click();
}
