/** Options of commands that give their runs to other machines, and what becomes of them. */
import { type Command, Option } from 'commander';
import { startEngine } from '../engine/engine.ts';
import { type Remote, widest } from '../lab/job.ts';
import { type Kind, openShared, type SharedStore } from '../lab/shared/shared-store.ts';
import { codeVersion } from '../lab/shared/version.ts';
import { type QueueOptions, queueExecutor } from '../queue/executor.ts';
import { Registry } from '../queue/registry.ts';
import { connect, faultOf, type Server } from '../queue/server.ts';
import { kindHere } from '../queue/worker.ts';
import { ANY_PROCESSOR } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import { UsageError } from './options.ts';

/** Variables that the two options are read from, where nobody else is to see what they say. */
const QUEUE_VARIABLE = 'NEGATIVE_KNOWLEDGE_QUEUE';
const STORE_VARIABLE = 'NEGATIVE_KNOWLEDGE_STORE';

export const queueOption = new Option(
  '--queue [address]',
  `give the runs to the workers of a queue: redis://[user:password@]host[:port], rediss:// with TLS (an address that is not given is read from ${QUEUE_VARIABLE})`,
);
export const storeOption = new Option(
  '--store <place>',
  `what the workers of a queue share: a folder that all of them see, or s3://bucket/prefix (default: what ${STORE_VARIABLE} says)`,
);
const refreshOption = new Option(
  '--refresh',
  'with --queue: train again what the store has a record of, and compare',
).default(false);

const anyProcessorOption = new Option(
  '--any-processor',
  'with --queue: on native, let processors of every kind compute runs of one study, which no claim then judges together',
).default(false);
const likeOption = new Option(
  '--like <worker>',
  'with --queue: have runs computed as that worker computes ("sweep status" lists them); default: as this machine would',
).conflicts('anyProcessor');

/** Options that say nothing where no queue is given. */
const ABOUT_QUEUE = [storeOption, refreshOption, likeOption, anyProcessorOption] as const;

/** Gives a command the options of those that can give their runs to other machines. */
export const withQueueOptions = (command: Command): Command =>
  [queueOption, ...ABOUT_QUEUE].reduce((given, option) => given.addOption(option), command);

export interface QueueFlags {
  queue?: true | string;
  store?: string;
  refresh?: boolean;
  like?: string;
  anyProcessor?: boolean;
}

/** The address of the queue. @throws UsageError where none is given */
function addressOf({ queue }: Pick<QueueFlags, 'queue'>): string {
  const address = typeof queue === 'string' ? queue : process.env[QUEUE_VARIABLE];
  if (address) return address;
  throw new UsageError(`--queue: give its address, such as redis://localhost:6379, here or in ${QUEUE_VARIABLE}`);
}

/** The place of the store. @throws UsageError where none is given */
export function placeOf({ store }: Pick<QueueFlags, 'store'>): string {
  const place = store ?? process.env[STORE_VARIABLE];
  if (place) return place;
  throw new UsageError(
    `--store: a queue needs a place that its workers share, a folder or s3://bucket/prefix, here or in ${STORE_VARIABLE}`,
  );
}

/**
 * Does something with the queue's server.
 * @throws QueueError where it cannot be used
 */
export async function withServer<Result>(
  flags: Pick<QueueFlags, 'queue'>,
  say: (text: string) => void,
  body: (server: Server) => Promise<Result>,
): Promise<Result> {
  const server = await connect(addressOf(flags), say);
  try {
    return await body(server);
  } catch (error) {
    throw faultOf(error, server);
  } finally {
    await server.close();
  }
}

/** Does something with the queue's server and the store, both of which can be used then. */
export async function withQueue<Result>(
  flags: QueueFlags,
  say: (text: string) => void,
  body: (server: Server, store: SharedStore) => Promise<Result>,
): Promise<Result> {
  addressOf(flags); // told before the store is opened
  const store = await openShared(placeOf(flags));
  return withServer(flags, say, (server) => body(server, store));
}

/**
 * How a command's runs are to be computed.
 * @param server is asked for the worker that they are to be computed like
 * @throws UsageError where there is no worker of that name
 */
export async function kindOf(
  { like, anyProcessor }: QueueFlags,
  setups: readonly Setup[],
  server?: Server,
): Promise<Kind> {
  if (like !== undefined) {
    const workers = server === undefined ? [] : await new Registry(server.client).workers();
    const found = workers.find(({ id }) => id === like);
    if (found !== undefined) return found.computes;
    const there = workers.map(({ id }) => id).join(', ') || 'none';
    throw new UsageError(`--like: there is no worker ${like}; there are: ${there}`);
  }
  const kind = kindHere(await startEngine(undefined, widest(setups)));
  return anyProcessor ? { ...kind, processorKind: ANY_PROCESSOR } : kind;
}

/** Machines that carry out a command's runs. */
export interface Machines {
  readonly remote: Remote;
  /** What an interrupted command says of them, before it says how to go on. */
  readonly goesOn: string;
}

/**
 * Does what is to be done with the machines that a command gives its runs to; with none, where it trains them here.
 * @param setups of the runs, so far as they are known
 * @param what the runs are for
 */
export async function withMachines<Result>(
  flags: QueueFlags,
  setups: readonly Setup[],
  what: Pick<QueueOptions, 'name' | 'command' | 'say' | 'onWorkers' | 'folder'>,
  body: (machines?: Machines) => Promise<Result>,
): Promise<Result> {
  if (flags.queue === undefined) {
    const useless = ABOUT_QUEUE.find((option) => flags[option.attributeName() as keyof QueueFlags]);
    if (useless !== undefined) throw new UsageError(`${useless.long} is for runs on a queue: say which with --queue`);
    return body();
  }
  const { say } = what;
  return withQueue(flags, say, async (server, store) => {
    const kind = await kindOf(flags, setups, server);
    const code = codeVersion();
    const { refresh = false } = flags;
    const { name, version } = kind.engine;
    say(`engine: ${name} (TensorFlow.js ${version}), on the workers of ${server.place}, code ${code}`);
    return body({
      remote: { ...kind, start: queueExecutor({ server, store, kind, code, refresh, ...what }) },
      goesOn: `the workers of ${server.place} go on with its runs, until "negative-knowledge sweep cancel" ends them; `,
    });
  });
}
