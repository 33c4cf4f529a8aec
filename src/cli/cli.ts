/** The command line. Exit codes: 0 every claim asked for is reproduced; 1 one is not; 2 the command could not be carried out. */
import { existsSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError, Option } from 'commander';
import { CLAIMS, type Claim, CORE } from '../claims/index.ts';
import { EngineError } from '../engine/engine.ts';
import { KNOBS, type Knob } from '../explore/knobs.ts';
import { CheckpointError } from '../lab/checkpoint.ts';
import { planJob, planSetups, runJob } from '../lab/job.ts';
import { withModel } from '../lab/model.ts';
import { PlanError } from '../lab/plan.ts';
import { WorkerError } from '../lab/pool.ts';
import { StorageError } from '../lab/store.ts';
import { ModelError } from '../model/config.ts';
import { type DownloadProgress, fetchModel, parseModelId, repositoryFolder } from '../model/hub.ts';
import { readConfig } from '../model/pretrained.ts';
import { RecordError } from '../records/record.ts';
import { storing } from '../records/storing.ts';
import { ARCHIVES, archiveStudy, readStudy } from '../records/study.ts';
import { redact } from '../redact.ts';
import { markdownReport } from '../report/markdown.ts';
import { claimsTable } from '../report/table.ts';
import { resolveSetup } from '../setup/overrides.ts';
import { claimSeeds, DEFAULT_SEEDS, PRESETS } from '../setup/presets.ts';
import { SetupError } from '../setup/schema.ts';
import { type NativeOptions, nativeEngine } from '../tools/native.ts';
import { NativeError, WHEELS } from '../tools/tensorflow.ts';
import { ProgressDisplay } from './progress.ts';

const EXIT = { reproduced: 0, notReproduced: 1, notCarriedOut: 2, interrupted: 130 } as const;
const LOCAL_REPORTS = path.join('reports', 'local');

/** An option that cannot be understood; the message begins with its name. */
class UsageError extends Error {
  override name = 'UsageError';
}

/** Faults that a message explains fully; anything else is a bug and keeps its stack. */
const EXPECTED = [
  UsageError,
  SetupError,
  EngineError,
  NativeError,
  StorageError,
  CheckpointError,
  RecordError,
  WorkerError,
  ModelError,
  PlanError,
];

interface ReproduceOptions {
  preset: string;
  seeds: string;
  claims: string;
  set: string[];
  config?: string;
  model?: string;
  lettersOnly: boolean;
  keepModels: boolean;
  jobs?: string;
  microBatch?: string;
  out?: string;
  resume: boolean;
  json: boolean;
}

/** `8` is how many of the preset's own seeds, `11,12,13` (or `11,` for one) which. */
export function parseSeeds(text: string): number[] {
  const number = (part: string): number => {
    const value = Number(part);
    if (!/^\d+$/.test(part.trim()) || value > 0xffffffff) {
      throw new UsageError(`--seeds: "${text}" must be a count such as 8, or seeds such as 11,12,13`);
    }
    return value;
  };
  if (text.includes(',')) {
    const seeds = text.replace(/,$/, '').split(',').map(number);
    if (new Set(seeds).size < seeds.length) throw new UsageError(`--seeds: "${text}" names a seed twice`);
    return seeds;
  }
  const count = number(text);
  if (count < 1 || count > 1000) throw new UsageError(`--seeds: ${count} seeds; take 1 to 1000`);
  return claimSeeds(count);
}

export function parseClaims(text: string): Claim[] {
  if (text === 'all') return [...CLAIMS];
  return [...new Set(text.split(','))].map((id) => {
    const claim = CLAIMS.find((known) => known.id === id);
    if (claim === undefined) {
      throw new UsageError(
        `--claims: there is no "${id}"; claims are all, ${CLAIMS.map((known) => known.id).join(', ')}`,
      );
    }
    return claim;
  });
}

