/**
 * The package, as `npm pack` makes it: installed in an empty TypeScript project and in one of plain JavaScript, on the lowest
 * and the newest Node. It needs the npm registry, so `npm test` leaves it out.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { DRAWING } from '../../src/cli/drawing.ts';
import { sharedFolder } from '../helpers/folder.ts';
import { digestHere, expectTinyRun, PATIENCE, ROOT, run, tinyRun, withNode } from '../helpers/nodes.ts';

const MIB = 2 ** 20;
const NODES = ['20.19.0', '26'];

const folders = sharedFolder();
const newFolder = () => mkdtempSync(path.join(folders, 'test-'));

/** Runs a command that has to succeed. */
async function succeed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { status, stdout, stderr } = await run(command, args, cwd);
  expect(status, `${command} ${args.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
  return stdout;
}

/** A project that has the package, and others. */
async function project(name: string, ...others: string[]): Promise<string> {
  const folder = path.join(folders, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, 'package.json'), '{"name":"other","private":true,"type":"module"}');
  await succeed('npm', ['install', '--no-audit', '--no-fund', tarball, ...others], folder);
  return folder;
}

/** The TypeScript that a page shows of the package. */
const examplesOf = (page: string): string[] =>
  [...readFileSync(path.join(ROOT, page), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)]
    .map(([, code]) => code)
    .filter((code) => code.includes("'negative-knowledge"));

const bytesIn = (folder: string): number =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, entry) => sum + (entry.isFile() ? entry.size : 0), 0);

let tarball: string;
let plain: string;
let typed: string;
beforeAll(async () => {
  const packed = await succeed('npm', ['pack', '--silent', '--pack-destination', folders], ROOT);
  tarball = path.join(folders, packed.trim());
  plain = await project('plain');
  typed = await project('typed', 'typescript@5.9');
  // A project of another kind: its options must not reach the program.
  writeFileSync(path.join(plain, 'tsconfig.json'), '{"compilerOptions":{"jsx":"react","target":"ES5"}}');
}, PATIENCE);

describe('the package', () => {
  it('is at most 1 MB, and has no specs, records or sources', async () => {
    expect(statSync(tarball).size).toBeLessThanOrEqual(1_000_000);
    const files = (await succeed('tar', ['-tzf', tarball], folders)).trim().split('\n');
    const unexpected = files.filter(
      (file) =>
        !/^package\/(dist\/|src\/[a-z-]+\.cjs$|reports\/claims\.json$|(package\.json|README\.md|LICENSE)$)/.test(file),
    );
    expect(unexpected).toEqual([]);
    expect(files.filter((file) => /(?<!\.d)\.tsx?$|\.spec\.|\.jsonl/.test(file))).toEqual([]);
  });

  it('installs at most 150 packages and 150 MiB, and nothing that draws', () => {
    const { packages } = JSON.parse(readFileSync(path.join(plain, 'node_modules', '.package-lock.json'), 'utf8'));
    expect(Object.keys(packages).length).toBeLessThanOrEqual(150);
    expect(bytesIn(path.join(plain, 'node_modules'))).toBeLessThanOrEqual(150 * MIB);
    for (const name of DRAWING) expect(packages).not.toHaveProperty([`node_modules/${name}`]);
  });

  it.each([
    ['publint', ['publint@0.3.25', '--strict']],
    ['@arethetypeswrong/cli', ['@arethetypeswrong/cli@0.18.5', '--profile', 'esm-only']],
  ])(
    'is clean, says %s',
    async (_, [tool, ...options]) => {
      await succeed('npx', ['-y', tool, tarball, ...options], folders);
    },
    PATIENCE,
  );

  it(
    'type-checks in a strict project with every declaration read, and with what the pages show of it',
    async () => {
      const examples = ['README.md', 'spec/README.md'].flatMap(examplesOf);
      expect(examples.length).toBeGreaterThan(0);
      examples.forEach((code, index) => {
        writeFileSync(path.join(typed, `example-${index}.ts`), code);
      });
      const compilerOptions = { module: 'NodeNext', target: 'ES2022', strict: true, skipLibCheck: false };
      writeFileSync(path.join(typed, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
      await succeed('npx', ['tsc'], typed);
      for (const [index] of examples.entries())
        for (const version of NODES) {
          const { status, stderr } = await withNode(version, [path.join(typed, `example-${index}.js`)], typed);
          expect(status, `${version}: ${stderr}`).toBe(0);
        }
    },
    PATIENCE,
  );

  it.each(NODES)(
    'is used by plain JavaScript on Node %s',
    async (version) => {
      const lines = [
        "import { PRESETS, claimSeeds, planSetups, CORE } from 'negative-knowledge';",
        "import { setups } from 'negative-knowledge/arbitraries';",
        "import fc from 'fast-check';",
        'console.log(planSetups(PRESETS.pocket, CORE, claimSeeds(1)).size, fc.sample(setups({ size: "any" }), 3).length);',
      ];
      writeFileSync(path.join(plain, 'use.js'), lines.join('\n'));
      const { stdout, stderr } = await withNode(version, [path.join(plain, 'use.js')], plain);
      expect(stdout.trim(), stderr).toBe('2 3');
    },
    PATIENCE,
  );
});

describe('the command of the package', () => {
  let expected: string;
  beforeAll(async () => {
    expected = await digestHere(newFolder());
  }, PATIENCE);

  const start = (way: string, args: readonly string[]) => {
    if (way === 'npx') return run('npx', ['negative-knowledge', ...args], plain);
    if (way === '.bin') return run(path.join('node_modules', '.bin', 'negative-knowledge'), args, plain);
    return withNode(way, [path.join(plain, 'node_modules', 'negative-knowledge', 'src', 'main.cjs'), ...args], plain);
  };

  it.each(['npx', '.bin', ...NODES])(
    'trains through %s, to the digest of the checkout',
    async (way) => {
      const out = path.join(newFolder(), 'out');
      expectTinyRun(await start(way, tinyRun(plain, out)), out, expected);
    },
    PATIENCE,
  );

  it(
    'verifies there; it reports once what draws is installed, and says so before',
    async () => {
      const out = path.join(newFolder(), 'out');
      await run('npx', ['negative-knowledge', ...tinyRun(plain, out)], plain);
      await succeed('npx', ['negative-knowledge', 'verify', out, '--retrain', '1'], plain);
      const report = ['negative-knowledge', 'report', '--from', out, '--out', path.join(out, 'report')];
      const refused = await run('npx', report, plain);
      expect(refused).toMatchObject({ status: 2, stdout: '' });
      const [, command] = /^error: figures and pages need packages .*: npm (install .*)\n$/.exec(refused.stderr) ?? [];
      expect(command, refused.stderr).toBeDefined();
      await succeed('npm', [...command.split(' '), '--no-audit', '--no-fund'], plain);
      await succeed('npx', report, plain);
      expect(readdirSync(path.join(out, 'report'))).toContain('index.html');
    },
    PATIENCE,
  );
});

it(
  'a claim of someone’s own and a property of setups are tests in a project of their own',
  async () => {
    const folder = path.join(newFolder(), 'example');
    cpSync(path.join(ROOT, 'spec', 'example'), folder, { recursive: true });
    const manifest = path.join(folder, 'package.json');
    const own = readFileSync(manifest, 'utf8').replace(
      '"negative-knowledge": "*"',
      `"negative-knowledge": "file:${tarball}"`,
    );
    writeFileSync(manifest, own);
    await succeed('npm', ['install', '--no-audit', '--no-fund'], folder);
    const stdout = await succeed('npm', ['test'], folder);
    expect(stdout).toMatch(/│ reproduced +│ longer +│/);
    expect(stdout).toMatch(/Tests .*3 passed/);
  },
  PATIENCE,
);
