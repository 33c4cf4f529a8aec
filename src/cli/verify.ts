/** The command `verify`: works out again what run records say, and tells what could and could not be checked. */
import { randomUUID } from 'node:crypto';
import os from 'node:os';
import { codeVersion } from '../lab/shared/version.ts';
import { queueExecutor } from '../queue/executor.ts';
import { plainTable } from '../report/table.ts';
import type { Check } from '../verify/record.ts';
import type { VerifyOptions } from '../verify/verify.ts';
import { type Define, EXIT } from './exit.ts';
import { commandLine, jsonOption, parseWhole } from './options.ts';
import { type QueueFlags, queueOption, storeOption, withQueue } from './queue.ts';

interface Flags extends QueueFlags {
  retrain: string;
  seed: string;
  against?: string;
  jobs: string;
  json: boolean;
}

/** Differences that are told one by one. */
const SHOWN = 20;

async function verify(sources: readonly string[], flags: Flags): Promise<number> {
  const { CHECKS } = await import('../verify/record.ts');
  const { reasons, tally, verifyStudies } = await import('../verify/verify.ts');
  const options: VerifyOptions = {
    sources,
    against: flags.against,
    retrain: parseWhole(flags.retrain, '--retrain', 0, 1e6),
    seed: parseWhole(flags.seed, '--seed', 0, 0xffffffff),
    jobs: parseWhole(flags.jobs, '--jobs', 1, 1024),
    say: (text) => void process.stderr.write(`${text}\n`),
  };
  const { studies, outcomes } = await (flags.queue === undefined
    ? verifyStudies(options)
    : verifyOnQueue(options, flags, verifyStudies));
  const out = (text: string) => void process.stdout.write(`${text}\n`);
  const records = studies.flatMap((study) => study.records);
  const checks = tally(outcomes);
  const differing = outcomes.filter(({ result }) => result === 'differs');
  const notChecked = reasons(outcomes);
  const agrees = differing.length === 0;
  const code = agrees ? EXIT.reproduced : EXIT.notReproduced;
  if (flags.json) {
    out(JSON.stringify({ records: records.length, agrees, checks, differing, notChecked }));
    return code;
  }
  const rows = Object.entries(checks).map(([check, counts]) => [
    check,
    ...Object.values(counts),
    CHECKS[check as Check],
  ]);
  out(plainTable(['check', 'agree', 'differ', 'not checked', ''], rows, WIDTHS));
  if (notChecked.length > 0) out(['not checked:', ...notChecked.map((line) => `  ${line}`)].join('\n'));
  for (const { check, what, reason } of differing.slice(0, SHOWN)) out(`${what}: ${check}: ${reason}`);
  if (differing.length > SHOWN) out(`and ${differing.length - SHOWN} more`);
  const failed = records.filter(({ status }) => status === 'failed').length;
  out(
    `${records.length} records, ${failed} of failed runs, in ${studies.map(({ name, arithmetic }) => `${name} (${arithmetic})`).join(', ')}: ` +
      `${agrees ? 'all that could be checked agrees' : `${differing.length} checks differ`}`,
  );
  return code;
}

/** Has the runs that are trained again trained by the workers of a queue: anew, whatever its store has of them. */
async function verifyOnQueue(
  options: VerifyOptions,
  flags: QueueFlags,
  verifyStudies: typeof import('../verify/verify.ts').verifyStudies,
): ReturnType<typeof verifyStudies> {
  const { say } = options;
  const code = codeVersion();
  return withQueue(flags, say, (server, store) => {
    const about = { server, store, code, say, refresh: false, name: 'verify', command: commandLine('verify') };
    return verifyStudies({
      ...options,
      remote: ({ name, version }, { environment }) => {
        const kind = { engine: { name, version }, processorKind: environment.processorKind ?? environment.processor };
        const folder = `${code}-again-${randomUUID().slice(0, 8)}`;
        return { ...kind, start: queueExecutor({ ...about, kind, folder }) };
      },
    });
  });
}

/** With the lines between them, as wide as a terminal of 80 characters. */
const WIDTHS = [20, 7, 8, 13, 26] as const;

export const verifyCommand: Define = (command, ending) =>
  command
    .option('--retrain <n>', 'train so many of the runs again, chosen at random, and compare', '0')
    .option('--seed <n>', 'what they are chosen with', String(Math.floor(Date.now() / 1000)))
    .option('--against <claims.json>', 'check the verdicts of this file (default: the claims.json in the folder)')
    .option('--jobs <n>', 'runs at once', String(os.availableParallelism()))
    .addOption(queueOption)
    .addOption(storeOption)
    .addOption(jsonOption)
    .addHelpText(
      'after',
      '\nExit codes: 0 all that could be checked agrees; 1 something differs; 2 the command could not be carried out.',
    )
    .action(ending(verify));
