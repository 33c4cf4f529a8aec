/** A place for files that machines share, by names with slashes: a folder of a shared file system, or an S3-compatible bucket. */
import { randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { ExplainedError } from '../../explained-error.ts';
import { isMissing } from '../../records/bounded.ts';
import { StorageError, storageFault } from '../../records/storing.ts';

/** A shared store that cannot be used as it is asked for. */
export class StoreError extends ExplainedError {
  override name = 'StoreError';
}

/** Names have parts between single slashes, none of which is empty, `.` or `..`. */
export interface Bucket {
  /** Where it is, in words without secrets. */
  readonly place: string;
  /** The content of a small file, or null when there is none. */
  read(name: string): Promise<Uint8Array | null>;
  /**
   * Puts a small file there, whole or not at all. One that is there stays as it is. Only where the place cannot do that in
   * one step (a file system without hard links, a server that knows no conditions) may two that come at the same moment
   * both be told true: the later one replaces the earlier one then.
   * @returns false where there is one of that name
   */
  create(name: string, content: Uint8Array): Promise<boolean>;
  /** Puts a large file there, whole or not at all, in place of one of that name. @param write is given where to write it first */
  put(name: string, write: (file: string) => void): Promise<void>;
  /** Reads a large file. @param read is given where it is on this machine @returns null when there is none */
  get<Result>(name: string, read: (file: string) => Result): Promise<Result | null>;
  /** Names in a folder, and in its folders. @param folder without a slash at its end */
  list(folder: string): Promise<string[]>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
  /** Removes all files in a folder, and what processes that were killed have left there of others. */
  clear(folder: string): Promise<void>;
}

export const KEPT = 'Nothing already saved is lost.';
const CLOSED = 'it may not be written here: see to its rights, or choose another place with --store';

/** By the code of a fault. */
const ADVICE: Readonly<Record<string, string>> = {
  ...{ EACCES: CLOSED, EPERM: CLOSED, EROFS: CLOSED },
  EEXIST: 'it is a file and no folder: choose another place with --store',
  ENOENT: 'its folder is not there, and cannot be made: see to it, or choose another place with --store',
  ENOTDIR: 'a part of its path is a file and no folder: choose another place with --store',
};

/** Does what writes, and turns a fault of the file system into a sentence. @throws StorageError */
async function writing<Result>(file: string, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    throw storageFault(file, error, KEPT, ADVICE);
  }
}

/** Does what reads. @returns null where there is no such file @throws StorageError */
async function reading<Result>(file: string, body: () => Promise<Result>): Promise<Result | null> {
  try {
    return await body();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (isMissing(error) || code === 'ESTALE') return null; // as NFS says where another machine has removed it
    throw new StorageError(
      `Cannot read ${file} (${message}): see to it, or choose another place with --store. ${KEPT}`,
    );
  }
}

/** Makes a second name of a file. Without a type of Node's: the package's declarations are read where those are not installed. */
type HardLink = (file: string, name: string) => Promise<void>;

/** Faults of a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** Ending of a file that is being written. */
const PART = '.part';

/** A folder that is made is removed before it is used only where another process removes the last file in it just then. */
const MOST_TRIES = 20;

/** A folder that all machines see, each perhaps under another path. */
export class FolderBucket implements Bucket {
  readonly place: string;
  readonly #link: HardLink;

  /** @param hardLink makes a second name of a file */
  constructor(folder: string, hardLink: HardLink = link) {
    this.place = path.resolve(folder);
    this.#link = hardLink;
  }

