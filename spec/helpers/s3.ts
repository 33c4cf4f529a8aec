/**
 * A server that speaks as S3 does: `s3rver`, in this process. Some things about it are mended here, because S3 and the servers
 * that people use in its place are otherwise: it writes into files that others read meanwhile, answers before they are
 * written, knows no conditions, and goes on with a list by a cipher that newer versions of OpenSSL lack. It does not look at
 * signatures: any secret is right for a key that it knows.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import S3rver, { type Context, type Middleware } from 's3rver';
import { vi } from 'vitest';

const BUCKET = 'runs';
const KEY = 'S3RVER';

export interface TestS3 {
  readonly url: string;
  /** A place that no other test uses. */
  place(): string;
  /** Puts small files there, quickly. */
  seed(place: string, names: readonly string[]): void;
  /** Comes before each request, until it is null again. */
  before: Middleware | null;
  /** Has the variables of AWS say that this server is it, until `vi.unstubAllEnvs()`. */
  stub(): void;
  close(): Promise<void>;
}

/** Answers as S3 does where it refuses something. */
export function refuse(context: Context, status: number, code: string, message = 'no'): void {
  context.status = status;
  context.type = 'application/xml';
  context.body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
}

/** As many names as S3 tells at once. */
const MOST_NAMES = 1000;

/** What the server answers where it is asked for names. */
export interface Listed {
  Contents: { Key: string }[];
}

/** Variables that would lead elsewhere. */
const ELSEWHERE = ['AWS_ENDPOINT_URL_S3', 'AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_REGION', 'AWS_DEFAULT_REGION'];

/** Has the variables of AWS say that a server is it. */
export function stubAws(url: string, key = KEY, secret = KEY): void {
  for (const name of ELSEWHERE) vi.stubEnv(name, undefined);
  for (const name of ['AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE']) vi.stubEnv(name, '/nowhere');
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_ENDPOINT_URL', url);
  vi.stubEnv('AWS_ACCESS_KEY_ID', key);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
}

/**
 * Starts one.
 * @param folder for its files
 * @param port where, so that one that was closed can be there again
 * @param conditions whether it keeps to `If-None-Match`, as S3 does
 */
export async function startS3(folder: string, { port: asked = 0, conditions = true } = {}): Promise<TestS3> {
  const server = new S3rver({
    ...{ address: '127.0.0.1', port: asked, silent: true },
    ...{ directory: folder, configureBuckets: [{ name: BUCKET }] },
  });
  const { store } = server;
  let count = 0;

  /** Writes a file that is whole as soon as it is there. */
  const whole = async (file: string, content: Readable): Promise<{ size: number; md5: string }> => {
    const bytes = Buffer.concat(await content.toArray());
    const beside = `${file}.${++count}`;
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(beside, bytes);
    await rename(beside, file);
    return { size: bytes.length, md5: createHash('md5').update(bytes).digest('hex') };
  };
  store.putObject = async ({ bucket, key, content, metadata }) => {
    const written = await whole(store.getResourcePath(bucket, key, 'object'), content);
    await store.putMetadata(bucket, key, metadata, written.md5);
    return written;
  };
  store.putPart = (bucket, id, part, content) =>
    whole(path.join(store.getResourcePath(bucket, undefined, 'uploads'), id, String(part)), content);

  const list = store.listObjects.bind(store);
  store.listObjects = async (bucket, options) => ({ ...(await list(bucket, options)), isTruncated: false });
  const pages: Middleware = async (context, next) => {
    const { 'continuation-token': token, ...query } = context.query;
    if (query['list-type'] !== '2') return next();
    context.query = token === undefined ? query : { ...query, 'start-after': Buffer.from(token, 'base64').toString() };
    await next();
    const { ListBucketResult: found } = context.body as { ListBucketResult: Listed };
    if (found.Contents.length < Math.min(MOST_NAMES, Number(query['max-keys'] ?? MOST_NAMES))) return;
    const NextContinuationToken = Buffer.from(found.Contents.at(-1)?.Key ?? '').toString('base64');
    Object.assign(found, { NextContinuationToken, IsTruncated: true });
  };

  const inHand = new Map<string, Promise<void>>();
  const conditional: Middleware = async (context, next) => {
    if (context.method !== 'PUT' || context.headers['if-none-match'] !== '*') return next();
    const [, bucket, ...key] = context.path.split('/').map(decodeURIComponent);
    const turn = (inHand.get(context.path) ?? Promise.resolve()).then(async () => {
      if (!(await store.existsObject(bucket, key.join('/')))) return next();
      refuse(context, 412, 'PreconditionFailed');
    });
    inHand.set(
      context.path,
      turn.catch(() => {}),
    );
    return turn;
  };
  const first: Middleware = (context, next) => (own.before === null ? next() : own.before(context, next));
  // Behind what logs, and what writes answers down as XML.
  server.middleware.splice(2, 0, first, pages, ...(conditions ? [conditional] : []));
  const { port } = await server.run();
  const url = `http://127.0.0.1:${port}`;
  const own: TestS3 = {
    url,
    place: () => `s3://${BUCKET}/store-${++count}`,
    seed: (place, names) => {
      const [bucket, ...prefix] = place.slice('s3://'.length).split('/');
      for (const name of names) {
        const file = store.getResourcePath(bucket, [...prefix, name].join('/'), 'object');
        mkdirSync(path.dirname(file), { recursive: true });
        writeFileSync(file, 'x');
        writeFileSync(`${file}.md5`, createHash('md5').update('x').digest('hex'));
      }
    },
    before: null,
    stub: () => stubAws(url),
    close: async () => {
      server.httpServer.closeAllConnections();
      await server.close();
    },
  };
  return own;
}