async function reproduce(options: ReproduceOptions, command: string): Promise<number> {
  const claims = parseClaims(options.claims);
  const seeds = parseSeeds(options.seeds);
  const resolved = resolveSetup(options);
  planSetups(resolved, claims, seeds); // an arm that is impossible is told before anything is looked for
  const jobs = options.jobs === undefined ? undefined : parseWhole(options.jobs, '--jobs', 1, 1024);
  const microBatch =
    options.microBatch === undefined ? undefined : parseWhole(options.microBatch, '--micro-batch', 1, 65536);
  if (options.resume && options.out === undefined) throw new UsageError('--resume: say which folder with --out');
  const started = new Date().toISOString().replace(/\..*/, '').replaceAll(':', '-');
  const folder = options.out ?? path.join(LOCAL_REPORTS, started);
  const err = process.stderr;
  if (options.lettersOnly) {
    err.write(
      'letters only: the softmax is over the letters and prefixes alone, a shortcut that the paper does not take\n',
    );
  }
  const setup = withModel(resolved, options);
  const say = (text: string) => void err.write(`${text}\n`);
  const reports = ['report.md', 'claims.json'];
  const { resume } = options;
  const job = await planJob({ setup, claims, seeds, folder, resume, command, reports, jobs, microBatch, say });
  const { store, engine } = job;
  say(`${job.setups.length} runs, ${job.jobs} at once, into ${store.folder}`);

  const interrupted = () => {
    err.write(`\nInterrupted. What is done is kept; go on with the same command and --resume --out ${store.folder}\n`);
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  const display = new ProgressDisplay(job.setups, { stream: err });
  const { judgements, runs } = await runJob(job, claims, {
    keepModels: options.keepModels,
    onProgress: (of, progress) => display.update(of, progress),
    onEnd: ({ setup: of, record, reused }) => display.end(of, record, reused),
  }).finally(() => {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    display.stop();
    store.close();
  });

  const document = {
    claims: judgements.map(({ id, verdict, estimate, interval, seeds: judged }) => ({
      id,
      verdict,
      estimate,
      interval,
      seeds: judged,
    })),
    runs: runs.map(({ record, file }) => ({ seed: record.setup.seed, status: record.status, record: file })),
    engine: engine.name,
  };
  const report = await store.writeText('report.md', markdownReport(claims, judgements, runs, command));
  await store.writeText('claims.json', `${JSON.stringify({ ...document, judgements }, null, 2)}\n`);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(document)}\n`);
  } else {
    const failures = runs.filter(({ record }) => record.status === 'failed').length;
    process.stdout.write(`${claimsTable(judgements)}\n`);
    if (failures > 0) process.stdout.write(`${failures} of ${runs.length} runs failed; their records say why.\n`);
    process.stdout.write(`run records: ${path.join(store.folder, 'runs')}\nreport: ${report}\n`);
  }
  const verdicts = judgements.map(({ verdict }) => verdict);
  if (verdicts.includes('invalid')) return EXIT.notCarriedOut; // there is no verdict
  return verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.notReproduced;
}

async function fetchCommand(text: string): Promise<number> {
  const model = parseModelId(text);
  if (model === null) throw new UsageError(`fetch: "${text}" must be ID or ID@REVISION, as in EleutherAI/pythia-160m`);
  const err = process.stderr;
  let shown = '';
  const onProgress = ({ file, received, size }: DownloadProgress) => {
    const line = `${file}: ${Math.floor((100 * received) / size)}% of ${(size / 2 ** 20).toFixed(1)} MiB`;
    if (line === shown) return;
    shown = line;
    if (err.isTTY) err.write(`\r${line}${received === size ? '\n' : ''}`);
    else if (received === size) err.write(`${line}\n`);
  };
  const kept = 'What has arrived is kept: the same command goes on from there.';
  const interrupted = () => {
    err.write(`\nInterrupted. ${kept}\n`);
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', interrupted);
  const folder = await storing(repositoryFolder(model), () => fetchModel(model, { onProgress }), kept).finally(() =>
    process.off('SIGINT', interrupted),
  );
  const shape = readConfig(folder);
  process.stdout.write(`${text}: ${shape.layers} layers, ${shape.hidden} wide, in ${folder}\n`);
  return EXIT.reproduced;
}

interface FuzzFlags {
  property: string[];
  seed: string;
  path?: string;
  runs: string;
  budget: string;
  jobs: string;
  out: string;
  null?: string;
}

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `90s`, `10m` or `2h` in milliseconds. */
export function parseDuration(text: string, option: string): number {
  const [, amount, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (amount === undefined) throw new UsageError(`${option}: "${text}" must be a time such as 90s, 10m or 2h`);
  return Number(amount) * UNITS[unit as keyof typeof UNITS];
}

/** A whole number in `[min, max]`, in decimal digits: `0x10` and `1e3` are more likely slips than meant. */
function parseWhole(text: string, option: string, min: number, max: number): number {
  const value = /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(`${option}: "${text}" must be a whole number from ${min} to ${max}`);
  return value;
}

/** `fuzz --null`: two numbers of experiments. */
async function fuzzNull(text: string): Promise<number> {
  const [recorded, trained, ...rest] = text.split(',').map((part) => parseWhole(part, '--null', 1, 1e6));
  if (trained === undefined || rest.length > 0)
    throw new UsageError(
      `--null: "${text}" must be two numbers of experiments, on recorded runs and on runs trained here`,
    );
  const { nullCommand } = await import('./null.ts');
  return (await nullCommand({ recorded, trained })) ? EXIT.reproduced : EXIT.notReproduced;
}

async function fuzzSetups({ path: replayed, ...flags }: FuzzFlags): Promise<number> {
  if (flags.null !== undefined) return fuzzNull(flags.null);
  const { fuzzCommand } = await import('./fuzz.ts');
  const ids = (await import('../properties/kinds.ts')).PROPERTIES.map((property) => property.id);
  const named = (id: string) => (asked: string) => id === asked || id.startsWith(`${asked}/`);
  const properties = ids.filter((id) => flags.property.length === 0 || flags.property.some(named(id)));
  const unknown = flags.property.find((asked) => !ids.some((id) => named(id)(asked)));
  if (unknown !== undefined)
    throw new UsageError(`--property: there is no "${unknown}"; properties are ${ids.join(', ')}`);
  if (replayed !== undefined && (properties.length !== 1 || !/^\d+(:\d+)*$/.test(replayed))) {
    throw new UsageError('--path: replays one case, as in --property data/pairs --seed 12 --path 3:0:1');
  }
  const { failures, interrupted } = await fuzzCommand({
    properties,
    seed: parseWhole(flags.seed, '--seed', 0, 0xffffffff),
    path: replayed,
    runs: parseWhole(flags.runs, '--runs', 1, 1e9),
    budget: parseDuration(flags.budget, '--budget'),
    jobs: parseWhole(flags.jobs, '--jobs', 1, 1024),
    out: flags.out,
  });
  if (interrupted) return EXIT.interrupted;
  return failures > 0 ? EXIT.notReproduced : EXIT.reproduced;
}

interface ExploreFlags {
  preset: string;
  config?: string;
  set: string[];
  seeds: string;
  knobs: string;
  map: string;
  budget: string;
  jobs?: string;
  out: string;
}

interface VerifyFlags {
  retrain: string;
  seed: string;
  against?: string;
  jobs: string;
  json: boolean;
}

/** Knobs by their ids. */
export function parseKnobs(text: string, option: string): Knob[] {
  const ids = [...new Set(text.split(','))];
  return ids.map((id) => {
    const knob = KNOBS.find((known) => known.id === id);
    if (knob === undefined)
      throw new UsageError(`${option}: there is no "${id}"; knobs are ${KNOBS.map((known) => known.id).join(', ')}`);
    return knob;
  });
}

async function exploreSetups(flags: ExploreFlags): Promise<number> {
  const map = flags.map === 'none' ? null : parseKnobs(flags.map, '--map');
  if (map !== null && map.length !== 2)
    throw new UsageError(`--map: "${flags.map}" must be two knobs, as in share,beta, or none`);
  const setup = withModel(resolveSetup(flags), flags);
  // Loaded here: what draws takes a second to load, which no other command should wait for.
  const { exploreCommand } = await import('./explore.ts');
  await exploreCommand({
    setup,
    seeds: parseSeeds(flags.seeds),
    knobs: parseKnobs(flags.knobs, '--knobs'),
    map: map as [Knob, Knob] | null,
    budget: parseDuration(flags.budget, '--budget'),
    jobs: flags.jobs === undefined ? undefined : parseWhole(flags.jobs, '--jobs', 1, 1024),
    out: flags.out,
    command: commandLine('explore'),
  });
  return EXIT.reproduced;
}

/** Commands that have a script of their name in package.json. */
const SCRIPTS = ['reproduce', 'report', 'verify', 'fuzz'];

/** The command as it is typed in a clone, for documents to say how they were made. */
function commandLine(command: string): string {
  const given = process.argv.slice(3);
  if (!SCRIPTS.includes(command)) return ['npx negative-knowledge', command, ...given].join(' ');
  return [`npm run ${command}`, ...(given.length > 0 ? ['--'] : []), ...given].join(' ');
}

/** Builds the program; `finish` is given the exit code. */
function program(finish: (code: number) => void): Command {
  const cli = new Command('negative-knowledge')
    .description(
      'Reproduces "Large Language Models Sometimes Generate Purely Negatively-Reinforced Text" (arXiv 2306.07567).',
    )
    .exitOverride();
  cli
    .command('reproduce')
    .description('Train the runs that the claims need, judge the claims, write the report.')
    .option('--preset <name>', `which setup: ${Object.keys(PRESETS).join(', ')}`, 'pocket')
    .option('--seeds <seeds>', "how many of the preset's own seeds (8), or which (11,12,13)", String(DEFAULT_SEEDS))
    .option(
      '--claims <ids>',
      `all, or some of ${CLAIMS.map(({ id }) => id).join(',')}`,
      CORE.map(({ id }) => id).join(','),
    )
    .option(
      '--set <path=value>',
      'change a field of the setup, such as beta=0.1; repeatable',
      (value, list: string[]) => [...list, value],
      [],
    )
    .option('--config <file>', 'a JSON file of setup fields to change')
    .option('--model <folder|id>', 'a GPT-NeoX model to start from: a folder, or an id that `fetch` has fetched')
    .option(
      '--letters-only',
      'keep only the used tokens of its vocabulary: a shortcut, never the setup of the paper',
      false,
    )
    .option('--keep-models', 'keep the trained models in --out, as Hugging Face reads them', false)
    .option('--jobs <n>', 'runs at once (default: one a core; 1 for large models)')
    .option('--micro-batch <n>', 'sequences of each kind in a pass (default: as many as fit into memory)')
    .option('--out <folder>', `where records and report go (default: a new folder in ${LOCAL_REPORTS})`)
    .option('--resume', 'go on in --out: keep its finished runs, continue the interrupted ones', false)
    .option('--json', 'print one JSON document on standard output, and nothing else there', false)
    .addHelpText(
      'after',
      '\nExit codes: 0 every claim asked for is reproduced; 1 one is not; 2 there is no verdict: the command could not be carried out, or the runs contradict themselves.',
    )
    .action(async (options: ReproduceOptions) => {
      finish(await reproduce(options, commandLine('reproduce')));
    });
  cli
    .command('report')
    .description('Judge the claims on recorded runs and write the report: page, figures, tables. Trains nothing.')
    .option(
      '--from <study>',
      `an archive, or a folder that reproduce has filled; repeatable (default: the archives in ${ARCHIVES})`,
      (value, list: string[]) => [...list, value],
      [],
    )
    .option('--out <folder>', 'where the report goes (default: reports, or the first --from)')
    .action(async (options: { from: string[]; out?: string }) => {
      const { report } = await import('./report.ts');
      await report(options, commandLine('report'));
      finish(EXIT.reproduced);
    });
  cli
    .command('fetch <model>')
    .description('Fetch a GPT-NeoX model (ID or ID@REVISION) from the Hugging Face hub into its standard cache.')
    .addHelpText(
      'after',
      '\nHF_ENDPOINT, HF_TOKEN and HF_HOME are respected. An interrupted download goes on where it stopped.',
    )
    .action(async (id: string) => {
      finish(await fetchCommand(id));
    });
  cli
    .command('archive <folder> <file>')
    .description('Keep the runs of a folder in one file (.jsonl.br) that is small enough to commit.')
    .action(async (folder: string, file: string) => {
      const study = await readStudy(folder);
      const size = await archiveStudy(study, file);
      process.stdout.write(
        `${study.records.length} records of ${study.setup.name} in ${file}, ${Math.ceil(size / 1024)} KiB\n`,
      );
      finish(EXIT.reproduced);
    });
  cli
    .command('verify <study...>')
    .description(
      'Work out again what run records say: data, overlaps, measures, digests, verdicts; and tell what could not be checked.',
    )
    .option('--retrain <n>', 'train so many of the runs again, chosen at random, and compare', '0')
    .option('--seed <n>', 'what they are chosen with', String(Math.floor(Date.now() / 1000)))
    .option('--against <claims.json>', 'check the verdicts of this file (default: the claims.json in the folder)')
    .option('--jobs <n>', 'runs at once', String(os.availableParallelism()))
    .option('--json', 'print one JSON document on standard output, and nothing else there', false)
    .addHelpText(
      'after',
      '\nExit codes: 0 all that could be checked agrees; 1 something differs; 2 the command could not be carried out.',
    )
    .action(async (sources: string[], flags: VerifyFlags) => {
      const { verify } = await import('./verify.ts');
      const agrees = await verify({
        sources,
        against: flags.against,
        retrain: parseWhole(flags.retrain, '--retrain', 0, 1e6),
        seed: parseWhole(flags.seed, '--seed', 0, 0xffffffff),
        jobs: parseWhole(flags.jobs, '--jobs', 1, 1024),
        json: flags.json,
      });
      finish(agrees ? EXIT.reproduced : EXIT.notReproduced);
    });
  cli
    .command('explore')
    .description('Find where the effect ends: the boundary of each knob, and a map over two of them.')
    .option('--preset <name>', `which setup: ${Object.keys(PRESETS).join(', ')}`, 'pocket')
    .option('--config <file>', 'a JSON file of setup fields to change')
    .option(
      '--set <path=value>',
      'change a field of the setup; repeatable',
      (value, list: string[]) => [...list, value],
      [],
    )
    .option('--seeds <seeds>', 'how many seeds a setup is judged on, or which', '5')
    .option(
      '--knobs <ids>',
      `whose boundaries to search, some of ${KNOBS.map(({ id }) => id).join(',')}`,
      KNOBS.map(({ id }) => id).join(','),
    )
    .option('--map <ids>', 'the two knobs of the map, or none', 'share,beta')
    .option('--budget <time>', 'after which no further setup begins: 90s, 30m, 2h', '30m')
    .option('--jobs <n>', 'runs at once (default: one a core; 1 for large models)')
    .option(
      '--out <folder>',
      'where runs and report go; what is there already is used',
      path.join(LOCAL_REPORTS, 'explored'),
    )
    .action(async (flags: ExploreFlags) => {
      finish(await exploreSetups(flags));
    });
  cli
    .command('fuzz')
    .description('Look for setups of which something that must be true of every setup is not.')
    .option(
      '--property <id>',
      'which property to try, or data or training for all of a kind (default: all); repeatable',
      (value, list: string[]) => [...list, value],
      [],
    )
    .option('--runs <n>', 'most setups of each kind', String(1e9))
    .option('--budget <time>', 'how long: 90s, 10m, 2h', '10m')
    .option('--seed <n>', 'what setups are drawn from', String(Math.floor(Date.now() / 1000)))
    .option('--path <path>', 'with --property and --seed: draw one case again')
    .option('--jobs <n>', 'processes at once', String(os.availableParallelism()))
    .option('--out <folder>', 'where counterexamples are kept', path.join('fixtures', 'counterexamples'))
    .addOption(
      new Option(
        '--null [recorded,trained]',
        'instead of that: how often the main claim finds what is not there, in so many experiments on recorded runs and on runs trained here',
      )
        .preset('400,40')
        .conflicts(['property', 'path']),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 no counterexample; 1 there is one; 2 the command could not be carried out; 130 interrupted.',
    )
    .action(async (flags: FuzzFlags) => {
      finish(await fuzzSetups(flags));
    });
  cli
    .command('procedures')
    .description('Simulate how often every interval, test and rule errs, for the report: reports/procedures.json.')
    .action(async () => {
      const { procedures } = await import('./procedures.ts');
      await procedures();
      finish(EXIT.reproduced);
    });
  cli
    .command('engine')
    .description('Build an engine that npm could not install.')
    .command('native')
    .description(
      'Build the native engine (@tensorflow/tfjs-node) against LIBTENSORFLOW_DIR, or a TensorFlow from PyPI.',
    )
    .exitOverride()
    .option(
      '--tensorflow <version>',
      `which wheel: ${WHEELS.map(({ version }) => version).join(', ')}`,
      WHEELS[0].version,
    )
    .option('--rebuild', 'build it even if it already works', false)
    .option('--remove', 'undo it', false)
    .action((options: NativeOptions) => {
      nativeEngine(options);
      finish(EXIT.reproduced);
    });
  return cli;
}

/** Runs a command line and returns its exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.notCarriedOut;
  try {
    await program((given) => {
      code = given;
    }).parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.notCarriedOut;
    const { message, stack, syscall } = error as NodeJS.ErrnoException;
    // The operating system's faults say what they are; anything else is a bug, and keeps its stack.
    const expected = syscall !== undefined || EXPECTED.some((Fault) => error instanceof Fault);
    process.stderr.write(`error: ${redact(String(expected ? message : stack))}\n`);
    return EXIT.notCarriedOut;
  }
}

// Started as a file of its own, as it once was: nothing may look like success and do nothing.
const started = process.argv[1];
if (started !== undefined && existsSync(started) && realpathSync(started) === fileURLToPath(import.meta.url)) {
  process.exitCode = EXIT.notCarriedOut;
  const { default: faults } = await import('../faults.cjs'); // here alone: whoever imports this file answers for its own faults
  faults.end(await runCli(process.argv.slice(2)));
}
