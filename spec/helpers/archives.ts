/** Archives of studies, changed line by line. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { WholeRun } from '../../src/records/record.ts';
import { temporaryFolder } from './folder.ts';

/** The lines of an archive. */
export const linesOf = (archive: string): string[] =>
  brotliDecompressSync(readFileSync(archive)).toString().split('\n');
const FAST = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

/** The first runs of an archive, the last of them changed; `careful` puts the digest right, as whoever changes lines could. */
export function changed(
  lines: readonly string[],
  change: (run: WholeRun) => void,
  { careful = true, count = 1 } = {},
): string {
  const file = path.join(temporaryFolder(), 'changed.jsonl.br');
  const [head, ...kept] = lines.slice(0, 1 + count);
  const runs = kept.map((line) => JSON.parse(line) as WholeRun);
  change(runs[count - 1]);
  const { setup, commands, ...rest } = JSON.parse(head);
  const text = [
    JSON.stringify(careful ? { setup, commands } : { setup, commands, ...rest, runs: runs.length }),
    ...runs.map((run) => JSON.stringify(run)),
  ];
  writeFileSync(file, brotliCompressSync(`${text.join('\n')}\n`, FAST));
  return file;
}

/** Multiplies every number. */
export const scale = (rows: number[][], by: number) => {
  for (const row of rows)
    row.forEach((value, place) => {
      row[place] = value * by;
    });
};
