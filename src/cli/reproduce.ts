/** The commands that train: `reproduce` trains the runs that claims need and judges the claims; `resume` goes on with a job. */
import path from 'node:path';
import { familyOf } from '../claims/family.ts';
import { CLAIMS, type Claim, CORE } from '../claims/index.ts';
import { predicted } from '../claims/prediction.ts';
import { ENGINE_VARIABLE } from '../engine/names.ts';
import { distinctSetups, type Job, type JobResult, planJob, planSetups, runJob } from '../lab/job.ts';
import { withModel } from '../lab/model.ts';
import { runId } from '../lab/store.ts';
import { type Elsewhere, lookElsewhere, take } from '../lab/take.ts';
import { notedJob, notedTaken } from '../records/study.ts';
import { claimsJson } from '../report/files/claims-json.ts';
import { markdownReport } from '../report/markdown.ts';
import { foundOf, predictedText } from '../report/prediction.ts';
import { claimsTable } from '../report/table.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { DEFAULT_SEEDS } from '../setup/presets.ts';
import type { Setup } from '../setup/schema.ts';
import { painted } from './colours.ts';
import { forecast } from './dry-run.ts';
import { type Define, EXIT, interruptible } from './exit.ts';
import { jobFolder, localJobs, newLocalFolder } from './local.ts';
import {
  commandLine,
  configOption,
  dryRunOption,
  jobsOption,
  jsonOption,
  LOCAL_REPORTS,
  parseClaims,
  parseSeeds,
  parseWhole,
  presetOption,
  repeated,
  seedListOption,
  seedsOption,
  UsageError,
} from './options.ts';
import { ProgressDisplay } from './progress.ts';
import { type Machines, type QueueFlags, withMachines, withQueueOptions } from './queue.ts';

interface Flags extends QueueFlags {
  preset: string;
  seeds: string;
  seedList?: string;
  claims: string;
  set: string[];
  config?: string;
  model?: string;
  lettersOnly: boolean;
  keepModels: boolean;
  jobs?: number;
  microBatch?: number;
  out?: string;
  resume: boolean;
  reuse?: true | string[];
  dryRun: boolean;
  json: boolean;
}

/** What is to be trained and judged, where, and how. */
interface Order
  extends QueueFlags,
    Pick<Flags, 'keepModels' | 'jobs' | 'microBatch' | 'resume' | 'reuse' | 'dryRun' | 'json'> {
  readonly setup: Setup;
  readonly claims: readonly Claim[];
  readonly seeds: readonly number[];
  readonly folder: string;
  readonly command: string;
}

const err = process.stderr;
const say = (text: string): void => void err.write(`${text}\n`);

/** Verdicts, and where the records are. */
const inShort = ({ judgements, runs }: JobResult) => ({
  claims: judgements.map(({ id, verdict, estimate, interval, seeds }) => ({ id, verdict, estimate, interval, seeds })),
  runs: runs.map(({ record, file }) => ({ seed: record.setup.seed, status: record.status, record: file })),
});

/** Finished runs of other jobs. @throws UsageError where a folder that was named cannot be read */
async function elsewhere(
  job: Parameters<typeof lookElsewhere>[0],
  reuse: true | readonly string[],
): Promise<Elsewhere> {
  const own = path.resolve(job.store.folder);
  const folders = (reuse === true ? localJobs() : reuse).filter((folder) => path.resolve(folder) !== own);
  const found = await lookElsewhere(job, folders);
  if (reuse !== true && found.unread.length > 0) throw new UsageError(`--reuse: ${found.unread.join('; ')}`);
  for (const line of found.unread) say(`not looked into: ${line}`);
  return found;
}

/** Takes runs from other jobs, and says which. */
async function takeRuns(job: Job, reuse: true | readonly string[]): Promise<void> {
  const taken = await take(job, await elsewhere(job, reuse));
  for (const { run, from } of taken) say(`${run} is taken from ${from}`);
  if (taken.length === 0) say('no finished run of another job is one of these');
}

