/** The command `sweep`: trains every setup of a grid, and judges each. */
import path from 'node:path';
import { type Command, Option } from 'commander';
import type { Means } from '../lab/job.ts';
import { defaultJobs } from '../lab/plan.ts';
import { readShared, runKey } from '../lab/shared/shared-store.ts';
import { codeVersion } from '../lab/shared/version.ts';
import { RunStore } from '../lab/store.ts';
import type { SweepEntry } from '../queue/registry.ts';
import type { Server } from '../queue/server.ts';
import { cancel, pause, standings, standingsText } from '../queue/status.ts';
import { writeOwn } from '../records/own-files.ts';
import { bytesOnDisk, operationsOf } from '../sweep/cost.ts';
import { drawnSetups } from '../sweep/drawn.ts';
import { claimsOf, GRIDS, planSweep, readGrid, runsOf, type SweepPlan } from '../sweep/grid.ts';
import { kubernetesJob, slurmScripts } from '../sweep/scripts.ts';
import { type Gathered, gather, gatherFrom, parseShare, runText, shareFolder, shareOf } from '../sweep/share.ts';
import { openSweep, runSweep, type SweepResult } from '../sweep/sweep.ts';
import { countsText, sweepCsv, sweepMarkdown, sweepText } from '../sweep/text.ts';
import { painted } from './colours.ts';
import { timesText } from './dry-run.ts';
import { type Define, type Ending, EXIT, interruptible } from './exit.ts';
import { newLocalFolder } from './local.ts';
import {
  commandLine,
  dryRunOption,
  jobsOption,
  jsonOption,
  LOCAL_REPORTS,
  parseSeeds,
  parseWhole,
  repeated,
  UsageError,
} from './options.ts';
import { ProgressDisplay } from './progress.ts';
import { kindOf, placeOf, type QueueFlags, withMachines, withQueueOptions, withServer } from './queue.ts';

interface Flags extends QueueFlags {
  preset?: string;
  set: string[];
  seeds?: string;
  seedList?: string;
  jobs?: number;
  microBatch?: number;
  out?: string;
  resume: boolean;
  dryRun: boolean;
  json: boolean;
  task?: string;
  gather: boolean;
  print?: string;
  tasks?: number;
  atOnce?: number;
  image: string;
}

const err = process.stderr;
const say = (text: string): void => void err.write(`${text}\n`);

/** A number as people read it: 3.2e15. */
const large = (value: number): string => value.toPrecision(2).replace('e+', 'e');

/** What the sweep would train, and what that takes. */
async function forecast(plan: SweepPlan, { out, resume, jobs: asked, microBatch }: Flags): Promise<string> {
  const setups = runsOf(plan);
  const jobs = asked ?? defaultJobs(setups);
  const there = out === undefined || !resume ? [] : await new RunStore(out).recordNames();
  const bytes = bytesOnDisk(setups, jobs);
  return [
    `${plan.name}: ${plan.cells.length} cells, ${plan.seeds.length} seeds, claims ${plan.claims.map(({ id }) => id).join(', ')}`,
    ...plan.cells.slice(0, 20).map(({ label }) => `  ${label}`),
    ...(plan.cells.length > 20 ? [`  and ${plan.cells.length - 20} more`] : []),
    `${setups.length} runs, ${jobs} at once${there.length === 0 ? '' : `; ${there.length} records are there already`}`,
    `${large(setups.reduce((sum, setup) => sum + operationsOf(setup), 0))} floating-point operations, ${(bytes / 1e9).toPrecision(2)} GB on disk`,
    'all of them, on each engine here:',
    ...(await timesText(setups, jobs, microBatch ?? null)),
    'nothing was trained or written',
  ].join('\n');
}

/** What is printed with --json. */
const inShort = ({ cells, runs }: SweepResult) => ({
  cells: cells.map(({ label, judgements }) => ({
    cell: label,
    claims: judgements.map(({ id, verdict, estimate, interval, seeds }) => ({
      id,
      verdict,
      estimate,
      interval,
      seeds,
    })),
  })),
  runs: runs.map(({ record, file }) => ({
    setup: record.setup.name,
    seed: record.setup.seed,
    status: record.status,
    record: file,
  })),
});

