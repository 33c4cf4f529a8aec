/** The command line as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { tinySetup } from './setups.ts';

/** The executable. */
export const MAIN = fileURLToPath(new URL('../../src/main.cjs', import.meta.url));

/**
 * Starts `negative-knowledge <args>`, on the engine that the environment says.
 * @param through a command that starts it, such as one that gives it a network of its own
 */
export function startCommand(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  through: readonly string[] = [],
): ChildProcess {
  const [program, ...words] = [...through, process.execPath, MAIN, ...args];
  return spawn(program, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

export interface Finished {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a command leaves when it ends. */
export async function finish(child: ChildProcess): Promise<Finished> {
  const output = { stdout: '', stderr: '' };
  child.stdout?.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr?.on('data', (data) => {
    output.stderr += data;
  });
  const [code] = await once(child, 'close');
  return { code, ...output };
}

/** A configuration file of a tiny setup in `folder`. */
export function configuration(folder: string, change: Parameters<typeof tinySetup>[0] = () => {}): string {
  const { seed: _seed, ...fields } = tinySetup(change);
  const file = path.join(folder, 'tiny.json');
  writeFileSync(file, JSON.stringify(fields));
  return file;
}

/** What trains a job of the setup in a file, and judges the claim `main`. */
export const jobArguments = (config: string, seedList: string, out: string, ...more: string[]): string[] => [
  ...['reproduce', '--config', config, '--seed-list', seedList, '--claims', 'main', '--out', out],
  ...more,
];
