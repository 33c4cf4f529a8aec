/** Processes that measure steps, each asked for one round at a time. */
import { fork } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENGINE_VARIABLE } from '../../src/engine/engine.ts';
import { threadVariables } from '../../src/engine/native/threads.ts';
import type { Setup } from '../../src/setup/schema.ts';
import type { Question } from './engine-process.ts';

const HERE = fileURLToPath(new URL('../..', import.meta.url));

/** A process that measures steps when it is asked to. */
export interface Asked {
  readonly name: string;
  /** @throws Error where the process ended */
  ask<Answer>(question: Question): Promise<Answer>;
  stop(): void;
}

/** A process that measures one engine at one setup. */
export class Measuring implements Asked {
  readonly name: string;
  readonly #child;
  readonly #ended: Promise<never>;

  /** @param checkout whose source is measured */
  constructor(name: string, { model }: Setup, checkout: string = HERE) {
    this.name = name;
    const threads = threadVariables(model.hidden, os.availableParallelism());
    const env = { ...threads, ...process.env, [ENGINE_VARIABLE]: name };
    this.#child = fork(path.join(checkout, 'spec', 'bench', 'engine-process.ts'), {
      execArgv: ['--import', 'tsx'],
      cwd: checkout,
      env,
    });
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code) => reject(new Error(`measuring ${name} ended with ${code}`)));
    });
  }

  ask<Answer>(question: Question): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      this.#child.once('message', (message) => resolve(message as Answer));
    });
    this.#child.send(question);
    return Promise.race([answer, this.#ended]);
  }

  stop(): void {
    this.#ended.catch(() => {}); // it does end now
    this.#child.kill();
  }
}
