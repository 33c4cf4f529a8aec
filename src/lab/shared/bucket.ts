/** A place for files that machines share, by names with slashes: a folder of a shared file system, or an S3-compatible bucket. */
import { randomUUID } from 'node:crypto';
import { access, link, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { ExplainedError } from '../../explained-error.ts';
import { isMissing } from '../../records/bounded.ts';
import { storing } from '../../records/storing.ts';

/** A shared store that cannot be used as it is asked for. */
export class StoreError extends ExplainedError {
  override name = 'StoreError';
}

export interface Bucket {
  /** Where it is, in words without secrets. */
  readonly place: string;
  /** The content of a small file, or null when there is none. */
  read(name: string): Promise<Uint8Array | null>;
  /** Puts a small file there, whole or not at all. @returns false where there is one of that name, which stays as it is */
  create(name: string, content: Uint8Array): Promise<boolean>;
  /** Puts a large file there, whole or not at all, in place of one of that name. @param write is given where to write it first */
  put(name: string, write: (file: string) => void): Promise<void>;
  /** Reads a large file. @param read is given where it is on this machine @returns null when there is none */
  get<Result>(name: string, read: (file: string) => Result): Promise<Result | null>;
  /** Names in a folder, and in its folders. @param folder without a slash at its end */
  list(folder: string): Promise<string[]>;
  /** Removes a file, if it is there. */
  remove(name: string): Promise<void>;
}

/** Faults of a file system that has no hard links. */
const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** A folder that all machines see, each perhaps under another path. */
export class FolderBucket implements Bucket {
  readonly place: string;

  constructor(folder: string) {
    this.place = path.resolve(folder);
  }

  #path = (name: string): string => path.join(this.place, ...name.split('/'));

  async read(name: string): Promise<Uint8Array | null> {
    return readFile(this.#path(name)).catch((error) => {
      if (isMissing(error)) return null;
      throw error;
    });
  }

  create(name: string, content: Uint8Array): Promise<boolean> {
    const file = this.#path(name);
    return storing(file, async () => {
      const beside = await this.#beside(file);
      try {
        const handle = await open(beside, 'wx');
        try {
          await handle.writeFile(content);
          await handle.sync(); // a machine that loses its power right now leaves no empty record
        } finally {
          await handle.close();
        }
        await link(beside, file);
        return true;
      } catch (error) {
        const { code = '' } = error as NodeJS.ErrnoException;
        if (code === 'EEXIST') return false;
        if (!NO_LINKS.has(code)) throw error;
        if (await isThere(file)) return false;
        await rename(beside, file);
        return true;
      } finally {
        await rm(beside, { force: true });
      }
    });
  }

  put(name: string, write: (file: string) => void): Promise<void> {
    const file = this.#path(name);
    return storing(file, async () => {
      const beside = await this.#beside(file);
      try {
        write(beside);
        await rename(beside, file);
      } finally {
        await rm(beside, { force: true });
      }
    });
  }

  async get<Result>(name: string, read: (file: string) => Result): Promise<Result | null> {
    try {
      return read(this.#path(name));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async list(folder: string): Promise<string[]> {
    const names = await readdir(this.#path(folder), { recursive: true, withFileTypes: true }).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return names
      .filter((entry) => entry.isFile() && !entry.name.endsWith(PART))
      .map((entry) => path.relative(this.place, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
      .sort();
  }

  async remove(name: string): Promise<void> {
    const file = this.#path(name);
    await storing(file, () => rm(file, { force: true }));
    await rmdir(path.dirname(file)).catch(() => {}); // where it was the last one
  }

  async #beside(file: string): Promise<string> {
    await mkdir(path.dirname(file), { recursive: true });
    return `${file}.${randomUUID()}${PART}`;
  }
}

const PART = '.part';

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

/**
 * Opens a place.
 * @param place a folder, or `s3://bucket/prefix`
 * @throws StoreError or StorageError where it cannot be used
 */
export async function openBucket(place: string): Promise<Bucket> {
  if (/^s3:\/\//i.test(place)) return (await import('./s3.ts')).openS3(place);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(place))
    throw new StoreError(
      `--store: ${place.split(':')[0]}:// is none that runs can be kept at; give a folder, or s3://bucket/prefix`,
    );
  const folder = path.resolve(place);
  await storing(folder, () => mkdir(folder, { recursive: true }));
  if (!(await stat(folder)).isDirectory()) throw new StoreError(`--store: ${folder} is no folder`);
  return new FolderBucket(folder);
}