/** What the engine has to do with how long it takes; said once a job. */
function engineHint({ engine }: Job): string | null {
  const chosen = process.env[ENGINE_VARIABLE];
  if (engine.name !== 'wasm' || chosen || !['linux', 'darwin'].includes(process.platform)) return null;
  return 'a quicker engine could be had: "npx negative-knowledge engine native" builds it (2 to 3 times as fast, reports/speed.md)';
}

async function train(
  job: Job,
  { claims, keepModels }: Order,
  display: ProgressDisplay,
  machines?: Machines,
): Promise<JobResult> {
  const { store } = job;
  const folder = path.relative('.', store.folder);
  const goOn =
    machines === undefined
      ? `"npx negative-knowledge resume ${folder}" goes on`
      : `${machines.goesOn}the same command with --resume --out ${folder} goes on`;
  return interruptible(`What is done is kept; ${goOn}`, () =>
    runJob(job, claims, {
      keepModels,
      onProgress: (setup, progress) => display.update(setup, progress),
      onEnd: ({ setup, record, reused }) => display.end(setup, record, reused),
    }),
  ).finally(() => {
    display.stop();
    store.close();
  });
}

/** Trains and judges, or says what that would take. */
async function carryOut(order: Order): Promise<number> {
  const { setup, claims, seeds, folder, resume, command, jobs, microBatch, dryRun, reuse } = order;
  planSetups(setup, claims, seeds); // an arm that is impossible is told before anything is looked for
  if (dryRun) {
    const look = reuse === undefined ? null : (job: Parameters<typeof lookElsewhere>[0]) => elsewhere(job, reuse);
    process.stdout.write(`${await forecast({ setup, claims, seeds, folder, resume, jobs, microBatch }, look)}\n`);
    return EXIT.reproduced;
  }
  const setups = distinctSetups(planSetups(setup, claims, seeds));
  const display = new ProgressDisplay(setups, err);
  const what = { name: setup.name, command, say, onWorkers: display.note };
  return withMachines(order, setups, what, (machines) => trainAndJudge(order, display, machines));
}

async function trainAndJudge(order: Order, display: ProgressDisplay, machines?: Machines): Promise<number> {
  const { setup, claims, seeds, folder, resume, command, jobs, microBatch, keepModels, json, reuse } = order;
  const reports = ['report.md', 'claims.json'];
  const asked = { claims: claims.map(({ id }) => id), seeds: [...seeds], jobs: jobs ?? null, keepModels };
  const remote = machines?.remote;
  const request = { setup, claims, seeds, folder, resume, command, reports, jobs, microBatch, asked, remote, say };
  const job = await planJob(request);
  const { store, engine } = job;
  say(`${job.setups.length} runs${remote === undefined ? `, ${job.jobs} at once` : ''}, into ${store.folder}`);
  const hint = remote === undefined ? engineHint(job) : null;
  if (hint !== null) say(hint);
  try {
    if (reuse !== undefined) await takeRuns(job, reuse);
  } catch (error) {
    store.close();
    throw error;
  }
  const { judgements, runs } = await train(job, order, display, machines);

  const main = judgements.find(({ id, verdict }) => id === 'main' && verdict !== 'invalid');
  const prediction = main === undefined ? null : predicted(main, foundOf(setup));
  const document = { ...inShort({ judgements, runs }), engine: engine.name, prediction };
  const taken = notedTaken(
    store.folder,
    job.setups.map((one) => runId(one, engine.name)),
  );
  const report = await store.writeText('report.md', markdownReport(claims, judgements, runs, command, taken));
  const study = { setup, commands: [command], records: runs.map(({ record }) => record), taken, source: store.folder };
  const judged = { name: setup.name, study, ...familyOf(claims, judgements), inPart: true, prediction };
  await store.writeText('claims.json', claimsJson(command, [judged]));
  if (json) {
    process.stdout.write(`${JSON.stringify(document)}\n`);
  } else {
    const failures = runs.filter(({ record }) => record.status === 'failed').length;
    process.stdout.write(`${claimsTable(judgements, painted())}\n`);
    if (main !== undefined && prediction !== null) process.stdout.write(`${predictedText(main, prediction)}\n`);
    if (failures > 0) process.stdout.write(`${failures} of ${runs.length} runs failed; their records say why.\n`);
    process.stdout.write(`run records: ${path.join(store.folder, 'runs')}\nreport: ${report}\n`);
  }
  const verdicts = judgements.map(({ verdict }) => verdict);
  if (verdicts.includes('invalid')) return EXIT.notCarriedOut; // there is no verdict
  return verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.notReproduced;
}

