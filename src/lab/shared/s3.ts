/** A bucket of S3, or of a server that speaks as S3 does. Who may use it, and where it is, the variables of AWS say. */
import { createReadStream, createWriteStream } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { withPackages } from '../../optional-packages.ts';
import { StorageError } from '../../records/storing.ts';
import { redact } from '../../redact.ts';
import { type Bucket, KEPT, StoreError } from './bucket.ts';
import { inScratch } from './scratch.ts';

/** Optional peers in package.json. */
const PACKAGES = ['@aws-sdk/client-s3', '@aws-sdk/lib-storage'] as const;

/** The client. @throws MissingPackageError where a package of it is not installed */
const load = () =>
  withPackages(PACKAGES, 'a store in S3 needs packages', async () => {
    process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'; // it is ours to say which Node we support
    const { Upload } = await import('@aws-sdk/lib-storage');
    return { ...(await import('@aws-sdk/client-s3')), Upload };
  });

/** Parts of a large file: S3 takes at most ten thousand of them. Four are in memory at once. */
const PART_BYTES = 16 * 2 ** 20;

/** How often a request is tried, unless AWS_MAX_ATTEMPTS says otherwise. */
const TRIES = 5;

/** How long the server may give no sign of life before a request is tried again, in milliseconds. */
const PATIENCE = 30_000;

