/** Faults of the file system, as sentences. */

/** A file or folder cannot be used or written; the message says what to do. What is already there is kept. */
export class StorageError extends Error {
  override name = 'StorageError';
}

const FULL = 'the disk is full: free some space';
const CLOSED = 'the folder is not writable: choose another with --out';

/** By the code of the fault. Making a folder on a read-only disk is answered with ENOENT. */
const ADVICE: Record<string, string> = {
  ENOSPC: FULL,
  EDQUOT: 'the disk quota is used up: free some space',
  EACCES: CLOSED,
  EPERM: CLOSED,
  EROFS: CLOSED,
  ENOENT: 'the folder cannot be made: choose another with --out',
};

/**
 * Does what writes files, and turns a fault of the file system into a sentence.
 * @param what is written
 * @param kept what becomes of the work done so far
 * @throws StorageError
 */
export async function storing<Result>(
  what: string,
  body: () => Promise<Result>,
  kept = 'Nothing already saved is lost; go on with --resume.',
): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new StorageError(`Cannot write ${what}: ${ADVICE[code] ?? message}. ${kept}`);
  }
}
