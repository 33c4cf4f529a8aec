/** `npm run bench`: which benchmarks there are, and the page that shows what they measured. Nothing is measured here. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { speedPage } from './page.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `npm run bench -- <args>`, without npm. */
const bench = (...args: string[]) => benchIn({}, ...args);

/** The same with more in the environment. */
function benchIn(env: NodeJS.ProcessEnv, ...args: string[]) {
  const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const [command, ...given] = scripts.bench.split(' ');
  expect(command).toBe('node');
  const options = { cwd: ROOT, encoding: 'utf8', env: { ...process.env, ...env } } as const;
  return spawnSync(process.execPath, [...given, ...args], options);
}

describe('npm run bench', () => {
  it('lists the benchmarks, each of which reports/speed.md names', () => {
    const { status, stdout } = bench('--help');
    expect(status).toBe(0);
    const names = [...stdout.matchAll(/npm run bench -- ([a-z]+)/g)].map(([, name]) => name);
    expect(names).toEqual(['engines', 'growth', 'paper', 'reference', 'against', 'whole', 'gpu', 'queue', 'page']);
    for (const name of names.slice(1)) expect(speedPage({})).toContain(`npm run bench -- ${name}`);
  });

  it.each(['nothing', 'constructor', '--steps'])('refuses %s, and measures nothing', (name) => {
    const { status, stdout, stderr } = bench(name);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(`error: there is no benchmark "${name}"`);
  });

  it.each([
    [[]],
    [['no-such-folder']],
    [['.', '--rounds', '0']],
    [['.', '--size', 'constructor']],
  ])('refuses to compare with %j', (args) => {
    const { status, stderr } = bench('against', ...args);
    expect(status).toBe(2);
    expect(stderr).toContain('error: npm run bench -- against <checkout> [--rounds 21] [--size narrow]: ');
  });

  it('gives a benchmark the options that follow its name', () => {
    const { status, stdout } = bench('reference', '--help');
    expect(status).toBe(0);
    expect(stdout).toContain('Usage: npm run bench -- reference');
    for (const name of ['none', 'constructor']) {
      expect(bench('reference', '--size', name).stderr).toContain(`error: --size: there is no ${name}`);
    }
    expect(bench('reference', '--rounds', '0').stderr).toContain('error: --rounds: 0 is no number of rounds');
  });

  it.each([
    ['--size', 'constructor'],
    ['--micro-batch', '0'],
  ])('refuses to measure a GPU with %s %s', (...args) => {
    for (const name of [['gpu'], ['--engine', 'webgpu']]) {
      const { status, stdout, stderr } = bench(...name, ...args);
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(`error: ${args[0]}: `);
    }
  });

  it('says so where there is neither JAX nor PyTorch to compare with', () => {
    const { status, stdout, stderr } = benchIn({ PYTHON: path.join(ROOT, 'no-python') }, 'reference');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('error: there is nothing to compare with: ');
    for (const library of ['jax', 'torch'])
      expect(stderr).toContain(`can import ${library}: install it, or name a Python`);
  });
});

describe('reports/speed.md', () => {
  it('says so where something was not measured yet', () => {
    expect(speedPage({}).match(/^Not measured yet\.$/gm)).toHaveLength(13);
  });
});
