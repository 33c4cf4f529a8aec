/** The queue's server: Redis or Valkey, reached by BullMQ. */
import { setTimeout as sleep } from 'node:timers/promises';
import type * as Bull from 'bullmq';
import type { Redis } from 'ioredis';
import { ExplainedError } from '../explained-error.ts';
import { withPackages } from '../optional-packages.ts';
import { redact } from '../redact.ts';

/** The queue cannot be used as it is asked for; the message says what to do. */
export class QueueError extends ExplainedError {
  override name = 'QueueError';
}

/** Optional peers in package.json. */
const PACKAGES = ['bullmq', 'ioredis'] as const;

/** What all names in the server begin with. */
export const PREFIX = 'negative-knowledge';

/** BullMQ's scripts use commands of Redis 6.2. */
const OLDEST = [6, 2] as const;

/** How long a server is looked for, and again how long its answers are waited for, before a command gives up, in milliseconds. */
const PATIENCE = 10_000;

/** How long an answer is waited for until the connection is thought to be cut; none takes longer than 10 seconds. */
const SILENCE = 30_000;

export interface Server {
  readonly client: Redis;
  readonly bull: typeof Bull;
  /** Where it is, in words without secrets. */
  readonly place: string;
  /** A further connection, such as those that wait for something. */
  connection(): Redis;
  close(): Promise<void>;
}

const load = (): Promise<{ bull: typeof Bull; Redis: typeof Redis }> =>
  withPackages(PACKAGES, 'a queue needs packages', async () => ({
    bull: await import('bullmq'),
    Redis: (await import('ioredis')).Redis,
  }));

/** `redis://[user:password@]host[:port][/database]`; `rediss` is TLS, and `valkey` the same as `redis`. */
function parsed(url: string): { url: string; place: string } {
  let address: URL;
  try {
    address = new URL(url);
  } catch {
    throw new QueueError('--queue: give the address of a Redis or Valkey server, such as redis://localhost:6379');
  }
  const scheme = { 'redis:': 'redis', 'rediss:': 'rediss', 'valkey:': 'redis', 'valkeys:': 'rediss' }[address.protocol];
  if (!/^(\/\d*)?$/.test(address.pathname))
    throw new QueueError(
      '--queue: what follows the port must be the number of a database, as in redis://localhost:6379/2',
    );
  if (scheme === undefined)
    throw new QueueError(`--queue: ${address.protocol}// is no server of queues; give redis:// or rediss:// (TLS)`);
  return {
    url: url.replace(/^[a-z]+:/i, `${scheme}:`),
    place: `${scheme}://${address.host}${address.pathname}`.replace(/\/$/, ''),
  };
}

const reasonOf = (error: unknown): string =>
  redact(String((error as Error).message || (error as NodeJS.ErrnoException).code));

/**
 * Connects to the server and looks whether a queue is safe there.
 * @param say is told when the server is lost, and when it is there again
 * @throws QueueError where it cannot be reached or used
 */
