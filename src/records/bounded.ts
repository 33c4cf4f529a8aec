/** Reads files of records with a bound: what someone hands over is as large as he likes. */
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { readBytes } from '../files.ts';
import { mib, UntrustedError } from '../untrusted.ts';
import { RecordError } from './record.ts';

/** A record of the paper's size has some megabytes. */
export const MOST_BYTES = 256 * 2 ** 20;

/** Archives of ours shrink to a fifth or a sixth; this much more is none. */
const MOST_RATIO = 32;
const LEAST_ROOM = 2 ** 24;

/** Whether a file system's error says that there is no such file. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/**
 * The bytes of a file.
 * @throws RecordError where there is no file but a folder or a device, it is larger than `most`, or it cannot be read; the
 * file system's own error where it is missing
 */
export function readBounded(file: string, most = MOST_BYTES): Buffer {
  try {
    return readBytes(file, most);
  } catch (error) {
    if (isMissing(error)) throw error;
    throw new RecordError(
      error instanceof UntrustedError
        ? `${file} ${error.message}`
        : `${file} cannot be read (${(error as Error).message})`,
    );
  }
}

/** The text of a file, as {@link readBounded}. */
export const readTextBounded = (file: string): string => readBounded(file).toString('utf8');

/** The same, or null where there is no such file. */
export function readTextIfThere(file: string): string | null {
  try {
    return readTextBounded(file);
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/**
 * Unpacks a Brotli-compressed file.
 * @throws RecordError where it is no such file, or unpacks to far more than archives of its size do
 */
export async function readPacked(file: string): Promise<string> {
  const packed = readBounded(file);
  const most = LEAST_ROOM + MOST_RATIO * packed.length;
  try {
    return (await promisify(brotliDecompress)(packed, { maxOutputLength: most })).toString('utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new RecordError(
      code === 'ERR_BUFFER_TOO_LARGE'
        ? `${file} is no archive: it unpacks to more than ${mib(most)}, which no archive of ${mib(packed.length)} does`
        : `${file} is no archive (${message}); a truncated copy?`,
    );
  }
}
