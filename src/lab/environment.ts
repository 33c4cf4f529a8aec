/** The machine and the source of a run, for its record. */
import { execFileSync } from 'node:child_process';
import { readFileSync, realpathSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { dividedInWords } from '../engine/native/threads.ts';
import type { Execution } from '../records/execution.ts';
import { headOf, type RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function git(folder: string, ...args: string[]): string | null {
  try {
    return execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return null; // No git, or no checkout: the record says null.
  }
}

/** Vector instructions that libraries choose their code by, as Linux names them. */
const VECTORS = /^(avx|avx2|fma|avx512f|avx512_vnni|avx512_bf16|amx_tile|asimd|sve|sve2)$/;

/**
 * Vendor, family, model and vector instructions of a processor. The engine `native` chooses its code by them, so its last
 * digits depend on them.
 * @param cpuinfo Linux's /proc/cpuinfo; null elsewhere
 */
export function processorKind(cpuinfo: string | null): string {
  const field = (name: string) => cpuinfo?.match(new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm'))?.[1].trim();
  const vendor = field('vendor_id') ?? field('CPU implementer');
  if (vendor === undefined) return `${process.arch} ${os.cpus()[0]?.model ?? 'unknown'}`;
  const model = [field('cpu family') ?? field('CPU architecture'), field('model') ?? field('CPU part')].join('/');
  const flags = (field('flags') ?? field('Features') ?? '').split(/\s+/).filter((flag) => VECTORS.test(flag));
  return [process.arch, vendor, model, ...flags.sort()].join(' ');
}

function readCpuinfo(): string | null {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return null; // not Linux
  }
}

/** The commit of a checkout, and whether files differ from it; both are null where the folder is no checkout of its own. */
export function describeSource(folder: string): { commit: string | null; dirty: boolean | null } {
  const top = git(folder, 'rev-parse', '--show-toplevel');
  // An installed package may lie in a checkout of something else.
  if (top === null || realpathSync(top) !== realpathSync(folder)) return { commit: null, dirty: null };
  const status = git(folder, 'status', '--porcelain');
  return { commit: git(folder, 'rev-parse', 'HEAD'), dirty: status === null ? null : status !== '' };
}

export function describeEnvironment(): RunRecord['environment'] {
  const { name, version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));
  return {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    processor: os.cpus()[0]?.model ?? 'unknown',
    processorKind: processorKind(readCpuinfo()) + dividedInWords(),
    cores: os.availableParallelism(),
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    package: `${name}@${version}`,
    ...describeSource(ROOT),
  };
}

/** What every record begins with, whether its run finished or failed. */
export const recordHead = (
  setup: Setup,
  engine: RunRecord['engine'],
  execution: Execution,
  times: RunRecord['times'],
) => headOf(setup, engine, execution, describeEnvironment(), times);
