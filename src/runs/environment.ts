/** What a run runs on, for its record. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import type { Engine } from '../engine/engine.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import type { RunRecord } from './record.ts';

const root = new URL('../../', import.meta.url);

function git(...args: string[]): string | null {
  try {
    return execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null; // No git, or no checkout: the record says null.
  }
}

export function describeEnvironment(): RunRecord['environment'] {
  const status = git('status', '--porcelain');
  const { name, version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: os.cpus()[0]?.model ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    package: `${name}@${version}`,
    commit: git('rev-parse', 'HEAD'),
    dirty: status === null ? null : status !== '',
  };
}

/** What every record begins with, of a run that finished as of one that failed. */
export const recordHead = (setup: Setup, engine: Engine, times: RunRecord['times']) =>
  ({
    schemaVersion: 2,
    setup,
    setupHash: setupHash(setup),
    engine,
    environment: describeEnvironment(),
    times,
  }) as const;