  /** @throws StoreError where the name leads out of the folder: names come from messages of a queue too */
  #path(name: string): string {
    const parts = name.split('/');
    if (parts.some((part) => ['', '.', '..'].includes(part)))
      throw new StoreError(`"${name}" is no name of a file in ${this.place}`);
    return path.join(this.place, ...parts);
  }

  async read(name: string): Promise<Uint8Array | null> {
    const file = this.#path(name);
    return reading(file, () => readFile(file));
  }

  async create(name: string, content: Uint8Array): Promise<boolean> {
    const file = this.#path(name);
    return writing(file, async () => {
      if (await isThere(file)) return false; // as it mostly is, where many machines save the same: nothing is written
      return this.#beside(file, async (beside) => {
        await writeFile(beside, content);
        await flush(beside);
        try {
          await this.#link(beside, file);
          return true;
        } catch (error) {
          const { code = '' } = error as NodeJS.ErrnoException;
          if (code === 'EEXIST') return false;
          if (!NO_LINKS.has(code)) throw error;
          if (await isThere(file)) return false;
          await rename(beside, file);
          return true;
        }
      });
    });
  }

  async put(name: string, write: (file: string) => void): Promise<void> {
    const file = this.#path(name);
    await writing(file, () =>
      this.#beside(file, async (beside) => {
        write(beside);
        await flush(beside);
        await rename(beside, file);
      }),
    );
  }

  async get<Result>(name: string, read: (file: string) => Result): Promise<Result | null> {
    const file = this.#path(name);
    return reading(file, async () => {
      await (await open(file)).close(); // one that cannot be opened just now is not taken for one that is damaged
      return read(file);
    });
  }

  async list(folder: string): Promise<string[]> {
    const file = this.#path(folder);
    // Folder by folder: one that is removed meanwhile takes no other along.
    const entries = (await reading(file, () => readdir(file, { withFileTypes: true }))) ?? [];
    const names: string[] = [];
    for (const entry of entries) {
      const name = `${folder}/${entry.name}`;
      if (entry.isDirectory()) names.push(...(await this.list(name)));
      else if (entry.isFile() && !name.endsWith(PART)) names.push(name);
    }
    return names.sort();
  }

  async remove(name: string): Promise<void> {
    const file = this.#path(name);
    await writing(file, () => rm(file, { force: true }));
    if (path.dirname(file) !== this.place) await rmdir(path.dirname(file)).catch(() => {}); // where it was the last one
  }

  async clear(folder: string): Promise<void> {
    const file = this.#path(folder);
    // Tried again where someone writes there just then.
    await writing(file, () => rm(file, { recursive: true, force: true, maxRetries: 3 }));
  }

  /** Lends an empty file beside another one, in a folder that is made. What is left of it is removed. */
  async #beside<Result>(file: string, body: (beside: string) => Promise<Result>): Promise<Result> {
    const beside = `${file}.${randomUUID()}${PART}`;
    for (let tries = 1; ; tries++) {
      await access(this.place); // else a disk that is not mounted would be written to all the same
      try {
        await mkdir(path.dirname(file), { recursive: true });
        await writeFile(beside, '', { flag: 'wx' });
        break;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ENOENT' || tries === MOST_TRIES) throw error;
      }
    }
    try {
      return await body(beside);
    } finally {
      await rm(beside, { force: true });
    }
  }
}

/** Waits until the disk has a file: a machine that loses its power after that leaves no empty one. */
async function flush(file: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isThere = async (file: string): Promise<boolean> => (await reading(file, () => stat(file))) !== null;

/**
 * Opens a place.
 * @param place a folder, or `s3://bucket/prefix`
 * @param make whether a folder is made where there is none
 * @throws StoreError or StorageError where it cannot be used
 */
export async function openBucket(place: string, make = true): Promise<Bucket> {
  if (/^s3:\/\//i.test(place)) return (await import('./s3.ts')).openS3(place);
  const [, scheme] = /^([a-z][a-z0-9+.-]+):\/\//i.exec(place) ?? [];
  if (scheme !== undefined)
    throw new StoreError(
      `--store: ${scheme}:// is none that runs can be kept at; give a folder, or s3://bucket/prefix`,
    );
  const folder = path.resolve(place);
  if (make) await writing(folder, () => mkdir(folder, { recursive: true }));
  return new FolderBucket(folder);
}
