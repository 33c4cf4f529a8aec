/**
 * Reading what someone else wrote: with a bound taken from what such a file can need, only from regular files (a pipe would
 * wait for ever), and JSON only as deep as anything of ours is.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Input that is not read; the message says why, and is part of a sentence that begins with the input's name. */
export class UntrustedError extends Error {
  override name = 'UntrustedError';
}

/** A size for a message. */
export const mib = (bytes: number): string =>
  bytes < 2 ** 20 ? `${bytes} bytes` : `${Math.ceil(bytes / 2 ** 20)} MiB`;

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

/** How deep JSON may be nested: ours is nested ten deep at most. */
const DEEPEST = 64;

/** Refuses nesting that would exhaust the stack of whatever walks through the value. */
function assertShallow(text: string): void {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > DEEPEST) throw new UntrustedError(`is nested more than ${DEEPEST} deep`);
    } else if (character === '}' || character === ']') depth -= 1;
  }
}

/** Reads JSON. @throws UntrustedError where it is none, or is nested too deep */
export function parseJson(text: string): unknown {
  assertShallow(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UntrustedError(`is no JSON (${(error as Error).message.slice(0, 200)}); a truncated copy?`);
  }
}
