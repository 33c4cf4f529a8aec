/**
 * The lowest and the newest Node of every supported line, and some that are refused: the program, its test tools, and the
 * ways to start it. Node itself comes from the npm registry (package `node`), so `npm test` leaves this out; `.ci/run` and
 * `npx vitest run --project versions` do it.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, it } from 'vitest';
import { configuration, jobArguments, MAIN } from '../helpers/command.ts';
import { sharedFolder } from '../helpers/folder.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const WASM = { ...process.env, NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' };
/** Hangs alone are bounded: a slow machine or registry takes its time. */
const PATIENCE = 30 * 60_000;

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string, args: readonly string[], cwd = ROOT): Promise<Ended> {
  const child = spawn(command, args, { cwd, env: WASM, timeout: PATIENCE, stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const status = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { status, stdout: await stdout, stderr: await stderr };
}

/** Where each version of Node is that was fetched. */
const nodes = new Map<string, Promise<string>>();

async function withNode(version: string, args: readonly string[]): Promise<Ended> {
  const fetched =
    nodes.get(version) ??
    run('npx', ['-y', `node@${version}`, '-p', 'process.execPath']).then(({ stdout }) => stdout.trim());
  nodes.set(version, fetched);
  return run(await fetched, args);
}

/** The digest of the parameters that a tiny run ends with. */
function digestIn(out: string): string {
  const [file] = readdirSync(path.join(out, 'runs'));
  return JSON.parse(readFileSync(path.join(out, 'runs', file), 'utf8')).parametersDigest;
}

const tinyRun = (folder: string, out: string): string[] =>
  jobArguments(configuration(folder), '5,', out, '--jobs', '1');

/** Tests run at once, so their folders are removed when all have ended. */
const folders = sharedFolder();
const newFolder = () => mkdtempSync(path.join(folders, 'test-'));

let expected: string;
beforeAll(async () => {
  const folder = newFolder();
  const out = path.join(folder, 'out');
  await run(process.execPath, [MAIN, ...tinyRun(folder, out)]);
  expected = digestIn(out);
}, PATIENCE);

describe.concurrent.each(['20.19.0', '22.13.0', '24.0.0', '24', '26'])('Node %s', (version) => {
  it(
    'runs the program, and a run ends with the digest that it has on the Node of these specs',
    async () => {
      const folder = newFolder();
      const out = path.join(folder, 'out');
      const { status, stdout, stderr } = await withNode(version, [MAIN, ...tinyRun(folder, out)]);
      expect(stdout, stderr).toMatch(/│ main .*│ inconclusive │/); // one run is too few for more
      expect(status).toBe(1);
      expect(digestIn(out)).toBe(expected);
    },
    PATIENCE,
  );

  it(
    'runs the test tools',
    async () => {
      const vitest = path.join('node_modules', 'vitest', 'vitest.mjs');
      const { status, stdout, stderr } = await withNode(version, [vitest, 'run', '--project', 'quick', 'spec/random']);
      expect(`${stdout}${stderr}`).toMatch(/Tests .*\d+ passed/);
      expect(status).toBe(0);
    },
    PATIENCE,
  );
});

it.concurrent.each(['18.20.8', '20.6.0', '20.10.0', '22.12.0', '23.0.0'])(
  'Node %s is refused with one sentence and exit code 2',
  async (version) => {
    for (const args of [[MAIN, '--help'], [MAIN, 'reproduce'], [path.join('src', 'node-version.cjs')]]) {
      const { status, stdout, stderr } = await withNode(version, args);
      expect(stderr.trim()).toBe(
        `error: this is Node v${version}, and negative-knowledge needs ^20.19.0 || ^22.13.0 || >=24.0.0; install a newer Node`,
      );
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
  },
  PATIENCE,
);

describe.concurrent('the package, packed and installed in another project', () => {
  let project: string;
  beforeAll(async () => {
    project = newFolder();
    const packed = await run('npm', ['pack', '--silent', '--pack-destination', project]);
    expect(packed.status, packed.stderr).toBe(0);
    writeFileSync(path.join(project, 'package.json'), '{"name":"other","private":true}');
    // A project of another kind: its options must not reach the program.
    writeFileSync(path.join(project, 'tsconfig.json'), '{"compilerOptions":{"jsx":"react","target":"ES5"}}');
    const args = ['install', '--no-audit', '--no-fund', '--omit=dev', `./${packed.stdout.trim()}`];
    const installed = await run('npm', args, project);
    expect(installed.status, installed.stderr).toBe(0);
  }, PATIENCE);

  it.each([
    ['npx', ['negative-knowledge']],
    [path.join('node_modules', '.bin', 'negative-knowledge'), []],
    ['node', [path.join('node_modules', 'negative-knowledge', 'src', 'main.cjs')]],
  ])(
    'trains through %s, to the same digest',
    async (command, first) => {
      const out = path.join(newFolder(), 'out');
      const { status, stdout, stderr } = await run(command, [...first, ...tinyRun(project, out)], project);
      expect(stdout, stderr).toMatch(/│ main .*│ inconclusive │/);
      expect(status).toBe(1);
      expect(digestIn(out)).toBe(expected);
    },
    PATIENCE,
  );

  it(
    'reports and verifies there',
    async () => {
      const out = path.join(newFolder(), 'out');
      await run('npx', ['negative-knowledge', ...tinyRun(project, out)], project);
      const reported = await run(
        'npx',
        ['negative-knowledge', 'report', '--from', out, '--out', path.join(out, 'report')],
        project,
      );
      expect(reported.stderr).toBe('');
      expect(reported.status).toBe(0);
      expect((await run('npx', ['negative-knowledge', 'verify', out, '--retrain', '1'], project)).status).toBe(0);
    },
    PATIENCE,
  );
});

it.concurrent(
  'a symbolic link to the executable, and to the folder that holds it, trains from anywhere',
  async () => {
    const folder = newFolder();
    symlinkSync(MAIN, path.join(folder, 'nk'));
    symlinkSync(ROOT, path.join(folder, 'checkout'));
    mkdirSync(path.join(folder, 'elsewhere'));
    for (const start of [['../nk'], ['node', '../checkout/src/main.cjs'], ['node', '../nk']]) {
      const out = path.join(newFolder(), 'out');
      const [command, ...args] = [...start, ...tinyRun(folder, out)];
      const { status, stderr } = await run(command, args, path.join(folder, 'elsewhere'));
      expect(status, stderr).toBe(1);
      expect(digestIn(out)).toBe(expected);
    }
  },
  PATIENCE,
);
