/** The closing line of `.ci/run`: no test that did not pass is left out of it. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../helpers/folder.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Ended {
  code: number;
  stdout: string;
}

const node = (...args: string[]): Promise<Ended> =>
  new Promise((resolve) => {
    const { VITEST: _inner, ...env } = process.env;
    execFile(process.execPath, args, { cwd: root, env }, (error, stdout) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout }),
    );
  });

/** What the runner leaves of some trials, as arguments of count.mjs. */
async function ran(...trials: string[]): Promise<string[]> {
  const report = path.join(temporaryFolder(), 'report.json');
  const reporters = ['--reporter=json', `--outputFile.json=${report}`];
  const config = ['--config', 'spec/ci/vitest.config.ts'];
  const { code } = await node('node_modules/vitest/vitest.mjs', 'run', ...config, ...reporters, ...trials);
  return [String(code), report];
}

const counted = (...args: string[]): Promise<Ended> => node('.ci/count.mjs', ...args);

it('counts what passed', async () => {
  expect(await counted(...(await ran('passes')))).toEqual({ code: 0, stdout: '1 passed, 0 failed\n' });
});

it('counts what failed, over all runs', async () => {
  const ended = await counted(...(await ran('passes', 'fails')), ...(await ran('passes')));
  expect(ended).toEqual({ code: 1, stdout: '2 passed, 1 failed\n' });
});

it('counts tests whose process died, and names them', async () => {
  const { code, stdout } = await counted(...(await ran('dies', 'passes')));
  expect(code).toBe(1);
  // What the first test came to may die with the process, before it is told.
  expect(stdout).toMatch(/^(2 passed, 2|1 passed, 3) failed$/m);
  expect(stdout).toMatch(/^NOT FINISHED: .*dies\.trial\.ts: is at work as its process dies$/m);
  expect(stdout).toMatch(/^NOT FINISHED: .*dies\.trial\.ts: never begins$/m);
});

it('counts a runner that failed with no test to blame, or left no report', async () => {
  const [, report] = await ran('passes');
  expect(await counted('1', report)).toMatchObject({ code: 1, stdout: expect.stringMatching(/^1 passed, 1 failed$/m) });
  const none = path.join(temporaryFolder(), 'none.json');
  expect(await counted('0', report, '0', none)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^1 passed, 1 failed$/m),
  });
  expect(await counted()).toMatchObject({ code: 1, stdout: '0 passed, 0 failed\n' });
});