/** How it ends: 0 where every claim of every cell is reproduced. */
function exitCode({ cells }: SweepResult): number {
  const verdicts = cells.flatMap(({ judgements }) => judgements.map(({ verdict }) => verdict));
  if (verdicts.includes('invalid')) return EXIT.notCarriedOut; // of some cell there is no verdict
  return verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.notReproduced;
}

/** Trains runs of a sweep in a folder. */
async function train(plan: SweepPlan, means: Means, display: ProgressDisplay, goOn: string): Promise<SweepResult> {
  return interruptible(`What is done is kept; ${goOn}`, () =>
    runSweep(plan, means, {
      onProgress: (setup, progress) => display.update(setup, progress),
      onEnd: ({ setup, record, reused }) => display.end(setup, record, reused),
    }),
  ).finally(() => display.stop());
}

/** Trains one share, in a folder of its own. A task that starts again goes on where it was. */
async function trainShare(plan: SweepPlan, folder: string, flags: Flags): Promise<number> {
  const share = parseShare(flags.task as string);
  const own = shareOf(runsOf(plan), share);
  if (own.length === 0) {
    say(`share ${flags.task} has no runs: there are fewer than shares`);
    return EXIT.reproduced;
  }
  const request = { ...flags, folder: shareFolder(folder, share), resume: true, command: commandLine('sweep'), say };
  const means = await openSweep(plan, request, own);
  say(`share ${flags.task}: ${own.length} runs, ${means.jobs} at once, into ${means.store.folder}`);
  const display = new ProgressDisplay(own, err);
  const result = await train(plan, means, display, 'the same command goes on').finally(() => means.store.close());
  process.stdout.write(`${countsText(result)}\n`);
  return EXIT.reproduced; // its runs are trained; what they say is for the whole sweep to tell
}

/** Judges what is trained so far: by the shares in a folder, or by the workers of a queue. */
async function gatherSoFar(plan: SweepPlan, folder: string, flags: Flags): Promise<number> {
  const { json } = flags;
  const { result, missing } =
    flags.store === undefined && flags.queue === undefined
      ? await gather(plan, folder)
      : await gatherStore(plan, flags);
  const files = new Map([
    ['sweep.md', sweepMarkdown(plan, result, commandLine('sweep'), missing.length > 0)],
    ['sweep.csv', sweepCsv(plan, result)],
  ]);
  await writeOwn(folder, files);
  if (json) process.stdout.write(`${JSON.stringify({ ...inShort(result), missing: missing.map(runText) })}\n`);
  else
    process.stdout.write(
      `${sweepText(result, painted())}\n${result.runs.length} runs have ended, ${missing.length} are still to come\n`,
    );
  return missing.length > 0 ? EXIT.notCarriedOut : exitCode(result);
}

/** What the store that workers share has of a sweep. */
async function gatherStore(plan: SweepPlan, flags: Flags): Promise<Gathered> {
  const store = await readShared(placeOf(flags));
  const setups = runsOf(plan);
  const kind = await (flags.like === undefined
    ? kindOf(flags, setups)
    : withServer(flags, say, (server) => kindOf(flags, setups, server)));
  const [code, microBatch] = [codeVersion(), flags.microBatch ?? null];
  const ended = await store.ended(code);
  return gatherFrom(plan, store.bucket.place, async (setup) => {
    const key = runKey(setup, kind, { microBatch }, code);
    const record = ended.has(key) ? await store.readRecord(code, key) : null;
    return record && { record: { ...record, setup }, file: store.placeOf(code, key) };
  });
}