export async function connect(given: string, say: (text: string) => void): Promise<Server> {
  const { url, place } = parsed(given);
  const { bull, Redis } = await load();
  let started = false;
  let lost = false;
  let reason = 'no answer';
  let closed = false;
  const all: Redis[] = [];
  const open = (lazyConnect: boolean): Redis => {
    const client = new Redis(url, {
      lazyConnect,
      maxRetriesPerRequest: null,
      connectTimeout: PATIENCE,
      socketTimeout: SILENCE,
      retryStrategy: (times) => (started && !closed ? Math.min(times * 200, 5_000) : null),
      reconnectOnError: (error) => (/^READONLY/.test(error.message) ? 2 : false), // another server was made the first
    });
    client.on('error', (error) => {
      reason = reasonOf(error);
      if (started && !lost) say(`the queue's server ${place} is lost (${reason}); trying again until it is there`);
      lost = started;
    });
    client.on('ready', () => {
      if (lost) say(`the queue's server ${place} is there again`);
      lost = false;
    });
    all.push(client);
    const duplicate = client.duplicate.bind(client);
    client.duplicate = (...given) => {
      const copy = duplicate(...given);
      all.push(copy); // of those that BullMQ makes, none may outlive the command
      return copy;
    };
    return client;
  };
  const client = open(true);
  const look = async (): Promise<void> => {
    await client.connect();
    // By itself the client goes on in another database where there is none of the number.
    const { db = 0 } = client.options;
    if (db !== 0) await client.select(db);
    // A server that wants a password answers to nothing else.
    const information = await client.info('server');
    assertUsable(information, place);
    await checkKept(client, place, say);
    if (client.status !== 'ready') throw new Error(reason); // it went away as it was asked, and is not tried again
  };
  try {
    await Promise.race([
      look(),
      sleep(2 * PATIENCE, null, { ref: false }).then(() => Promise.reject(new Error(reason))),
    ]);
  } catch (error) {
    client.disconnect();
    if (error instanceof QueueError) throw error;
    const why = reason === 'no answer' ? reasonOf(error) : reason;
    throw new QueueError(`the queue's server ${place} cannot be used (${why}): start one, or look at --queue`);
  }
  started = true;
  return {
    client,
    bull,
    place,
    connection: () => open(false), // one that is only begun when it is used does not outlive a server that is gone then
    close: async () => {
      closed = true;
      for (const one of all) one.disconnect();
    },
  };
}

/** @throws QueueError where the server is too old */
function assertUsable(information: string, place: string): void {
  const version = /^(?:valkey_version|redis_version):(\S+)/m.exec(information)?.[1] ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new QueueError(
    `the queue's server ${place} is of version ${version}, and a queue needs ${OLDEST.join('.')} or newer`,
  );
}

/** Looks whether the server may forget what it was told. @throws QueueError where it throws entries away when it is full */
async function checkKept(client: Redis, place: string, say: (text: string) => void): Promise<void> {
  const setting = async (name: string): Promise<string | undefined> =>
    ((await client.config('GET', name)) as string[])[1];
  let [policy, appended]: (string | undefined)[] = [];
  try {
    [policy, appended] = [await setting('maxmemory-policy'), await setting('appendonly')];
  } catch {
    say(
      `${place} does not say how it keeps what it is told; it should have "maxmemory-policy noeviction" and "appendonly yes"`,
    );
    return;
  }
  if (policy !== 'noeviction')
    throw new QueueError(
      `${place} throws entries away when it is full (maxmemory-policy ${policy}), and runs with them: "redis-cli config set maxmemory-policy noeviction"`,
    );
  if (appended !== 'yes')
    say(
      `${place} keeps what it is told in memory alone: "redis-cli config set appendonly yes" has it outlive the server`,
    );
}

/** Whether a fault is that the server has no more room. */
export const isFull = (error: unknown): boolean => /\bOOM\b/.test((error as Error).message);

/** What a client says of a connection that ended while it waited for an answer. */
const ENDED =
  /connection is closed|connection is ended|socket timeout|max retries|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT/i;

/** Whether a fault is that of a connection that ended, which the connection itself tells, and mends when it can. */
export const isLost = (error: unknown): boolean => error instanceof Error && ENDED.test(error.message);

/** A fault of the server, or of the way to it, as a sentence. */
export function faultOf(error: unknown, { place }: Server): unknown {
  if (!(error instanceof Error) || error instanceof ExplainedError) return error;
  if (error.name === 'ReplyError')
    return new QueueError(
      isFull(error)
        ? `the queue's server ${place} is full (its maxmemory is reached): give it more, or enter fewer runs; nothing that is done is lost`
        : `the queue's server ${place}: ${error.message}`,
    );
  if (!isLost(error)) return error;
  return new QueueError(
    `the queue's server ${place} is lost (${redact(error.message)}); nothing that is done is lost with it: start it, and give the command again`,
  );
}