/** Faults of this machine's disk, which no server answers for. */
const OF_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EFBIG', 'EIO']);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';
const statusOf = (error: unknown): number | undefined =>
  (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode;

/** Whether an answer says that there is no such file. */
const isAbsent = (error: unknown): boolean => statusOf(error) === 404 && (error as Error).name !== 'NoSuchBucket';

/** Names and messages of an answer without a body. */
const SAYS_NOTHING = new Set(['', 'Error', 'Unknown', 'UnknownError', 'AggregateError']);

/** What is wrong, and what to do. */
function adviceOf(error: unknown): string {
  const { name, message } = error as Error;
  const status = statusOf(error);
  const words = [name, message || codeOf(error)].filter((text) => !SAYS_NOTHING.has(text)).join(': ');
  const said = redact([words, ...(status === undefined ? [] : [`HTTP ${status}`])].filter(Boolean).join(', '));
  if (name === 'NoSuchBucket') return 'there is no such bucket: make it, or choose another place with --store';
  if (name === 'CredentialsProviderError')
    return 'who may use it is not known: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY';
  if (codeOf(error) === 'ERR_INVALID_URL') return 'AWS_ENDPOINT_URL is no address such as https://s3.example.org';
  if (status === 301) return `it is in another region (${said}): set AWS_REGION`;
  if (status === 401 || status === 403)
    return `the server does not allow it (${said}): see to AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and to what they may do`;
  if (status === undefined) return `the server does not answer (${said}): see to it, or to AWS_ENDPOINT_URL`;
  return `the server is at fault (${said}): see to it`;
}

/** What a place of S3 names. @throws StoreError where it is none, without what may be a secret in it */
function parsed(place: string): { bucket: string; root: string } {
  const [, bucket, prefix = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([^?#@]*))?$/.exec(place) ?? [];
  if (bucket !== undefined) return { bucket, root: prefix.replace(/\/+$/, '') };
  const shown = /[@?#]/.test(place) ? '' : ` "${redact(place)}"`;
  throw new StoreError(
    `--store:${shown} must be a folder, or s3://bucket/prefix; who may use a bucket the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY say`,
  );
}

/**
 * Opens a bucket. An upload that is cut off in its midst leaves parts that nothing lists: a rule of the bucket
 * (AbortIncompleteMultipartUpload) removes them.
 * @throws StoreError where the place is none, MissingPackageError where the packages are not installed, StorageError where it cannot be reached
 */
export async function openS3(place: string, { patience = PATIENCE } = {}): Promise<Bucket> {
  const { bucket, root } = parsed(place);
  const library = await load();
  const { S3Client, GetObjectCommand, HeadObjectCommand, PutObjectCommand, ListObjectsV2Command } = library;
  const { DeleteObjectCommand, Upload } = library;
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_S3, AWS_MAX_ATTEMPTS } = process.env;
  const client = new S3Client({
    region: AWS_REGION || AWS_DEFAULT_REGION || 'us-east-1',
    // A server under a bare name or number has no names of its own for buckets.
    forcePathStyle: Boolean(AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL),
    // Checksums that AWS introduced later, other servers do not know.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(AWS_MAX_ATTEMPTS ? {} : { maxAttempts: TRIES }),
    // By itself the client waits for ever for a server that is silent.
    requestHandler: { connectionTimeout: patience, socketTimeout: patience },
  });
  const keyOf = (name: string): string => (root === '' ? name : `${root}/${name}`);
  const at = { Bucket: bucket };
  const shown = `s3://${bucket}${root === '' ? '' : `/${root}`}`;

  /** Does what talks to the server, and turns its faults into sentences. */
  const talking = async <Result>(what: string, body: () => Promise<Result>): Promise<Result> => {
    try {
      return await body();
    } catch (error) {
      if (OF_DISK.has(codeOf(error))) throw error;
      throw new StorageError(`Cannot ${what}: ${adviceOf(error)}. ${KEPT}`);
    }
  };

  /** Takes in what a file holds; anew where the connection breaks off in its midst, which the client leaves to us. */
  const taken = <Result>(name: string, take: (body: Readable) => Promise<Result>): Promise<Result | null> =>
    talking(`read ${name} in ${shown}`, async () => {
      for (let tries = 1; ; tries++) {
        let body: Readable;
        try {
          body = (await client.send(new GetObjectCommand({ ...at, Key: keyOf(name) }))).Body as Readable;
        } catch (error) {
          if (isAbsent(error)) return null;
          throw error;
        }
        try {
          return await take(body);
        } catch (error) {
          if (tries === TRIES || OF_DISK.has(codeOf(error))) throw error;
        }
      }
    });

  const isThere = async (name: string): Promise<boolean> => {
    try {
      await client.send(new HeadObjectCommand({ ...at, Key: keyOf(name) }));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error; // else a record that nobody could ask about would be taken for saved
    }
  };

  const list = (folder: string): Promise<string[]> =>
    talking(`list ${folder} in ${shown}`, async () => {
      const names: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const Prefix = `${keyOf(folder)}/`;
        const page = await client.send(new ListObjectsV2Command({ ...at, Prefix, ContinuationToken }));
        for (const { Key = '' } of page.Contents ?? []) names.push(root === '' ? Key : Key.slice(root.length + 1));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return names.filter((name) => !name.endsWith('/')).sort(); // a name like this marks an empty folder
    });

  const remove = (name: string): Promise<void> =>
    talking(`remove ${name} in ${shown}`, async () => {
      try {
        await client.send(new DeleteObjectCommand({ ...at, Key: keyOf(name) }));
      } catch (error) {
        if (!isAbsent(error)) throw error;
      }
    });

  // To list asks for the least rights, and an answer to it says what is wrong.
  const first = new ListObjectsV2Command({ ...at, Prefix: root === '' ? '' : `${root}/`, MaxKeys: 1 });
  const soon = { abortSignal: AbortSignal.timeout(patience) }; // who asks waits for it, and nothing is lost yet
  await talking(`use ${shown}`, () => client.send(first, soon));
  return {
    place: shown,
    list,
    remove,
    read: (name) => taken(name, async (body) => Buffer.concat(await body.toArray())),
    create: (name, content) =>
      talking(`write ${name} in ${shown}`, async () => {
        if (await isThere(name)) return false; // asked for the sake of servers that know no conditions
        let condition: { IfNoneMatch?: string } = { IfNoneMatch: '*' };
        for (let tries = 1; ; tries++) {
          try {
            await client.send(new PutObjectCommand({ ...at, Key: keyOf(name), Body: content, ...condition }));
            return true;
          } catch (error) {
            const status = statusOf(error);
            if (status === 412) return false;
            if (tries === TRIES) throw error;
            if (status === 501) condition = {};
            // Someone writes the same file at this moment: the next try tells whether it is there.
            else if (status === 409) await sleep(50 * 2 ** tries * Math.random());
            else throw error;
          }
        }
      }),
    put: (name, write) =>
      inScratch(async (folder) => {
        const file = path.join(folder, 'file');
        write(file);
        const params = { ...at, Key: keyOf(name), Body: createReadStream(file) };
        await talking(`write ${name} in ${shown}`, () => new Upload({ client, params, partSize: PART_BYTES }).done());
      }),
    get: (name, read) =>
      inScratch(async (folder) => {
        const file = path.join(folder, 'file');
        const found = await taken(name, async (body) => {
          await pipeline(body, createWriteStream(file));
          return true;
        });
        return found === null ? null : read(file);
      }),
    clear: async (folder) => {
      for (const name of await list(folder)) await remove(name);
    },
  };
}
