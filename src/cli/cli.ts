/** The command line. Exit codes: 0 every claim asked for is reproduced; 1 one is not; 2 the command could not be carried out. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { ENGINE_VARIABLE, ENGINES, EngineError } from '../engine/engine.ts';
import { CheckpointError } from '../lab/checkpoint.ts';
import { PlanError } from '../lab/plan.ts';
import { WorkerError } from '../lab/pool.ts';
import { ModelError } from '../model/config.ts';
import { RecordError } from '../records/record.ts';
import { StorageError } from '../records/storing.ts';
import { redact } from '../redact.ts';
import { SetupError } from '../setup/schema.ts';
import { NativeError } from '../tools/tensorflow.ts';
import { addArchive } from './archive.ts';
import { addEngine } from './engine.ts';
import { type Ending, EXIT } from './exit.ts';
import { addExplore } from './explore.ts';
import { addFetch } from './fetch.ts';
import { addFuzz } from './fuzz.ts';
import { addList } from './list.ts';
import { engineNamed, UsageError } from './options.ts';
import { addReport } from './report.ts';
import { addReproduce } from './reproduce.ts';
import { addSearch } from './search.ts';
import { addShow } from './show.ts';
import { addVerify } from './verify.ts';

/** The commands, in the order that `--help` shows. What only one of them needs and takes long to load, it loads when it is run. */
const COMMANDS = [
  ...[addReproduce, addReport, addList, addShow, addFetch, addArchive, addVerify],
  ...[addExplore, addSearch, addFuzz, addEngine],
];

const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };

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
    .hook('preAction', (command) => {
      const { engine } = command.opts<{ engine?: string }>();
      // The processes that train runs read it there as well.
      if (engine !== undefined) process.env[ENGINE_VARIABLE] = engineNamed(engine);
    })
    .exitOverride();
  const ending: Ending =
    (does) =>
    async (...given) => {
      code = await does(...given);
    };
  for (const add of COMMANDS) add(program, ending);
  try {
    await program.parseAsync([...argv], { from: 'user' });
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
  const { default: faults } = await import('#faults'); // here alone: whoever imports this file answers for its own faults
  faults.end(await runCli(process.argv.slice(2)));
}
