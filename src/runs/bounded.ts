/** Reads files of records with a bound: what someone hands over is as large as he likes. */
import { readFile, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import { RecordError } from './record.ts';

/** A record of the paper's size has some megabytes. */
export const MOST_BYTES = 256 * 2 ** 20;

/** Archives of ours shrink to a fifth or a sixth; this much more is none. */
const MOST_RATIO = 32;
const LEAST_ROOM = 2 ** 24;

const mib = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

/** Whether a file system's error says that there is no such file. */
export const isMissing = (error: unknown): boolean =>
  ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');

/** Turns any other fault of reading into a sentence. */
async function reading<Result>(file: string, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined || isMissing(error)) throw error;
    throw new RecordError(`${file} cannot be read (${message})`);
  }
}

/**
 * The bytes of a file.
 * @throws RecordError where there is no file but a folder or a device, it is larger than `most`, or it cannot be read; the
 * file system's own error where it is missing
 */
export async function readBounded(file: string, most = MOST_BYTES): Promise<Buffer> {
  const found = await reading(file, () => stat(file));
  if (!found.isFile()) {
    throw new RecordError(`${file} is ${found.isDirectory() ? 'a folder' : 'no file'}; a file of ours belongs there`);
  }
  if (found.size > most) {
    throw new RecordError(`${file} has ${mib(found.size)}, and at most ${mib(most)} are read; it is none of ours`);
  }
  return reading(file, () => readFile(file));
}

/** The text of a file, as {@link readBounded}. */
export const readTextBounded = async (file: string, most = MOST_BYTES): Promise<string> =>
  (await readBounded(file, most)).toString('utf8');

/**
 * Unpacks a Brotli-compressed file.
 * @throws RecordError where it is no such file, or unpacks to far more than archives of its size do
 */
export async function readPacked(file: string): Promise<string> {
  const packed = await readBounded(file);
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
