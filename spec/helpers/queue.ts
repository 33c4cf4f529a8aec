/** Sweeps and workers of a queue, as processes of their own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type Finished, finish, startCommand } from './command.ts';
import { filesIn } from './folder.ts';

const TINY = {
  ...{ 'phases.pretrain.steps': 4, 'phases.dpo.steps': 8, 'phases.joint.steps': 8, 'evaluation.every': 4 },
  ...{ 'passwords.repeats': 1, batch: 16 },
};

/** Writes a grid of tiny setups. @returns its file */
export function tinyGrid(folder: string, grid: { set?: object; [field: string]: unknown } = {}): string {
  const file = path.join(folder, 'grid.json');
  const { set = {}, ...rest } = grid;
  const whole = { set: { ...TINY, ...set }, vary: { beta: [0.1, 0.2] }, claims: ['main'], seeds: [201, 202], ...rest };
  writeFileSync(file, JSON.stringify(whole));
  return file;
}

/** Sets steps that take a run some seconds, with many checkpoints: it can be hit in its middle. */
export const SLOWER = {
  ...{ 'phases.pretrain.steps': 30, 'phases.dpo.steps': 50, 'phases.joint.steps': 50, 'evaluation.every': 5 },
  ...{ 'passwords.repeats': 20 },
};

/** Where runs go, and what the commands are started with. */
export interface Place {
  readonly url: string;
  readonly store: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What starts the workers. */
  readonly through?: readonly string[];
}

const WASM = { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' };

/** A command with what it has said so far. */
export interface Heard {
  readonly child: ChildProcess;
  readonly done: Promise<Finished>;
  /** What it has said on standard error. */
  said(): string;
}

/** A command that is listened to. */
export function heard(child: ChildProcess): Heard {
  let text = '';
  child.stderr?.on('data', (data) => {
    text += data;
  });
  return { child, done: finish(child), said: () => text };
}

function spawnWorker({ url, store, env, through }: Place, args: readonly string[]): Heard {
  const words = ['worker', '--queue', url, '--store', store, '--jobs', '1', '--lease', '2s', ...args];
  return heard(startCommand(words, { ...WASM, ...env }, through));
}

const hasEnded = ({ child }: Heard): boolean => child.exitCode !== null || child.signalCode !== null;

async function end(one: Heard): Promise<void> {
  if (hasEnded(one)) return;
  one.child.kill('SIGKILL');
  await once(one.child, 'exit');
}

/** For a worker that must not lose its run, however slow the machine is, as its tries are counted. */
export const PATIENT = ['--lease', '10m'];

/** Starts a worker that takes one run at a time and is missed soon. It ends with the test. */
export function startWorker(place: Place, ...args: string[]): Heard {
  const worker = spawnWorker(place, args);
  onTestFinished(() => end(worker));
  return worker;
}

export interface Supervised {
  /** Those that are there now. */
  workers(): readonly Heard[];
  /** What all of them have said, those that are gone too. */
  said(): string;
}

/** Workers that are started anew whenever they end, as a manager of services does it. They end with the test. */
export function superviseWorkers(place: Place, count: number, ...args: string[]): Supervised {
  const all: Heard[] = [];
  let over = false;
  const start = (): void => {
    const worker = spawnWorker(place, args);
    all.push(worker);
    worker.child.once('exit', () => {
      if (!over) start();
    });
  };
  for (let one = 0; one < count; one++) start();
  onTestFinished(async () => {
    over = true;
    await Promise.all(all.map(end));
  });
  return {
    workers: () => all.filter((one) => !hasEnded(one)),
    said: () => all.map(({ said }) => said()).join(''),
  };
}

/** Starts a sweep on a queue, or here where no place is given. */
export function startSweep(grid: string, out: string, place: Place | null, ...args: string[]): Heard {
  const where = place === null ? [] : ['--queue', place.url, '--store', place.store];
  const child = startCommand(['sweep', grid, '--out', out, '--json', ...where, ...args], { ...WASM, ...place?.env });
  if (place !== null) onTestFinished(() => void child.kill('SIGKILL'));
  return heard(child);
}

/** Traces of faults that nobody has made a sentence of, each with the lines before it. */
export const stacksIn = (text: string): string[] => text.match(/(.*\n){0,3}( {4}at .*\n?)+/g) ?? [];

/** Checkpoints in a store that is a folder: whole ones, not those that are being written. */
export const checkpointsIn = (store: string): string[] =>
  filesIn(store).filter((name) => /\d-\d{8}-[0-9a-f]+$/.test(name));

/** Records of a job's folder, without what two machines may differ in. */
export function recordsIn(out: string): Record<string, unknown> {
  const folder = path.join(out, 'runs');
  return Object.fromEntries(
    readdirSync(folder).map((name) => {
      const { times: _, environment: __, ...rest } = JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
      return [name, JSON.stringify(rest)];
    }),
  );
}

/** The records that a grid of too few runs for a verdict has where it is trained in one process. */
export async function recordsHere(grid: string): Promise<ReturnType<typeof recordsIn>> {
  const out = mkdtempSync(path.join(path.dirname(grid), 'here-'));
  await expectDone(startSweep(grid, out, null));
  return recordsIn(out);
}

/** A sweep of too few runs for a verdict comes to its end. @param records that it leaves */
export async function expectDone(
  sweep: Heard,
  out?: string,
  records?: ReturnType<typeof recordsIn>,
): Promise<Finished> {
  const finished = await sweep.done;
  expect(finished.code, finished.stderr).toBe(1);
  if (out !== undefined) expect(recordsIn(out)).toEqual(records);
  return finished;
}
