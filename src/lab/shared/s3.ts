/** A bucket of S3, or of a server that speaks as S3 does. Who may use it, and where it is, the variables of AWS say. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type * as S3 from '@aws-sdk/client-s3';
import type * as Storage from '@aws-sdk/lib-storage';
import { StorageError, storing } from '../../records/storing.ts';
import { redact } from '../../redact.ts';
import { type Bucket, StoreError } from './bucket.ts';

/** Optional peers in package.json. */
const PACKAGES = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage'] as const;

async function load(): Promise<Omit<typeof S3, 'default'> & Pick<typeof Storage, 'Upload'>> {
  try {
    const { Upload } = await import('@aws-sdk/lib-storage');
    return { ...(await import('@aws-sdk/client-s3')), Upload };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new StoreError(`a store in S3 needs packages that are not installed here: npm install ${PACKAGES.join(' ')}`);
  }
}

/** Parts of a large file: S3 takes at most ten thousand of them. */
const PART_BYTES = 64 * 2 ** 20;

/** Lends the name of a file that is gone afterwards. @throws StorageError where there is no room for it */
async function inScratch<Result>(body: (file: string) => Promise<Result>): Promise<Result> {
  const folder = await storing(os.tmpdir(), () => mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-s3-')));
  try {
    return await storing(folder, () => body(path.join(folder, 'file')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @throws StoreError where the place is none, or the packages are not installed; StorageError where it cannot be reached */
export async function openS3(place: string): Promise<Bucket> {
  const [, bucket = '', prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\/?([^?#]*)$/.exec(place) ?? [];
  if (bucket === '') throw new StoreError(`--store: "${redact(place)}" must be a folder, or s3://bucket/prefix`);
  const {
    S3Client,
    GetObjectCommand,
    HeadObjectCommand,
    PutObjectCommand,
    ListObjectsV2Command,
    DeleteObjectCommand,
    HeadBucketCommand,
    Upload,
  } = await load();
  const client = new S3Client({
    region: process.env.AWS_REGION ?? process.env.AWS_DEFAULT_REGION ?? 'us-east-1',
    // A server under a bare name or number has no names of its own for buckets.
    forcePathStyle: (process.env.AWS_ENDPOINT_URL_S3 ?? process.env.AWS_ENDPOINT_URL) !== undefined,
    // Checksums that AWS introduced later, other servers do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 5,
  });
  const root = prefix.replace(/\/+$/, '');
  const keyOf = (name: string): string => (root === '' ? name : `${root}/${name}`);
  const at = { Bucket: bucket };

  /** Does what talks to the server, and turns its faults into sentences. */
  const talking = async <Result>(what: string, body: () => Promise<Result>): Promise<Result> => {
    try {
      return await body();
    } catch (error) {
      const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } };
      const status = $metadata?.httpStatusCode === undefined ? '' : ` (HTTP ${$metadata.httpStatusCode})`;
      throw new StorageError(
        `Cannot ${what} in s3://${bucket}: ${redact(`${name}: ${message}`)}${status}. Nothing already saved is lost; see to the server, or to ` +
          'AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL, and go on.',
      );
    }
  };
  const isAbsent = (error: unknown): boolean =>
    ['NoSuchKey', 'NotFound'].includes((error as Error).name) ||
    (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 404;

  const bodyOf = (name: string): Promise<S3.GetObjectCommandOutput['Body'] | null> =>
    talking(`read ${name}`, async () => {
      try {
        return (await client.send(new GetObjectCommand({ ...at, Key: keyOf(name) }))).Body ?? null;
      } catch (error) {
        if (isAbsent(error)) return null;
        throw error;
      }
    });

  await talking('use the bucket', () => client.send(new HeadBucketCommand(at)));
  return {
    place: `s3://${bucket}${root === '' ? '' : `/${root}`}`,
    read: async (name) => {
      const body = await bodyOf(name);
      return body === null ? null : talking(`read ${name}`, async () => (await body?.transformToByteArray()) ?? null);
    },
    create: async (name, content) => {
      return talking(`write ${name}`, async () => {
        try {
          const head = new HeadObjectCommand({ ...at, Key: keyOf(name) });
          if (
            await client.send(head).then(
              () => true,
              (error) => !isAbsent(error),
            )
          )
            return false; // for servers that know no condition
          await client.send(new PutObjectCommand({ ...at, Key: keyOf(name), Body: content, IfNoneMatch: '*' }));
          return true;
        } catch (error) {
          if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 412) return false;
          throw error;
        }
      });
    },
    put: (name, write) =>
      inScratch(async (file) => {
        write(file);
        const params = { ...at, Key: keyOf(name), Body: createReadStream(file) };
        await talking(`write ${name}`, () => new Upload({ client, params, partSize: PART_BYTES }).done());
      }),
    get: async (name, read) => {
      const body = await bodyOf(name);
      if (body === null) return null;
      return inScratch(async (file) => {
        await talking(`read ${name}`, () => pipeline(body as Readable, createWriteStream(file)));
        return read(file);
      });
    },
    list: (folder) =>
      talking(`list ${folder}`, async () => {
        const names: string[] = [];
        let ContinuationToken: string | undefined;
        do {
          const page = await client.send(
            new ListObjectsV2Command({ ...at, Prefix: `${keyOf(folder)}/`, ContinuationToken }),
          );
          for (const { Key = '' } of page.Contents ?? []) names.push(root === '' ? Key : Key.slice(root.length + 1));
          ContinuationToken = page.NextContinuationToken;
        } while (ContinuationToken !== undefined);
        return names.sort();
      }),
    remove: async (name) => {
      await talking(`remove ${name}`, () => client.send(new DeleteObjectCommand({ ...at, Key: keyOf(name) })));
    },
  };
}
