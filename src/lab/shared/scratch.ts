/** Room on this machine's own disk for files that are on their way. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { storageFault } from '../../records/storing.ts';
import { KEPT } from './bucket.ts';

const FULL = 'the disk is full: free some space, or set TMPDIR to a folder with more of it';
const CLOSED = 'it may not be written: set TMPDIR to a folder that may';
const ADVICE = { ENOSPC: FULL, EDQUOT: FULL, EACCES: CLOSED, EPERM: CLOSED, EROFS: CLOSED, ENOENT: CLOSED };

/** Lends an empty folder that is gone afterwards. @throws StorageError where there is no room for what is written there */
export async function inScratch<Result>(body: (folder: string) => Promise<Result>): Promise<Result> {
  let folder: string | null = null;
  try {
    folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-store-'));
    return await body(folder);
  } catch (error) {
    throw storageFault(folder ?? os.tmpdir(), error, KEPT, ADVICE);
  } finally {
    if (folder !== null) await rm(folder, { recursive: true, force: true });
  }
}
