/** The command `fuzz`. */
import { createLogUpdate } from 'log-update';
import { startEngine } from '../engine/engine.ts';
import type { Failure } from '../properties/chunk.ts';
import { explain, saveCounterexample } from '../properties/counterexample.ts';
import { type FuzzTally, fuzz } from '../properties/fuzz.ts';
import { PROPERTIES } from '../properties/kinds.ts';

export interface FuzzCommand {
  readonly properties: readonly string[];
  readonly seed: number;
  readonly path?: string;
  readonly runs: number;
  /** Milliseconds. */
  readonly budget: number;
  readonly jobs: number;
  /** Where counterexamples are kept. */
  readonly out: string;
}

/** Milliseconds between two lines of progress where there is no terminal. */
const LINE_EVERY = 15_000;

const clock = (milliseconds: number): string => {
  const seconds = Math.round(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
};

/** @returns how many properties failed, and whether the fuzzing was interrupted */
export async function fuzzCommand(command: FuzzCommand): Promise<{ failures: number; interrupted: boolean }> {
  const err = process.stderr;
  const engine = await startEngine();
  err.write(`engine: ${engine.name} (TensorFlow.js ${engine.version}); seed ${command.seed}\n`);
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
    const file = await saveCounterexample(failure, command.out);
    live?.clear();
    process.stdout.write(`\n${explain(failure)}\nKept in ${file}.\n\n`);
  };
  try {
    const tally = await fuzz({ ...command, engine, signal: stop.signal, onFailure, onProgress });
    const ending = stop.signal.aborted ? 'interrupted; what was found is kept' : 'done';
    process.stdout.write(
      `${summary(tally)}, held against ${command.properties.length} of ${PROPERTIES.length} properties in ${clock(performance.now() - began)} (${ending})\n`,
    );
    return { failures: tally.failures, interrupted: stop.signal.aborted };
  } finally {
    live?.clear();
    live?.done();
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  }
}
