/**
 * One job at a time in a folder, by a lock of the operating system, which ends with the process that holds it. (A file that
 * says "locked" would outlive a killed job, and its resume would have to guess.)
 */
import { closeSync, constants, ftruncateSync, lstatSync, openSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { readTextFile } from '../files.ts';
import { StorageError, storageFault } from '../records/storing.ts';
import { UntrustedError } from '../untrusted.ts';

const require = createRequire(import.meta.url);

/** The operating system's locks, as `fs-native-extensions` has them. */
export interface Locks {
  /**
   * Takes the lock on some bytes of an open file; a length of 0 means all of them.
   * @returns false where another handle holds it
   * @throws NodeJS.ErrnoException where there is no telling: the addon returns false for EAGAIN, EACCES and EBUSY alone
   */
  tryLock(descriptor: number, offset: number, length: number): boolean;
}

/** How this process locks. */
export interface Locking {
  /** Loads the addon. */
  readonly load: () => Locks;
  /** Which bytes of the file are locked. */
  readonly bytes: { readonly offset: number; readonly length: number };
  /** Told where a job goes on without a lock. */
  readonly warn: (text: string) => void;
}

/** Bytes of a lock's file: a process id and its line end have fewer. */
const MOST_LOCK = 16;

/**
 * Which bytes of the file are locked. On Windows others cannot read locked bytes, so a byte after the process id is
 * locked. macOS can lock only whole files.
 */
export const lockedBytes = (platform: NodeJS.Platform): Locking['bytes'] =>
  platform === 'win32' ? { offset: MOST_LOCK, length: 1 } : { offset: 0, length: 0 };

const NO_LOCKS = 'its file system has no locks';
const NO_ADDON = `the package fs-native-extensions, which locks files, cannot be loaded on ${process.platform} ${process.arch}`;

/** Why nothing can be locked, by the code of the fault. A job goes on then, without a lock. */
const UNLOCKABLE: Readonly<Record<string, string>> = {
  ENOLCK: 'the system has no lock left to give',
  EINVAL: NO_LOCKS,
  ENOSYS: NO_LOCKS,
  ENOTSUP: NO_LOCKS,
  EOPNOTSUPP: NO_LOCKS,
  MODULE_NOT_FOUND: NO_ADDON,
  ERR_DLOPEN_FAILED: NO_ADDON,
  ADDON_NOT_FOUND: NO_ADDON,
  CANNOT_LOAD: NO_ADDON,
};

const NOT_OURS = 'this user may not write it: have its owner remove it, or choose another folder with --out';
/** What to do where a lock cannot be taken though no one holds it, by the code of the fault. */
const ADVICE: Readonly<Record<string, string>> = { EACCES: NOT_OURS, EPERM: NOT_OURS };

/**
 * The process id in a lock's file, or an empty string.
 * @throws StorageError where the file is none of ours: a link, a folder, or a file with other content
 */
function holder(file: string): string {
  try {
    const there = lstatSync(file, { throwIfNoEntry: false });
    if (there === undefined) return '';
    if (there.isSymbolicLink()) throw new UntrustedError('is a link');
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

/** Locks an open file, where that is possible. @returns whether no other job holds the lock */
function take(file: string, descriptor: number, { load, bytes, warn }: Locking): boolean {
  try {
    if (!load().tryLock(descriptor, bytes.offset, bytes.length)) return false;
  } catch (error) {
    const why = UNLOCKABLE[(error as NodeJS.ErrnoException).code ?? ''];
    if (why === undefined) throw error;
    warn(`${file} cannot be locked: ${why}. Nothing keeps another job out of the folder; start none there`);
  }
  // Through the handle that holds the lock: Windows refuses any other.
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`, 0);
  return true;
}

/** This system's locks. */
const LOCKING: Locking = {
  load: () => require('fs-native-extensions'),
  bytes: lockedBytes(process.platform),
  warn: (text) => void process.stderr.write(`warning: ${text}\n`),
};

/**
 * Takes the lock that a file stands for.
 * @returns what gives it back, which the end of the process does as well; or the process id of the job that holds it
 * @throws StorageError where it cannot be told whether another job holds it; the message says why and what to do
 */
export function lock(file: string, locking = LOCKING): (() => void) | { heldBy: string } {
  try {
    holder(file); // refuses a file of someone else before it is opened for writing
    const descriptor = openSync(file, constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o666);
    let ours = false;
    try {
      ours = take(file, descriptor, locking);
    } finally {
      if (!ours) closeSync(descriptor);
    }
    return ours ? () => closeSync(descriptor) : { heldBy: holder(file) || 'unknown' };
  } catch (error) {
    throw storageFault(file, error, undefined, ADVICE);
  }
}
