/** Packages that whoever installs the program chooses to have. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DRAWING } from '../src/cli/drawing.ts';
import { withPackages } from '../src/optional-packages.ts';

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const QUEUE = ['bullmq', 'ioredis', '@aws-sdk/client-s3', '@aws-sdk/lib-storage', 'prom-client'];

describe('a package that only some of the program needs', () => {
  it.each([
    ...DRAWING,
    ...QUEUE,
  ])('%s is an optional peer of the package, which a checkout installs in the same version', (name) => {
    expect(manifest.peerDependencies[name]).toBe(manifest.devDependencies[name]);
    expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
    expect(manifest.dependencies).not.toHaveProperty([name]);
  });

  const lacking = (code: string, message: string) => () => Promise.reject(Object.assign(new Error(message), { code }));

  it.each([
    ['ERR_MODULE_NOT_FOUND', "Cannot find package 'vega-lite' imported from figure.js"],
    ['MODULE_NOT_FOUND', "Cannot find module 'vega-lite/package.json'"],
  ])('is asked for in one line where it is not there (%s)', async (code, message) => {
    await expect(withPackages(['vega', 'vega-lite'], 'figures need packages', lacking(code, message))).rejects.toThrow(
      /^figures need packages that are not installed here: npm install vega vega-lite$/,
    );
  });

  it.each([
    ['a fault of another kind', 'ERR_OTHER', "'vega' is a word", /is a word/],
    ['a module of ours that is gone', 'ERR_MODULE_NOT_FOUND', "Cannot find module './gone.ts'", /gone/],
  ])('does not take the blame for %s', async (_, code, message, expected) => {
    await expect(withPackages(['vega'], 'figures need packages', lacking(code, message))).rejects.toThrow(expected);
  });
});
