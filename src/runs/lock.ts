/**
 * One job at a time in a folder: a lock of the operating system's, which ends with the process that holds it, however
 * that ends. (A file that says "locked" would outlive a killed job, and its resume would have to guess.)
 */
import { closeSync, lstatSync, openSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readTextFile } from '../files.ts';
import { UntrustedError } from '../untrusted.ts';
import { StorageError } from './storing.ts';

const require = createRequire(import.meta.url);

/** Gives a lock back; it also ends with the process. */
export type Release = () => void;

/** Whether the lock is ours. */
function tryLock(descriptor: number): boolean {
  try {
    const native: { tryLock(fd: number): boolean } = require('fs-native-extensions');
    return native.tryLock(descriptor);
  } catch {
    return true; // no prebuilt addon for this platform: go on as if alone
  }
}

/** A process id and its line end have fewer bytes; so has any lock that an interrupted job left. */
const MOST_LOCK = 16;

/**
 * The process id in a lock's file, or an empty string.
 * @throws StorageError where the file is none of ours: a link, or a file with other content
 */
function holder(file: string): string {
  try {
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return '';
    if (lstatSync(file).isSymbolicLink()) throw new UntrustedError('is a link');
    const text = readTextFile(file, MOST_LOCK);
    if (!/^\d*\n?$/.test(text)) throw new UntrustedError('holds something else');
    return text.trim();
  } catch (error) {
    if (!(error instanceof UntrustedError)) throw error;
    throw new StorageError(
      `${file} should hold the number of a process at most, and ${error.message}; move it away, or choose another folder with --out`,
    );
  }
}

/**
 * Takes the lock that a file stands for.
 * @returns how to give it back, or the process id of the job that holds it
 * @throws StorageError where the file is there and is none of ours
 * @throws NodeJS.ErrnoException where the file cannot be made
 */
export function lock(file: string): Release | { heldBy: string } {
  holder(file); // refuses a file of someone else before it is opened for writing
  const descriptor = openSync(file, 'a+');
  if (!tryLock(descriptor)) {
    closeSync(descriptor);
    return { heldBy: holder(file) || 'unknown' };
  }
  writeFileSync(file, `${process.pid}\n`);
  return () => closeSync(descriptor);
}
