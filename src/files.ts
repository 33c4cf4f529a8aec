/**
 * Reads files that someone else may have written: regular files alone (reading a pipe could wait for ever), and no more
 * bytes than such a file can need.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { mib, UntrustedError } from './untrusted.ts';

/**
 * Opens a regular file for `body`, and closes it afterwards.
 * @throws UntrustedError for a folder, a pipe, a device, or a file that cannot be opened; ENOENT or ENOTDIR where there is
 * no such file; what `body` throws
 */
export function withRegularFile<Result>(file: string, body: (descriptor: number, size: number) => Result): Result {
  let descriptor: number;
  try {
    // Without O_NONBLOCK opening a pipe waits until someone writes to it.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw error; // the caller knows what a missing file means
    throw new UntrustedError(`cannot be read (${message})`);
  }
  try {
    const found = fstatSync(descriptor);
    if (found.isFile()) return body(descriptor, found.size);
    throw new UntrustedError(`is ${found.isDirectory() ? 'a folder' : 'no regular file'}, and a file belongs there`);
  } finally {
    closeSync(descriptor);
  }
}

/** Fills `target` from a byte position on. @returns the bytes read: fewer than asked for where the file ends */
export function readInto(descriptor: number, target: Uint8Array, position: number): number {
  let done = 0;
  while (done < target.length) {
    const now = readSync(descriptor, target, done, target.length - done, position + done);
    if (now === 0) break;
    done += now;
  }
  return done;
}

/**
 * The bytes of a file. A file that is cut while it is read gives the bytes that were left.
 * @param most bytes that such a file may have
 * @throws UntrustedError; ENOENT or ENOTDIR where there is no such file
 */
export const readBytes = (file: string, most: number): Buffer =>
  withRegularFile(file, (descriptor, size) => {
    if (size > most) throw new UntrustedError(`has ${mib(size)}, and at most ${mib(most)} are read`);
    const bytes = Buffer.alloc(size);
    return bytes.subarray(0, readInto(descriptor, bytes, 0));
  });

/** The text of a file, as {@link readBytes}. */
export const readTextFile = (file: string, most: number): string => readBytes(file, most).toString('utf8');
