/** The command `fuzz`: looks for setups that break a property. */
import os from 'node:os';
import path from 'node:path';
import { Option } from 'commander';
import { createLogUpdate } from 'log-update';
import { startEngine } from '../engine/engine.ts';
import type { Failure } from '../properties/chunk.ts';
import type { FuzzTally } from '../properties/fuzz.ts';
import { type Define, EXIT } from './exit.ts';
import { fuzzNull } from './null.ts';
import { parseDuration, parseWhole, repeated, UsageError } from './options.ts';

interface Flags {
  property: string[];
  seed: string;
  path?: string;
  runs: string;
  budget: string;
  jobs: string;
  out: string;
  null?: string;
}

/** Milliseconds between two lines of progress where there is no terminal. */
const LINE_EVERY = 15_000;

const clock = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

async function fuzzSetups({ path: replayed, out, ...flags }: Flags): Promise<number> {
  // Loaded here: what draws setups takes long to load, and no other command should wait for it.
  const { PROPERTIES } = await import('../properties/kinds.ts');
  const { explain, saveCounterexample } = await import('../properties/counterexample.ts');
  const { fuzz } = await import('../properties/fuzz.ts');
  const ids = PROPERTIES.map((property) => property.id);
  const named = (id: string) => (asked: string) => id === asked || id.startsWith(`${asked}/`);
  const properties = ids.filter((id) => flags.property.length === 0 || flags.property.some(named(id)));
  const unknown = flags.property.find((asked) => !ids.some((id) => named(id)(asked)));
  if (unknown !== undefined)
    throw new UsageError(`--property: there is no "${unknown}"; properties are ${ids.join(', ')}`);
  if (replayed !== undefined && (properties.length !== 1 || !/^\d+(:\d+)*$/.test(replayed))) {
    throw new UsageError('--path: replays one case, as in --property data/pairs --seed 12 --path 3:0:1');
  }
  const asked = {
    properties,
    seed: parseWhole(flags.seed, '--seed', 0, 0xffffffff),
    path: replayed,
    runs: parseWhole(flags.runs, '--runs', 1, 1e9),
    budget: parseDuration(flags.budget, '--budget'),
    jobs: parseWhole(flags.jobs, '--jobs', 1, 1024),
  };

  const err = process.stderr;
  const engine = await startEngine();
  err.write(`engine: ${engine.name} (TensorFlow.js ${engine.version}); seed ${asked.seed}\n`);
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  const live = err.isTTY ? createLogUpdate(err) : null;
  const began = performance.now();
  let shown = began;
  const summary = ({ setups, failures }: FuzzTally) =>
    `${setups.data} setups' data, ${setups.training} setups trained, ${failures} counterexample${failures === 1 ? '' : 's'}`;
  const onProgress = (tally: FuzzTally) => {
    const now = performance.now();
    if (now - shown < (live === null ? LINE_EVERY : 200)) return;
    shown = now;
    const line = `${clock(now - began)}  ${summary(tally)}`;
    if (live === null) err.write(`${line}\n`);
    else live(line);
  };
  const onFailure = async (failure: Failure) => {
    const file = await saveCounterexample(failure, out);
    live?.clear();
    process.stdout.write(`\n${explain(failure)}\nKept in ${file}.\n\n`);
  };
  try {
    const tally = await fuzz({ ...asked, engine, signal: stop.signal, onFailure, onProgress });
    const { aborted } = stop.signal;
    process.stdout.write(
      `${summary(tally)}, held against ${properties.length} of ${ids.length} properties in ${clock(performance.now() - began)} (${aborted ? 'interrupted; what was found is kept' : 'done'})\n`,
    );
    if (aborted) return EXIT.interrupted;
    return tally.failures > 0 ? EXIT.notReproduced : EXIT.reproduced;
  } finally {
    live?.clear();
    live?.done();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}

export const fuzzCommand: Define = (command, ending) =>
  command
    .option(
      '--property <id>',
      'which property to try, or data or training for all of a kind (default: all); repeatable',
      repeated,
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
    .action(ending((flags: Flags) => (flags.null === undefined ? fuzzSetups(flags) : fuzzNull(flags.null))));
