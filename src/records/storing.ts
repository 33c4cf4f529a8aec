/** Faults of the file system, as sentences. */
import { ExplainedError } from '../explained-error.ts';

/** A file or folder cannot be used or written; the message says what to do. What is already there is kept. */
export class StorageError extends ExplainedError {
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
  ENOTDIR: 'a part of its path is a file and no folder: choose another folder with --out',
};

const KEPT = 'Nothing already saved is lost; go on with --resume.';

/**
 * A fault of the file system as a sentence; any other error as it is.
 * @param what is written
 * @param kept what becomes of the work done so far
 * @param advice more of what to do, by the code of the fault
 */
export function storageFault(
  what: string,
  error: unknown,
  kept = KEPT,
  advice: Readonly<Record<string, string>> = {},
): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  return new StorageError(`Cannot write ${what}: ${advice[code] ?? ADVICE[code] ?? message}. ${kept}`);
}

/**
 * Does what writes files, and turns a fault of the file system into a sentence.
 * @param what is written
 * @param kept what becomes of the work done so far
 * @throws StorageError
 */
export async function storing<Result>(what: string, body: () => Promise<Result>, kept = KEPT): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    throw storageFault(what, error, kept);
  }
}
