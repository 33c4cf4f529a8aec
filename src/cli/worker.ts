/** The command `worker`: takes runs from a queue and trains them, until it is asked to stop. */
import { Option } from 'commander';
import { availableCores } from '../lab/plan.ts';
import { codeVersion } from '../lab/shared/version.ts';
import { NO_METER, serveMetrics } from '../queue/metrics.ts';
import { workOn } from '../queue/worker.ts';
import { type Define, EXIT } from './exit.ts';
import { jobsOption, parseDuration, parseWhole, UsageError } from './options.ts';
import { kindOf, type QueueFlags, queueOption, storeOption, withQueue } from './queue.ts';

interface Flags extends QueueFlags {
  jobs?: number;
  memory?: number;
  tries: number;
  lease: number;
  untilEmpty: boolean;
  metrics?: string;
}

const GIB = 2 ** 30;

/** Gibibytes, such as 8 or 0.5, in bytes. */
function parseMemory(text: string): number {
  const value = /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (!(value > 0)) throw new UsageError(`--memory: "${text}" must be a number of gibibytes, such as 16`);
  return value * GIB;
}

async function work(flags: Flags): Promise<number> {
  const say = (text: string) => void process.stderr.write(`${text}\n`);
  const stop = new AbortController();
  const asked = () => {
    if (stop.signal.aborted) process.exit(EXIT.interrupted); // who asks twice does not wait
    say('stopping: runs in hand go back to the queue');
    stop.abort();
  };
  process.on('SIGINT', asked).on('SIGTERM', asked);
  return withQueue(flags, say, async (server, store) => {
    const metrics = flags.metrics === undefined ? null : await serveMetrics(flags.metrics);
    if (metrics !== null) say(`metrics: ${metrics.place}`);
    const { finished, failed } = await workOn({
      ...{ server, store, say, tries: flags.tries, lease: flags.lease, untilEmpty: flags.untilEmpty },
      ...{
        memory: flags.memory,
        kind: await kindOf(flags, []),
        code: codeVersion(),
        jobs: flags.jobs ?? availableCores(),
      },
      ...{ meter: metrics?.meter ?? NO_METER, signal: stop.signal },
    });
    metrics?.close();
    say(`${finished} runs finished here, ${failed} failed`);
    return EXIT.reproduced;
  });
}

export const workerCommand: Define = (command, ending) =>
  command
    .addOption(queueOption)
    .addOption(storeOption)
    .option('--any-processor', 'take the runs of those that asked for processors of every kind', false)
    .addOption(jobsOption)
    .option('--memory <GiB>', 'memory that its runs may use together (default: what is free)', parseMemory)
    .option(
      '--tries <n>',
      'how often a run may end its process or its worker, without having come further, until it is given up',
      (text) => parseWhole(text, '--tries', 1, 1000),
      5,
    )
    .addOption(
      new Option('--lease <time>', 'how long a run is left to a worker that gives no sign of life')
        .argParser((text) => {
          const lease = parseDuration(text, '--lease');
          if (lease < 1_000) throw new UsageError('--lease: must be a second or more');
          return lease;
        })
        .default(30_000, '30s'),
    )
    .option('--until-empty', 'leave when there is nothing to do', false)
    .option('--metrics <address>', 'serve numbers for Prometheus at a port of this machine, or at host:port')
    .addHelpText(
      'after',
      '\nA worker takes runs for its own engine (--engine) and by its own code. SIGTERM or Ctrl-C: its runs go back to the queue, and others go on from their checkpoints.',
    )
    .action(ending(work));
