/** `sweep` as it is typed, on a grid of tiny setups. */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { finish, startCommand } from '../helpers/command.ts';
import { sharedFolder } from '../helpers/folder.ts';

const TINY = {
  ...{ 'phases.pretrain.steps': 4, 'phases.dpo.steps': 8, 'phases.joint.steps': 8, 'evaluation.every': 4 },
  ...{ 'passwords.repeats': 1, batch: 16 },
};
const GRID = {
  set: TINY,
  vary: { 'optimiser.weightDecay': [0.1, 1], beta: [0.1, 0.2] },
  claims: ['main', 'control'],
  seeds: [201, 202],
};

describe('a sweep', () => {
  const folder = sharedFolder();
  const grid = path.join(folder, 'grid.json');
  const out = path.join(folder, 'out');
  const run = (...args: string[]) => finish(startCommand(['sweep', ...args], { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' }));
  let first: Awaited<ReturnType<typeof run>>;
  beforeAll(async () => {
    writeFileSync(grid, JSON.stringify(GRID));
    first = await run(grid, '--out', out, '--json');
  });

  it('trains every cell under every seed, and judges each by its claims', () => {
    expect(first.code, first.stderr).toBe(1); // too few runs for any verdict but this
    const { cells, runs } = JSON.parse(first.stdout);
    expect(cells.map(({ cell }: { cell: string }) => cell)).toEqual([
      'optimiser.weightDecay=0.1 beta=0.1',
      'optimiser.weightDecay=0.1 beta=0.2',
      'optimiser.weightDecay=1 beta=0.1',
      'optimiser.weightDecay=1 beta=0.2',
    ]);
    for (const { claims } of cells) {
      expect(claims.map(({ id, verdict, seeds }: Record<string, unknown>) => ({ id, verdict, seeds }))).toEqual([
        { id: 'main', verdict: 'inconclusive', seeds: [201, 202] },
        { id: 'control', verdict: 'inconclusive', seeds: [201, 202] },
      ]);
    }
    expect(runs).toHaveLength(8);
    expect(readdirSync(path.join(out, 'runs'))).toHaveLength(8);
    expect(readFileSync(path.join(out, 'sweep.csv'), 'utf8').trimEnd().split('\n')).toHaveLength(1 + 8);
    expect(readFileSync(path.join(out, 'sweep.md'), 'utf8')).toContain(
      '| optimiser.weightDecay=1 beta=0.2 | control |',
    );
  });

  it('ends each run as `reproduce` does', async () => {
    const set = Object.entries({ ...TINY, beta: 0.2 }).flatMap(([field, value]) => ['--set', `${field}=${value}`]);
    const alone = path.join(folder, 'alone');
    const args = ['reproduce', '--claims', 'main', '--seed-list', '201', '--out', alone, ...set];
    const done = await finish(startCommand(args, { NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' }));
    expect(done.code, done.stderr).not.toBe(2);
    const digestIn = (of: string, name: RegExp) => {
      const [file] = readdirSync(path.join(of, 'runs')).filter((each) => name.test(each));
      return JSON.parse(readFileSync(path.join(of, 'runs', file), 'utf8')).parametersDigest;
    };
    expect(digestIn(out, /weightdecay-1-beta-0-2-seed201/)).toBe(digestIn(alone, /seed201/));
  });

  it('goes on where it was, and keeps what is there', async () => {
    rmSync(path.join(out, 'runs', readdirSync(path.join(out, 'runs'))[3]));
    const { code, stdout, stderr } = await run(grid, '--out', out, '--resume', '--json');
    expect(code, stderr).toBe(1);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(first.stdout));
  });

  it.each([
    [['--out', 'OUT'], 'already holds run records'],
    [['--out', 'OUT', '--resume', '--seeds', '3'], 'holds the runs of another sweep (grid, 8 runs)'],
    [['--resume'], '--resume: say which folder with --out'],
    [['--preset', 'pockets'], '--preset: there is no "pockets" (did you mean "pocket"?)'],
    [['--set', 'seed=3'], 'seeds are chosen with'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await run(grid, ...args.map((arg) => (arg === 'OUT' ? out : arg)));
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it('says beforehand what it would train, and trains nothing', async () => {
    const { code, stdout, stderr } = await run(grid, '--dry-run');
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('4 cells, 2 seeds, claims main, control');
    expect(stdout).toMatch(/^8 runs, \d+ at once$/m);
    expect(stdout).toMatch(/^\S+ floating-point operations, \S+ GB on disk$/m);
    expect(stdout).toMatch(/^ {2}wasm +about /m);
    expect(stdout).toContain('nothing was trained or written');
  });
});
