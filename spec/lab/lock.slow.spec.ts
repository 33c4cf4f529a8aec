import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { configuration, finish, jobArguments, startCommand } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/folder.ts';

it('a job is warned that the addon of its lock is missing, and trains all the same', async () => {
  const folder = temporaryFolder();
  const preloaded = path.join(folder, 'no-addon.cjs');
  writeFileSync(
    preloaded,
    `const Module = require('node:module');
    const load = Module._load;
    Module._load = function (request, ...rest) {
      if (request !== 'fs-native-extensions') return load.call(this, request, ...rest);
      throw Object.assign(new Error('Cannot find addon'), { code: 'ADDON_NOT_FOUND' });
    };`,
  );
  const job = jobArguments(configuration(folder), '201', path.join(folder, 'job'), '--resume');
  const { code, stderr } = await finish(startCommand(job, { NODE_OPTIONS: `--require ${preloaded}` }));
  expect(code, stderr).toBe(1); // one run is too few for a verdict
  expect(stderr).toMatch(/^warning: .*\.lock cannot be locked: the package fs-native-extensions, [^\n]*\n/);
});