/** Prints what starts the shares on a cluster. */
function printScripts(given: string, plan: SweepPlan, folder: string, flags: Flags): number {
  const { print, set, preset, seeds, seedList, microBatch, jobs = 1 } = flags;
  const setups = runsOf(plan);
  const tasks = Math.min(setups.length, flags.tasks ?? Math.ceil(setups.length / RUNS_OF_A_TASK));
  const repeatedOptions: readonly (readonly [string, string | number | undefined])[] = [
    ...set.map((change) => ['--set', change] as const),
    ...([
      ['--preset', preset],
      ['--seeds', seeds],
      ['--seed-list', seedList],
      ['--micro-batch', microBatch],
    ] as const),
  ];
  const options = {
    name: plan.name,
    words: [
      ...['npx', 'negative-knowledge', 'sweep', given],
      ...repeatedOptions.flatMap(([option, value]) => (value === undefined ? [] : [option, String(value)])),
      ...['--jobs', String(jobs), '--out', path.resolve(folder), '--task'],
    ],
    tasks,
    atOnce: flags.atOnce ?? tasks,
    jobs,
    folder: path.resolve(folder),
    root: process.cwd(),
  };
  const text = print === 'slurm' ? slurmScripts(options).join('\n') : kubernetesJob(options, flags.image);
  process.stdout.write(text);
  say(
    `${setups.length} runs in ${tasks} shares; "--gather" in place of "--print ${print}" judges what they have trained`,
  );
  return EXIT.reproduced;
}

/** Runs that a task takes one after the other, unless told: starting a task takes a while. */
const RUNS_OF_A_TASK = 4;

async function sweep(given: string, flags: Flags): Promise<number> {
  const { preset, set, seeds, seedList, jobs, microBatch, resume, json } = flags;
  if (resume && flags.out === undefined) throw new UsageError('--resume: say which folder with --out');
  const read = readGrid(given);
  const instead = {
    set,
    ...(preset === undefined ? {} : { preset }),
    ...(seeds === undefined && seedList === undefined ? {} : { seeds: parseSeeds({ seeds: seeds ?? '1', seedList }) }),
  };
  const plan = planSweep(read, instead, await drawnSetups(read.grid, claimsOf(read)));
  runsOf(plan); // an arm that is impossible is told before anything is opened
  if (flags.dryRun) {
    process.stdout.write(`${await forecast(plan, flags)}\n`);
    return EXIT.reproduced;
  }
  const wanted = [
    flags.task !== undefined && '--task',
    flags.gather && '--gather',
    flags.print !== undefined && '--print',
  ];
  const [special, ...others] = wanted.filter((option) => option !== false);
  if (others.length > 0) throw new UsageError(`${special} and ${others.join(' and ')} are different things: take one`);
  if (special !== undefined) {
    if (flags.queue !== undefined && !flags.gather)
      throw new UsageError(`${special} and --queue are different things: take one`);
    if (flags.out === undefined) throw new UsageError(`${special}: say which folder with --out`);
    if (flags.task !== undefined) return trainShare(plan, flags.out, flags);
    return flags.gather ? gatherSoFar(plan, flags.out, flags) : printScripts(given, plan, flags.out, flags);
  }
  const command = commandLine('sweep');
  const setups = runsOf(plan);
  const display = new ProgressDisplay(setups, err);
  const what = { name: plan.name, command, say, onWorkers: display.note };
  return withMachines(flags, setups, what, async (machines) => {
    const folder = flags.out ?? newLocalFolder(plan.name);
    const remote = machines?.remote;
    const means = await openSweep(plan, { folder, resume, jobs, microBatch, command, remote, say });
    const { store } = means;
    const atOnce = remote === undefined ? `, ${means.jobs} at once` : '';
    say(`${setups.length} runs of ${plan.cells.length} cells${atOnce}, into ${store.folder}`);
    const goOn = `${machines?.goesOn ?? ''}the same command with --resume --out ${path.relative('.', store.folder)} goes on`;
    const result = await train(plan, means, display, goOn).finally(() => store.close());
    const page = await store.writeText('sweep.md', sweepMarkdown(plan, result, command));
    const table = await store.writeText('sweep.csv', sweepCsv(plan, result));
    if (json) process.stdout.write(`${JSON.stringify(inShort(result))}\n`);
    else process.stdout.write(`${sweepText(result, painted())}\n${countsText(result)}\n${page}\n${table}\n`);
    return exitCode(result);
  });
}

