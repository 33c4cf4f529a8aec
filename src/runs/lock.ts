/**
 * One job at a time in a folder: a lock of the operating system's, which ends with the process that holds it, however
 * that ends. (A file that says "locked" would outlive a killed job, and its resume would have to guess.)
 */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

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

/**
 * Takes the lock that a file stands for.
 * @returns how to give it back, or the process id of the job that holds it
 * @throws NodeJS.ErrnoException where the file cannot be made
 */
export function lock(file: string): Release | { heldBy: string } {
  const descriptor = openSync(file, 'a+');
  if (!tryLock(descriptor)) {
    closeSync(descriptor);
    return { heldBy: readFileSync(file, 'utf8').trim() || 'unknown' };
  }
  writeFileSync(file, `${process.pid}\n`);
  return () => closeSync(descriptor);
}
