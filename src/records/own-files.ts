/**
 * A folder may hold files of others. A list in it says which files a command wrote, and with which content: a file that is
 * not on the list, or was changed since, is never written over and never removed.
 */
import { createHash } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { lstat, mkdir, mkdtemp, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import * as z from 'zod';
import { readTextFile } from '../files.ts';
import { parseJson, UntrustedError } from '../untrusted.ts';
import { isMissing, readBounded } from './bounded.ts';
import { StorageError, storing } from './storing.ts';

/** The list's name in a folder. */
export const OWN_FILES = '.negative-knowledge.json';

const digest = z.string().regex(/^[0-9a-f]{64}$/);
/** A path that stays in the folder: a list that someone else wrote may name anything. */
const inside = z
  .string()
  .refine((name) => !/[\\\0]/.test(name) && name.split('/').every((part) => !['', '.', '..'].includes(part)));
/** The digests that a file of ours may have, by its path in the folder: several where it was being replaced. */
const listSchema = z.record(inside, z.array(digest).min(1));
type List = z.infer<typeof listSchema>;

const digestOf = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

const MOST_LIST = 16 * 2 ** 20;

/** @throws StorageError where the list is damaged, or is a link: it would be written over where it leads */
function readList(folder: string): List {
  const file = path.join(folder, OWN_FILES);
  try {
    if (lstatSync(file).isSymbolicLink()) throw new UntrustedError('is a link');
    return listSchema.parse(parseJson(readTextFile(file, MOST_LIST)));
  } catch (error) {
    if (isMissing(error)) return {};
    if (!(error instanceof UntrustedError || error instanceof z.ZodError)) throw error;
    const why = error instanceof UntrustedError ? error.message : 'is damaged';
    throw new StorageError(
      `${file} should list the files that were written here, and ${why}; put it back, or choose another folder with --out`,
    );
  }
}

const writeList = (folder: string, list: List): Promise<void> => {
  const sorted = Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
  return writeFileAtomic(path.join(folder, OWN_FILES), `${JSON.stringify(sorted, null, 1)}\n`);
};

/** What is at a path, links not followed: the digest of a regular file, 'nothing', or 'other' for anything else. */
async function found(file: string): Promise<string> {
  try {
    const there = await lstat(file);
    return there.isFile() ? digestOf(readBounded(file)) : 'other';
  } catch (error) {
    if (isMissing(error)) return 'nothing';
    throw error;
  }
}

/** The outermost folder on the way from `folder` to a path in it that is a link or no folder, or null. */
async function strangeFolder(folder: string, name: string): Promise<string | null> {
  let strange: string | null = null;
  for (let part = path.dirname(name); part !== '.'; part = path.dirname(part)) {
    const place = path.join(folder, part);
    const there = await lstat(place).catch(() => null);
    if (there !== null && !there.isDirectory()) strange = place;
  }
  return strange;
}

/**
 * Refuses to write over what is not ours, before anything is written.
 * @param names paths in the folder
 * @throws StorageError naming the files in the way
 */
export async function assertOwn(folder: string, names: Iterable<string>): Promise<void> {
  const there = await stat(folder).catch(() => null);
  if (there !== null && !there.isDirectory())
    throw new StorageError(`${folder} is no folder: choose another with --out`);
  const list = readList(folder);
  const strange = new Set<string>();
  for (const name of names) {
    const across = await strangeFolder(folder, name);
    const what = across === null ? await found(path.join(folder, name)) : 'other';
    if (what !== 'nothing' && !list[name]?.includes(what)) strange.add(across ?? path.join(folder, name));
  }
  if (strange.size === 0) return;
  const more = strange.size > 5 ? ` and ${strange.size - 5} more` : '';
  throw new StorageError(
    `${[...strange].slice(0, 5).join(', ')}${more} ${strange.size === 1 ? 'was' : 'were'} not written by this command, ` +
      'or changed since: nothing was written; move what is yours away, or choose another folder with --out',
  );
}

/**
 * Proves that a folder can be written, and leaves everything as it was.
 * @throws StorageError
 */
export async function assertWritable(folder: string): Promise<void> {
  await storing(
    folder,
    async () => {
      const made = await mkdir(folder, { recursive: true });
      await rmdir(await mkdtemp(path.join(folder, '.probe-')));
      if (made === undefined) return;
      const first = path.resolve(made);
      for (let empty = path.resolve(folder); empty.length >= first.length; empty = path.dirname(empty))
        await rmdir(empty);
    },
    'Nothing was written.',
  );
}

/**
 * Writes files into a folder, and removes those of ours that are no longer wanted.
 * @param under folders whose files of ours are removed where they are not among `files`
 * @throws StorageError where a file in the way is not ours; nothing is written then
 */
export async function writeOwn(
  folder: string,
  files: ReadonlyMap<string, string | Uint8Array>,
  under: readonly string[] = [],
): Promise<void> {
  await assertOwn(folder, files.keys());
  const before = readList(folder);
  const stale = Object.keys(before).filter(
    (name) => !files.has(name) && under.some((part) => name.startsWith(`${part}/`)),
  );
  await storing(
    folder,
    async () => {
      await mkdir(folder, { recursive: true });
      const now: List = { ...before };
      for (const [name, content] of files) now[name] = [...new Set([...(before[name] ?? []), digestOf(content)])];
      // The list comes first: whatever an interruption leaves is known to be ours.
      await writeList(folder, now);
      for (const [name, content] of files) {
        await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
        await writeFileAtomic(path.join(folder, name), content as string | Buffer);
      }
      for (const name of stale) {
        const ours = (await strangeFolder(folder, name)) === null; // behind a link are files of someone else
        if (ours && before[name].includes(await found(path.join(folder, name))))
          await rm(path.join(folder, name), { force: true });
        delete now[name];
      }
      for (const [name, content] of files) now[name] = [digestOf(content)];
      await writeList(folder, now);
    },
    'The run records are where they were.',
  );
}
