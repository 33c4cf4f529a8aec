/** The measurement of a GPU: here, and in a folder of its own that has no more than it needs. What it measures is not asserted. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { PHASES } from '../../../src/passwords/roles.ts';
import { packBench } from '../../bench/gpu/pack.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { NO_GPU } from '../../helpers/gpu.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const TINY = ['--size', 'tiny', '--micro-batch', '2'];
const node = (cwd: string, ...args: string[]) => spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });

describe.skipIf(NO_GPU !== null)('the measurement of a GPU', () => {
  it('tells matrix rates, steps with their share of the best rate, and hours of a run', () => {
    const before = readFileSync(path.join(ROOT, 'reports', 'bench.json'), 'utf8');
    const { status, stdout, stderr } = node(
      ROOT,
      '--import',
      'tsx',
      'spec/bench/main.ts',
      '--engine',
      'webgpu',
      ...TINY,
    );
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    for (const phase of PHASES)
      expect(stdout).toMatch(new RegExp(`^${phase} +[0-9.]+ +\\S+ +\\S+ [TG]FLOP/s +[0-9]+%$`, 'm'));
    expect(stdout).toMatch(/^tiny, 2 sequences of each kind in a pass, 64 passes a step$/m);
    expect(stdout).toMatch(/best rate \S+ [TG]FLOP\/s; a whole run of the paper takes \S+ hours$/m);
    // What a program that plays a GPU takes is nobody's figure.
    if (stdout.includes('plays a GPU')) {
      expect(readFileSync(path.join(ROOT, 'reports', 'bench.json'), 'utf8')).toBe(before);
    }
  });

  it('runs in a folder of less than 60 MB, beside which there is nothing', async () => {
    const folder = path.join(temporaryFolder(), 'packed');
    expect(await packBench(folder)).toBeLessThan(60e6);
    const { status, stdout, stderr } = node(folder, 'bench.mjs', ...TINY);
    expect({ status, stderr: status === 0 ? '' : stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('written to gpu.json');
    const found = JSON.parse(readFileSync(path.join(folder, 'gpu.json'), 'utf8'));
    expect(found).toMatchObject({ size: 'tiny', microBatch: 2, batch: 128 });
    expect(found.hoursOfARun).toBeGreaterThan(0);
    for (const phase of PHASES) expect(found.passes[phase].milliseconds).toBeGreaterThan(0);
    const wrong = node(folder, 'bench.mjs', '--size', '1b');
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain('error: --size: there is no 1b; take 70m, 160m, 410m, tiny');
    expect(existsSync(path.join(folder, 'README.md'))).toBe(true);
  });
});
