/** Whole runs of a job: by our engines and by the two Python programs, each in a process of its own. */
import { writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ENGINE_VARIABLE } from '../../../src/engine/engine.ts';
import { threadVariables } from '../../../src/engine/native/threads.ts';
import { PHASES, type Phase } from '../../../src/passwords/roles.ts';
import type { Setup } from '../../../src/setup/schema.ts';
import { COMPARED } from '../tables.ts';
import { writeJob } from './job.ts';
import { HERE, printed } from './python.ts';

/** What a whole run took, and its losses; nats. */
export interface Result {
  seconds: number;
  tokens: number;
  peakMiB: number;
  losses: Record<Phase, number[]>;
}

/** A whole run of train.py. */
export interface TorchResult extends Result {
  torch: string;
  /** The GPU that it ran on, if torch found one. */
  gpu: string | null;
}

/** A whole run of train_jax.py. Its seconds begin when everything is compiled. */
export interface JaxResult extends Result {
  compileSeconds: number;
  version: string;
  /** Means by set of passwords (held-out, useful, control); log-probabilities of a letter are in nats. */
  evaluations: { phase: Phase; step: number; logProbabilities: number[]; ranks: number[] }[];
}

/** A setup's data and initial weights in a folder, for every program. */
export class Job {
  readonly folder: string;
  readonly setup: Setup;

  constructor(folder: string, setup: Setup) {
    this.folder = folder;
    this.setup = setup;
    writeJob(folder, setup);
    writeFileSync(path.join(folder, 'setup.json'), JSON.stringify(setup));
  }

  ours(engine: string): Result {
    const args = ['--import', 'tsx', path.join(HERE, 'ours.ts'), path.join(this.folder, 'setup.json')];
    const threads = threadVariables(this.setup.model.hidden, os.availableParallelism());
    return printed(process.execPath, args, { ...threads, [ENGINE_VARIABLE]: engine });
  }

  torch(python: string, threads: number): TorchResult {
    return printed(python, [path.join(HERE, 'train.py'), this.folder, `${threads}`], { OMP_WAIT_POLICY: 'passive' });
  }

  jax(python: string): JaxResult {
    return printed(python, [path.join(HERE, 'train_jax.py'), this.folder]);
  }
}

/** The largest relative difference of losses over the first steps of each phase. */
export const lossesApart = ({ losses }: Pick<Result, 'losses'>, reference: Pick<Result, 'losses'>) =>
  Object.fromEntries(
    PHASES.map((phase) => {
      const apart = losses[phase].map((loss, step) => Math.abs(loss / reference.losses[phase][step] - 1));
      return [phase, Math.max(...apart.slice(0, COMPARED))];
    }),
  ) as Record<Phase, number>;
