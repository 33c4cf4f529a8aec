/** The command line. Exit codes: 0 every claim asked for is reproduced; 1 one is not; 2 the command could not be carried out. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { ENGINE_VARIABLE, ENGINES } from '../engine/names.ts';
import { ExplainedError } from '../explained-error.ts';
import { redact } from '../redact.ts';
import { type Define, type Ending, EXIT } from './exit.ts';

interface CommandEntry {
  /** Its name and its arguments, as commander reads them. */
  readonly usage: string;
  readonly description: string;
  /** Loads the rest, which takes long: only for a command line that names the command. */
  load(): Promise<Define>;
}

/** The commands, in the order that `--help` shows. */
const COMMANDS: readonly CommandEntry[] = [
  {
    usage: 'reproduce',
    description: 'Train the runs that the claims need, judge the claims, write the report.',
    load: async () => (await import('./reproduce.ts')).reproduceCommand,
  },
  {
    usage: 'demo',
    description: 'Train one run for a minute or two, draw it while it trains, and say what was seen.',
    load: async () => (await import('./demo.ts')).demoCommand,
  },
  {
    usage: 'resume [folder]',
    description: 'Go on with a job as it was asked for: the newest one, or the one in a folder.',
    load: async () => (await import('./reproduce.ts')).resumeCommand,
  },
  {
    usage: 'report',
    description: 'Judge the claims on recorded runs and write the report: page, figures, tables. Trains nothing.',
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    usage: 'watch [folder]',
    description: 'Show the claims on a job’s runs while they train: of the newest job, or of the one in a folder.',
    load: async () => (await import('./watch.ts')).watchCommand,
  },
  {
    usage: 'diff <a> <b>',
    description: 'Compare two studies (archives or folders): fields, estimates with intervals, verdicts, as Markdown.',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  {
    usage: 'pages',
    description:
      'Write the reference report again, and the pages of this repository that show results, from the committed archives.',
    load: async () => (await import('./report.ts')).pagesCommand,
  },
  {
    usage: 'list <what>',
    description:
      'List presets, claims, fields (of setups), engines (that start here), runs (of yours); or print the schema of a configuration.',
    load: async () => (await import('./list.ts')).listCommand,
  },
  {
    usage: 'show [preset]',
    description: 'Print a setup (default: pocket) as JSON, with its hash, and what a run of it costs here.',
    load: async () => (await import('./show.ts')).showCommand,
  },
  {
    usage: 'fetch <model>',
    description:
      'Fetch a GPT-NeoX or Llama model (ID or ID@REVISION) from the Hugging Face hub into its standard cache.',
    load: async () => (await import('./fetch.ts')).fetchCommand,
  },
  {
    usage: 'archive <folder> <file>',
    description: 'Keep the runs of a folder in one file (.jsonl.br) that is small enough to commit.',
    load: async () => (await import('./archive.ts')).archiveCommand,
  },
  {
    usage: 'verify <study...>',
    description:
      'Work out again what run records say: data, overlaps, measures, digests, verdicts; and tell what could not be checked.',
    load: async () => (await import('./verify.ts')).verifyCommand,
  },
  {
    usage: 'explore',
    description: 'Find where the effect ends: the boundary of each knob, and a map over two of them.',
    load: async () => (await import('./explore.ts')).exploreCommand,
  },
  {
    usage: 'search',
    description: 'Draw setups from a space, halve them on tuning seeds, and confirm the best one on fresh seeds.',
    load: async () => (await import('./search.ts')).searchCommand,
  },
  {
    usage: 'sweep <grid>',
    description: 'Train every setup of a grid (a file, or one of the paper’s), and judge each.',
    load: async () => (await import('./sweep.ts')).sweepCommand,
  },
  {
    usage: 'worker',
    description: 'Take runs from a queue that commands with --queue fill, and train them.',
    load: async () => (await import('./worker.ts')).workerCommand,
  },
  {
    usage: 'fuzz',
    description: 'Look for setups of which something that must be true of every setup is not.',
    load: async () => (await import('./fuzz.ts')).fuzzCommand,
  },
  {
    usage: 'engine',
    description: 'List the engines that are here, and how fast they are; or build one that npm could not install.',
    load: async () => (await import('./engine.ts')).engineCommand,
  },
];

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

/** Runs a command line and returns its exit code. */
export async function runCli(argv: readonly string[]): Promise<number> {
  let code: number = EXIT.notCarriedOut;
  const program = new Command('negative-knowledge')
    .description(
      'Reproduces "Large Language Models Sometimes Generate Purely Negatively-Reinforced Text" (arXiv 2306.07567).',
    )
    .version(version, '--version', 'print the version')
    .option('--engine <name>', `what computes: ${ENGINES.join(', ')} (default: the first of them that starts here)`)
    .configureHelp({ showGlobalOptions: true })
    .hook('preAction', async (command) => {
      const { engine } = command.opts<{ engine?: string }>();
      if (engine === undefined) return;
      const { engineNamed } = await import('./options.ts');
      // The processes that train runs read it there as well.
      process.env[ENGINE_VARIABLE] = engineNamed(engine);
    })
    .exitOverride();
  const ending: Ending =
    (does) =>
    async (...given) => {
      code = await does(...given);
    };
  // A part of the program that is damaged is no fault of a command: whoever started the program answers for it.
  const completes = argv[0] === 'complete';
  for (const { usage, description, load } of COMMANDS) {
    const command = program.command(usage).description(description);
    if (completes || argv.includes(command.name())) (await load())(command, ending);
  }
  if (completes) {
    (await import('./complete.ts')).addCompletion(program);
    code = EXIT.reproduced;
  } else {
    program
      .command('complete [shell]')
      .description('Print what makes a shell complete commands: zsh, bash, fish, powershell.');
  }
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT.notCarriedOut;
    const { message, stack, syscall } = error as NodeJS.ErrnoException;
    // The operating system's faults say what they are; anything else is a bug, and keeps its stack.
    const expected = syscall !== undefined || error instanceof ExplainedError;
    process.stderr.write(`error: ${redact(String(expected ? message : stack))}\n`);
    return EXIT.notCarriedOut;
  }
}

// Started as a file of its own, as it once was: nothing may look like success and do nothing.
const started = process.argv[1];
if (started !== undefined && existsSync(started) && realpathSync(started) === fileURLToPath(import.meta.url)) {
  process.exitCode = EXIT.notCarriedOut;
  const { default: faults } = await import('#faults'); // here alone: whoever imports this file answers for its own faults
  faults.end(await runCli(process.argv.slice(2)));
}
