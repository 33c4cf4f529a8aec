/**
 * The lowest and the newest Node of every supported line, and some that are refused: the program, its test tools, and the
 * ways to start it. Node itself comes from the npm registry (package `node`), so `npm test` leaves this out; `.ci/run` and
 * `npx vitest run --project versions` do it.
 */
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { MAIN } from '../helpers/command.ts';
import { sharedFolder } from '../helpers/folder.ts';
import { digestHere, expectTinyRun, PATIENCE, ROOT, run, tinyRun, withNode } from '../helpers/nodes.ts';

/** Tests run at once, so their folders are removed when all have ended. */
const folders = sharedFolder();
const newFolder = () => mkdtempSync(path.join(folders, 'test-'));

let expected: string;
beforeAll(async () => {
  expected = await digestHere(newFolder());
}, PATIENCE);

describe.concurrent.each(['20.19.0', '22.13.0', '24.0.0', '24', '26'])('Node %s', (version) => {
  it(
    'runs the program, and a run ends with the digest that it has on the Node of these specs',
    async () => {
      const folder = newFolder();
      const out = path.join(folder, 'out');
      expectTinyRun(await withNode(version, [MAIN, ...tinyRun(folder, out)]), out, expected);
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
      expectTinyRun(await run(command, args, path.join(folder, 'elsewhere')), out, expected);
    }
  },
  PATIENCE,
);
