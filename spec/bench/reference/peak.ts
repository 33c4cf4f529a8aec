/** The most that WebAssembly's 128-bit instructions can do on one core. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { buildKernels } from '../../../src/tools/kernels.ts';

const CHAINS = 12;
const NUMBERS = 4;
const TIMES = 10_000_000;
const REPETITIONS = 12;

/** Compiles the loop. @returns a measurement of its rate, GFLOP/s: the best of some */
export function vectorRate(): () => number {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-peak-'));
  try {
    const file = path.join(folder, 'peak.wasm');
    buildKernels(file, 'spec/bench/reference/peak.assembly.ts');
    const memory = new WebAssembly.Memory({ initial: 1 });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { env: { memory } });
    const chains = exports.chains as (times: number) => number;
    return () => {
      const seconds = Array.from({ length: REPETITIONS }, () => {
        const started = performance.now();
        chains(TIMES);
        return (performance.now() - started) / 1000;
      });
      return (2 * CHAINS * NUMBERS * TIMES) / Math.min(...seconds) / 1e9;
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
