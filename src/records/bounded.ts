/** Reads files of records with a bound: a file that someone hands over may be of any size. */
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { readBytes } from '../files.ts';
import { mib, UntrustedError } from '../untrusted.ts';
import { RecordError } from './record.ts';

/** A record of the paper's size has some megabytes. */
const MOST_BYTES = 256 * 2 ** 20;

/** Our archives unpack to five or six times their size; a file that unpacks to far more is none. */
const MOST_RATIO = 32;
const LEAST_ROOM = 2 ** 24;

/** Whether a file system's error says that there is no such file. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/**
 * The bytes of a file.
 * @throws RecordError where it is a folder or a device, is too large, or cannot be read; the file system's own error where
 * it is missing
 */
export function readBounded(file: string): Buffer {
  try {
    return readBytes(file, MOST_BYTES);
  } catch (error) {
    if (isMissing(error)) throw error;
    const { message } = error as Error;
    throw new RecordError(
      error instanceof UntrustedError ? `${file} ${message}` : `${file} cannot be read (${message})`,
    );
  }
}

/** The text of a file, or null where there is no such file. @throws RecordError as {@link readBounded} */
export function readTextIfThere(file: string): string | null {
  try {
    return readBounded(file).toString('utf8');
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
