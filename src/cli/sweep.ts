/** The command `sweep`: trains every setup of a grid, and judges each. */
import path from 'node:path';
import { defaultJobs } from '../lab/plan.ts';
import { RunStore } from '../lab/store.ts';
import { bytesOnDisk, operationsOf } from '../sweep/cost.ts';
import { GRIDS, planSweep, readGrid, runsOf, type SweepPlan } from '../sweep/grid.ts';
import { openSweep, runSweep, type SweepResult } from '../sweep/sweep.ts';
import { countsText, sweepCsv, sweepMarkdown, sweepText } from '../sweep/text.ts';
import { painted } from './colours.ts';
import { timesText } from './dry-run.ts';
import { type Define, EXIT, interruptible } from './exit.ts';
import { newLocalFolder } from './local.ts';
import {
  commandLine,
  dryRunOption,
  jobsOption,
  jsonOption,
  LOCAL_REPORTS,
  parseSeeds,
  parseWhole,
  presetName,
  repeated,
  UsageError,
} from './options.ts';
import { ProgressDisplay } from './progress.ts';

interface Flags {
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

async function sweep(given: string, flags: Flags): Promise<number> {
  const { preset, set, seeds, seedList, jobs, microBatch, resume, json } = flags;
  if (resume && flags.out === undefined) throw new UsageError('--resume: say which folder with --out');
  const plan = planSweep(readGrid(given), {
    set,
    ...(preset === undefined ? {} : { preset: presetName(preset) }),
    ...(seeds === undefined && seedList === undefined ? {} : { seeds: parseSeeds({ seeds: seeds ?? '1', seedList }) }),
  });
  runsOf(plan); // an arm that is impossible is told before anything is opened
  if (flags.dryRun) {
    process.stdout.write(`${await forecast(plan, flags)}\n`);
    return EXIT.reproduced;
  }
  const command = commandLine('sweep');
  const folder = flags.out ?? newLocalFolder(plan.name);
  const means = await openSweep(plan, { folder, resume, jobs, microBatch, command, say });
  const { store, setups } = means;
  say(`${setups.length} runs of ${plan.cells.length} cells, ${means.jobs} at once, into ${store.folder}`);
  const display = new ProgressDisplay(setups, err);
  const result = await interruptible(
    `What is done is kept; the same command with --resume --out ${path.relative('.', store.folder)} goes on`,
    () =>
      runSweep(plan, means, {
        onProgress: (setup, progress) => display.update(setup, progress),
        onEnd: ({ setup, record, reused }) => display.end(setup, record, reused),
      }),
  ).finally(() => {
    display.stop();
    store.close();
  });
  const page = await store.writeText('sweep.md', sweepMarkdown(plan, result, command));
  const table = await store.writeText('sweep.csv', sweepCsv(plan, result));
  if (json) process.stdout.write(`${JSON.stringify(inShort(result))}\n`);
  else process.stdout.write(`${sweepText(result, painted())}\n${countsText(result)}\n${page}\n${table}\n`);
  const verdicts = result.cells.flatMap(({ judgements }) => judgements.map(({ verdict }) => verdict));
  if (verdicts.includes('invalid')) return EXIT.notCarriedOut; // of some cell there is no verdict
  return verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.notReproduced;
}

export const sweepCommand: Define = (command, ending) =>
  command
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
    .addHelpText(
      'after',
      `\nA grid is a file, or one of the paper's: ${GRIDS.join(', ')}.\nExit codes: 0 every claim of every cell is reproduced; 1 one is not; 2 it could not be carried out.`,
    )
    .action(ending(sweep));
