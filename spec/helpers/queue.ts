/** Sweeps and workers of a queue, as processes of their own. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { type Finished, finish, startCommand } from './command.ts';

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

/** Where runs go, and what the commands are started with. */
export interface Place {
  readonly url: string;
  readonly store: string;
  readonly env?: NodeJS.ProcessEnv;
}

const WASM = { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' };

/** A command with what it has said so far. */
export interface Heard {
  readonly child: ChildProcess;
  readonly done: Promise<Finished>;
  /** What it has said on standard error. */
  said(): string;
}

function heard(child: ChildProcess): Heard {
  let text = '';
  child.stderr?.on('data', (data) => {
    text += data;
  });
  return { child, done: finish(child), said: () => text };
}

/** Starts a worker that takes one run at a time and is missed soon. It ends with the test. */
export function startWorker({ url, store, env }: Place, ...args: string[]): Heard {
  const child = startCommand(['worker', '--queue', url, '--store', store, '--jobs', '1', '--lease', '2s', ...args], {
    ...WASM,
    ...env,
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  });
  return heard(child);
}

/** Starts a sweep on a queue, or here where no place is given. */
export function startSweep(grid: string, out: string, place: Place | null, ...args: string[]): Heard {
  const where = place === null ? [] : ['--queue', place.url, '--store', place.store];
  const child = startCommand(['sweep', grid, '--out', out, '--json', ...where, ...args], { ...WASM, ...place?.env });
  if (place !== null) onTestFinished(() => void child.kill('SIGKILL'));
  return heard(child);
}

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
