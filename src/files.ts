/**
 * Reading files that someone else may have written: with a bound taken from what such a file can need, and only from
 * regular files (a pipe would wait for ever).
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { mib, UntrustedError } from './untrusted.ts';

/**
 * Opens a regular file for reading.
 * @throws UntrustedError where it is a folder, a pipe or a device, or cannot be opened; ENOENT where it is missing
 */
export function openRegular(file: string): { descriptor: number; size: number } {
  let descriptor: number;
  try {
    // Without O_NONBLOCK opening a pipe waits until someone writes to it.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw error; // whoever asks knows what a missing file means
    if (code === 'ENOTDIR') throw error; // missing likewise: a folder on the way to it is a file
    throw new UntrustedError(`cannot be read (${message})`);
  }
  const found = fstatSync(descriptor);
  if (found.isFile()) return { descriptor, size: found.size };
  closeSync(descriptor);
  throw new UntrustedError(`is ${found.isDirectory() ? 'a folder' : 'no regular file'}, and a file belongs there`);
}

/**
 * The bytes of a file.
 * @param most bytes that such a file may have
 * @throws UntrustedError; ENOENT where it is missing
 */
export function readBytes(file: string, most: number): Buffer {
  const { descriptor, size } = openRegular(file);
  try {
    if (size > most) throw new UntrustedError(`has ${mib(size)}, and at most ${mib(most)} are read`);
    const bytes = Buffer.alloc(size);
    let done = 0;
    while (done < size) {
      const now = readSync(descriptor, bytes, done, size - done, done);
      if (now === 0) break; // it was cut while read: what reads the text will say so
      done += now;
    }
    return bytes.subarray(0, done);
  } finally {
    closeSync(descriptor);
  }
}

/** The text of a file, as {@link readBytes}. */
export const readTextFile = (file: string, most: number): string => readBytes(file, most).toString('utf8');
