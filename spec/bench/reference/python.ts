/** Programs in Python: which Python has a library, whole runs, and a process that is asked for one round at a time. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Question } from '../engine-process.ts';
import type { Asked } from '../measuring.ts';

export const HERE = path.dirname(fileURLToPath(import.meta.url));

/** Where a Python is looked for. */
const CANDIDATES = process.env.PYTHON ? [process.env.PYTHON] : ['python3', '/usr/bin/python3'];

/** What to do about a library that no Python has. */
export const missing = (library: string): string =>
  `none of ${CANDIDATES.join(', ')} can import ${library}: install it, or name a Python that has it in PYTHON`;

/** A Python that can import a library; undefined where there is none. */
export const findPython = (library: string): string | undefined =>
  CANDIDATES.find((python) => spawnSync(python, ['-c', `import ${library}`]).status === 0);

/** The JSON that a command prints; its errors are shown as they come. @throws Error where it fails */
export function printed<Result>(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Result {
  const { status, stdout } = spawnSync(command, args, {
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${status}`);
  return JSON.parse(stdout);
}

/** Environment in which JAX has so many threads. */
export const jaxThreads = (threads: number): NodeJS.ProcessEnv => ({ NPROC: `${threads}` });

/** train_jax.py on a job, in a process that answers questions: a line of JSON each. */
export class JaxInTurn implements Asked {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(python: string, folder: string, threads: number) {
    this.name = `JAX, ${threads} thread${threads === 1 ? '' : 's'}`;
    this.#child = spawn(python, [path.join(HERE, 'train_jax.py'), folder, '--in-turn'], {
      env: { ...process.env, ...jaxThreads(threads) },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error(`${this.name}: no pipe to it`);
    this.#answers = createInterface({ input: stdout })[Symbol.asyncIterator]();
  }

  async ask<Answer>(question: Question): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error(`${this.name} ended; it was asked ${JSON.stringify(question)}`);
    return JSON.parse(value);
  }

  stop(): void {
    this.#child.kill();
  }
}
