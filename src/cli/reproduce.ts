/** The command `reproduce`: trains the runs that claims need, and judges the claims. */
import path from 'node:path';
import { familyOf } from '../claims/family.ts';
import { CLAIMS, CORE } from '../claims/index.ts';
import { predicted } from '../claims/prediction.ts';
import { type JobResult, planJob, planSetups, runJob } from '../lab/job.ts';
import { withModel } from '../lab/model.ts';
import { claimsJson } from '../report/files/claims-json.ts';
import { markdownReport } from '../report/markdown.ts';
import { foundOf, predictedText } from '../report/prediction.ts';
import { claimsTable } from '../report/table.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { DEFAULT_SEEDS } from '../setup/presets.ts';
import { painted } from './colours.ts';
import { type Define, EXIT, interruptible } from './exit.ts';
import {
  commandLine,
  configOption,
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

interface Flags {
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
  json: boolean;
}

/** Verdicts, and where the records are. */
const inShort = ({ judgements, runs }: JobResult) => ({
  claims: judgements.map(({ id, verdict, estimate, interval, seeds }) => ({ id, verdict, estimate, interval, seeds })),
  runs: runs.map(({ record, file }) => ({ seed: record.setup.seed, status: record.status, record: file })),
});

async function reproduce(flags: Flags): Promise<number> {
  const claims = parseClaims(flags.claims);
  const seeds = parseSeeds(flags);
  const resolved = resolveSetup(flags);
  planSetups(resolved, claims, seeds); // an arm that is impossible is told before anything is looked for
  const { jobs, microBatch, resume, keepModels } = flags;
  if (resume && flags.out === undefined) throw new UsageError('--resume: say which folder with --out');
  const started = new Date().toISOString().replace(/\..*/, '').replaceAll(':', '-');
  const folder = flags.out ?? path.join(LOCAL_REPORTS, started);
  const err = process.stderr;
  const say = (text: string) => void err.write(`${text}\n`);
  if (flags.lettersOnly) {
    say('letters only: the softmax is over the letters and prefixes alone, a shortcut that the paper does not take');
  }
  const setup = withModel(resolved, flags);
  const command = commandLine('reproduce');
  const reports = ['report.md', 'claims.json'];
  const job = await planJob({ setup, claims, seeds, folder, resume, command, reports, jobs, microBatch, say });
  const { store, engine } = job;
  say(`${job.setups.length} runs, ${job.jobs} at once, into ${store.folder}`);

  const display = new ProgressDisplay(job.setups, err);
  const { judgements, runs } = await interruptible(
    `What is done is kept; go on with the same command and --resume --out ${store.folder}`,
    () =>
      runJob(job, claims, {
        keepModels,
        onProgress: (of, progress) => display.update(of, progress),
        onEnd: ({ setup: of, record, reused }) => display.end(of, record, reused),
      }),
  ).finally(() => {
    display.stop();
    store.close();
  });

  const main = judgements.find(({ id, verdict }) => id === 'main' && verdict !== 'invalid');
  const prediction = main === undefined ? null : predicted(main, foundOf(setup));
  const document = { ...inShort({ judgements, runs }), engine: engine.name, prediction };
  const report = await store.writeText('report.md', markdownReport(claims, judgements, runs, command));
  const study = { setup, commands: [command], records: runs.map(({ record }) => record), source: store.folder };
  const judged = { name: setup.name, study, ...familyOf(claims, judgements), inPart: true, prediction };
  await store.writeText('claims.json', claimsJson(command, [judged]));
  if (flags.json) {
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

export const reproduceCommand: Define = (command, ending) =>
  command
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
    .option('--model <folder|id>', 'a GPT-NeoX model to start from: a folder, or an id that `fetch` has fetched')
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
    .addOption(jsonOption)
    .addHelpText(
      'after',
      '\nExit codes: 0 every claim asked for is reproduced; 1 one is not; 2 there is no verdict: the command could not be carried out, or the runs contradict themselves.',
    )
    .action(ending(reproduce));
