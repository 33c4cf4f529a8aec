/**
 * The journal of a folder: a line for every run that ended there, finished or failed, with the digest of its record. It
 * tells when a record was edited or removed.
 */
import { createHash } from 'node:crypto';
import { appendFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { asRecorded, canonicalJson } from '../setup/hash.ts';
import { parseJson } from '../untrusted.ts';
import { readTextIfThere } from './bounded.ts';
import { comparable, RecordError, type RunRecord } from './record.ts';

/** The journal's name in a folder. */
export const JOURNAL = 'journal.jsonl';

const entrySchema = z.strictObject({
  /** Name of the run's record, without its ending. */
  run: z.string(),
  status: z.enum(['finished', 'failed']),
  /** As {@link recordDigest}. */
  digest: z.string(),
});
export type JournalEntry = z.infer<typeof entrySchema>;

/** SHA-256 of what is {@link comparable} in a record. It outlives the addition of fields to setups, as a setup's hash does. */
export const recordDigest = (record: RunRecord): string =>
  createHash('sha256')
    .update(canonicalJson({ ...comparable(record), setup: asRecorded(record.setup) }))
    .digest('hex');

/**
 * What ended in a folder, by run: the first entry of each.
 * @returns null where the folder keeps no journal, as before there were any
 * @throws RecordError where a line is damaged, or two lines of one run disagree
 */
export async function readJournal(folder: string): Promise<Map<string, JournalEntry> | null> {
  const file = path.join(folder, JOURNAL);
  const text = readTextIfThere(file);
  if (text === null) return null;
  const entries = new Map<string, JournalEntry>();
  text.split('\n').forEach((line, index) => {
    if (line === '') return;
    let entry: JournalEntry;
    try {
      entry = entrySchema.parse(parseJson(line));
    } catch {
      throw new RecordError(`${file}, line ${index + 1} is damaged; put the journal back as it was`);
    }
    const before = entries.get(entry.run);
    if (before !== undefined && (before.status !== entry.status || before.digest !== entry.digest)) {
      throw new RecordError(
        `${file} says that ${entry.run} ended twice, and not alike (${before.status}, ${entry.status}): a run is never tried again`,
      );
    }
    entries.set(entry.run, before ?? entry);
  });
  return entries;
}

/** Adds a run that ended. A line that is appended to a file is written whole, also when several processes append. */
export const writeJournal = (folder: string, entry: JournalEntry): Promise<void> =>
  appendFile(path.join(folder, JOURNAL), `${JSON.stringify(entry)}\n`);
