/**
 * The lowest and the newest Node of every supported line, and some that are refused: the program, its test tools, and the
 * ways to start it. Node itself comes from the npm registry (package `node`), so `npm test` leaves this out; `.ci/run` and
 * `npx vitest run --project versions` do it.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { configuration, jobArguments, MAIN } from '../helpers/command.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const WASM = { ...process.env, NEGATIVE_KNOWLEDGE_ENGINE: 'wasm' };
/** Hangs alone are bounded: a slow machine or registry takes its time. */
const PATIENCE = 30 * 60_000;

const run = (command: string, args: readonly string[], cwd = ROOT): SpawnSyncReturns<string> =>
  spawnSync(command, args, { cwd, env: WASM, encoding: 'utf8', maxBuffer: 2 ** 26, timeout: PATIENCE });

const withNode = (version: string, args: readonly string[], cwd?: string) =>
  run('npx', ['-y', `node@${version}`, ...args], cwd);

/** The digest of the parameters that a tiny run ends with. */
function digestIn(out: string): string {
  const [file] = readdirSync(path.join(out, 'runs'));
  return JSON.parse(readFileSync(path.join(out, 'runs', file), 'utf8')).parametersDigest;
}

const tinyRun = (folder: string, out: string): string[] =>
  jobArguments(configuration(folder), '5,', out, '--jobs', '1');

let expected: string;
beforeAll(() => {
  const folder = sharedFolder();
  const out = path.join(folder, 'out');
  run(process.execPath, [MAIN, ...tinyRun(folder, out)]);
  expected = digestIn(out);
}, PATIENCE);

describe.each(['20.19.0', '22.13.0', '24.0.0', '24', '26'])('Node %s', (version) => {
  it(
    'runs the program, and a run ends with the digest that it has on the Node of these specs',
    () => {
      const folder = temporaryFolder();
      const out = path.join(folder, 'out');
      const { status, stdout, stderr } = withNode(version, [MAIN, ...tinyRun(folder, out)]);
      expect(stdout, stderr).toMatch(/│ main .*│ inconclusive │/); // one run is too few for more
      expect(status).toBe(1);
      expect(digestIn(out)).toBe(expected);
    },
    PATIENCE,
  );

  it(
    'runs the test tools',
    () => {
      const vitest = path.join('node_modules', 'vitest', 'vitest.mjs');
      const { status, stdout, stderr } = withNode(version, [vitest, 'run', '--project', 'quick', 'spec/random']);
      expect(`${stdout}${stderr}`).toMatch(/Tests .*\d+ passed/);
      expect(status).toBe(0);
    },
    PATIENCE,
  );
});

it.each(['18.20.8', '20.6.0', '20.10.0', '22.12.0', '23.0.0'])(
  'Node %s is refused with one sentence and exit code 2',
  (version) => {
    for (const args of [[MAIN, '--help'], [MAIN, 'reproduce'], [path.join('src', 'node-version.cjs')]]) {
      const { status, stdout, stderr } = withNode(version, args);
      expect(stderr.trim()).toBe(
        `error: this is Node v${version}, and negative-knowledge needs ^20.19.0 || ^22.13.0 || >=24.0.0; install a newer Node`,
      );
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    }
  },
  PATIENCE,
);

describe('the package, packed and installed in another project', () => {
  let project: string;
  beforeAll(() => {
    project = sharedFolder();
    const packed = run('npm', ['pack', '--silent', '--pack-destination', project]);
    expect(packed.status, packed.stderr).toBe(0);
    writeFileSync(path.join(project, 'package.json'), '{"name":"other","private":true}');
    // A project of another kind: its options must not reach the program.
    writeFileSync(path.join(project, 'tsconfig.json'), '{"compilerOptions":{"jsx":"react","target":"ES5"}}');
    const args = ['install', '--no-audit', '--no-fund', '--omit=dev', `./${packed.stdout.trim()}`];
    const installed = run('npm', args, project);
    expect(installed.status, installed.stderr).toBe(0);
  }, PATIENCE);

  it.each([
    ['npx', ['negative-knowledge']],
    [path.join('node_modules', '.bin', 'negative-knowledge'), []],
    ['node', [path.join('node_modules', 'negative-knowledge', 'src', 'main.cjs')]],
  ])(
    'trains through %s, to the same digest',
    (command, first) => {
      const out = path.join(temporaryFolder(), 'out');
      const { status, stdout, stderr } = run(command, [...first, ...tinyRun(project, out)], project);
      expect(stdout, stderr).toMatch(/│ main .*│ inconclusive │/);
      expect(status).toBe(1);
      expect(digestIn(out)).toBe(expected);
    },
    PATIENCE,
  );

  it(
    'reports and verifies there',
    () => {
      const out = path.join(temporaryFolder(), 'out');
      run('npx', ['negative-knowledge', ...tinyRun(project, out)], project);
      const reported = run(
        'npx',
        ['negative-knowledge', 'report', '--from', out, '--out', path.join(out, 'report')],
        project,
      );
      expect(reported.stderr).toBe('');
      expect(reported.status).toBe(0);
      expect(run('npx', ['negative-knowledge', 'verify', out, '--retrain', '1'], project).status).toBe(0);
    },
    PATIENCE,
  );
});

it(
  'a symbolic link to the executable, and to the folder that holds it, trains from anywhere',
  () => {
    const folder = temporaryFolder();
    symlinkSync(MAIN, path.join(folder, 'nk'));
    symlinkSync(ROOT, path.join(folder, 'checkout'));
    mkdirSync(path.join(folder, 'elsewhere'));
    for (const start of [['../nk'], ['node', '../checkout/src/main.cjs'], ['node', '../nk']]) {
      const out = path.join(temporaryFolder(), 'out');
      const [command, ...args] = [...start, ...tinyRun(folder, out)];
      const { status, stderr } = run(command, args, path.join(folder, 'elsewhere'));
      expect(status, stderr).toBe(1);
      expect(digestIn(out)).toBe(expected);
    }
  },
  PATIENCE,
);