/** A command about the sweeps that are on a queue. */
const aboutQueue =
  (does: (server: Server, flags: QueueFlags & { json: boolean }, id: string | undefined) => Promise<void>) =>
  (flags: QueueFlags & { json: boolean }, id: string | undefined): Promise<number> =>
    withServer(flags, say, async (server) => {
      await does(server, flags, id);
      return EXIT.reproduced;
    });

const showStatus = aboutQueue(async (server, flags) => {
  const now = await standings(server, await readShared(placeOf(flags)));
  process.stdout.write(flags.json ? `${JSON.stringify(now)}\n` : `${standingsText(now)}\n`);
});
const cancelSweep = aboutQueue(async (server, _, id) => {
  const { sweep, removed } = await cancel(server, id);
  say(
    `${sweep.name} (${sweep.id}) is cancelled: ${removed} runs are out of the queue, and those in hand are let go of; what is done is kept`,
  );
});
const setState = (state: SweepEntry['state']) =>
  aboutQueue(async (server, _, id) => {
    const { name, id: which } = await pause(server, id, state);
    say(`${name} (${which}) ${state === 'paused' ? 'pauses: runs in hand are trained to their end' : 'goes on'}`);
  });

/** The commands about sweeps that are on a queue already. Their options are those of `sweep`, which commander reads first. */
function addQueueCommands(sweepItself: Command, ending: Ending): void {
  const about = (usage: string, description: string, does: ReturnType<typeof setState>) => {
    const command = sweepItself.command(usage).description(description);
    command.action(
      ending(() =>
        does(command.optsWithGlobals<QueueFlags & { json: boolean }>(), command.args[0] as string | undefined),
      ),
    );
  };
  about('status', 'How the sweeps on a queue stand, and which workers there are.', showStatus);
  about('cancel [id]', 'End a sweep: what waits leaves the queue, what is in hand is let go of.', cancelSweep);
  about('pause [id]', 'Have workers begin no more runs of a sweep.', setState('paused'));
  about('go-on [id]', 'Let a sweep that pauses go on.', setState('running'));
}

export const sweepCommand: Define = (command, ending) => {
  addQueueCommands(command, ending);
  return withQueueOptions(command)
    .option('--preset <name>', "the setup that cells change, in place of the grid's")
    .option('--set <path=value>', 'change a field of every cell; repeatable', repeated, [])
    .option('--seeds <n>', 'how many seeds a cell is trained under, of those that are kept for claims')
    .option('--seed-list <seeds>', 'which seeds instead, such as 11 or 11,12,13')
    .addOption(jobsOption)
    .option('--micro-batch <n>', 'sequences of each kind in a pass (default: as many as fit into memory)', (text) =>
      parseWhole(text, '--micro-batch', 1, 65536),
    )
    .option('--out <folder>', `where records and tables go (default: a new folder in ${LOCAL_REPORTS})`)
    .option('--resume', 'go on in --out: keep its finished runs, continue the interrupted ones', false)
    .addOption(dryRunOption)
    .addOption(jsonOption)
    .option(
      '--task <share>',
      'train one share of the runs alone, such as 0/12 of twelve, in a folder of its own in --out',
    )
    .option('--gather', 'judge what is trained so far, by the shares in --out or by the workers of --queue', false)
    .addOption(
      new Option('--print <cluster>', 'print what starts the shares on a cluster, and train nothing').choices([
        'slurm',
        'k8s',
      ]),
    )
    .option('--tasks <n>', `shares to print (default: one for ${RUNS_OF_A_TASK} runs)`, (text) =>
      parseWhole(text, '--tasks', 1, 1_000_000),
    )
    .option('--at-once <n>', 'shares at once to print (default: all)', (text) =>
      parseWhole(text, '--at-once', 1, 1_000_000),
    )
    .option('--image <name>', 'container image to print for k8s', 'negative-knowledge')
    .addHelpText(
      'after',
      `\nA grid is a file, or one of the paper's: ${GRIDS.join(', ')}.\nExit codes: 0 every claim of every cell is reproduced; 1 one is not; 2 it could not be carried out.`,
    )
    .action(ending(sweep));
};