async function reproduce(flags: Flags): Promise<number> {
  const claims = parseClaims(flags.claims);
  const seeds = parseSeeds(flags);
  const resolved = resolveSetup(flags);
  planSetups(resolved, claims, seeds); // as in carryOut: before a model is looked for
  if (flags.resume && flags.out === undefined) throw new UsageError('--resume: say which folder with --out');
  if (flags.lettersOnly) {
    say('letters only: the softmax is over the letters and prefixes alone, a shortcut that the paper does not take');
  }
  return carryOut({
    ...flags,
    setup: withModel(resolved, flags),
    claims,
    seeds,
    folder: flags.out ?? newLocalFolder(),
    command: commandLine('reproduce'),
  });
}

export const reproduceCommand: Define = (command, ending) =>
  withQueueOptions(command)
    .addOption(presetOption)
    .addOption(seedsOption('an arm is trained under', DEFAULT_SEEDS))
    .addOption(seedListOption)
    .option(
      '--claims <ids>',
      `all, or some of ${CLAIMS.map(({ id }) => id).join(',')}`,
      CORE.map(({ id }) => id).join(','),
    )
    .option('--set <path=value>', 'change a field of the setup, such as beta=0.1; repeatable', repeated, [])
    .addOption(configOption)
    .option(
      '--model <folder|id>',
      'a GPT-NeoX or Llama model to start from: a folder, or an id that `fetch` has fetched',
    )
    .option(
      '--letters-only',
      'keep only the used tokens of its vocabulary: a shortcut, never the setup of the paper',
      false,
    )
    .option('--keep-models', 'keep the trained models in --out, as Hugging Face reads them', false)
    .addOption(jobsOption)
    .option('--micro-batch <n>', 'sequences of each kind in a pass (default: as many as fit into memory)', (text) =>
      parseWhole(text, '--micro-batch', 1, 65536),
    )
    .option('--out <folder>', `where records and report go (default: a new folder in ${LOCAL_REPORTS})`)
    .option('--resume', 'go on in --out: keep its finished runs, continue the interrupted ones', false)
    .option(
      '--reuse [folder...]',
      `take finished runs of the same setup and engine from these jobs (default: those in ${LOCAL_REPORTS}), and name them in the report`,
    )
    .addOption(dryRunOption)
    .addOption(jsonOption)
    .addHelpText(
      'after',
      '\nExit codes: 0 every claim asked for is reproduced; 1 one is not; 2 there is no verdict: the command could not be carried out, or the runs contradict themselves.',
    )
    .action(ending(reproduce));

/** Goes on with a job as it was asked for, on the engine that it began with. */
async function resume(given: string | undefined, { dryRun, json }: Pick<Flags, 'dryRun' | 'json'>): Promise<number> {
  const folder = jobFolder(given ?? 'latest');
  const { setup, asked, command } = notedJob(folder);
  process.env[ENGINE_VARIABLE] ||= asked.engine;
  const claims = parseClaims(asked.claims.join(','));
  const { seeds, jobs, keepModels } = asked;
  say(`going on in ${folder}`);
  return carryOut({
    setup,
    claims,
    seeds,
    folder,
    resume: true,
    command,
    jobs: jobs ?? undefined,
    keepModels,
    dryRun,
    json,
  });
}

export const resumeCommand: Define = (command, ending) =>
  command.addOption(dryRunOption).addOption(jsonOption).action(ending(resume));
