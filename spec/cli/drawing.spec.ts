import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DRAWING, drawing } from '../../src/cli/drawing.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

describe('what draws', () => {
  it('is an optional peer of the package, which a checkout installs in the same version', () => {
    for (const name of DRAWING) {
      expect(manifest.peerDependencies[name], name).toBe(manifest.devDependencies[name]);
      expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
      expect(manifest.dependencies).not.toHaveProperty([name]);
    }
  });

  it.each([
    ['ERR_MODULE_NOT_FOUND', "Cannot find package 'vega-lite' imported from figure.js"],
    ['MODULE_NOT_FOUND', "Cannot find module 'dejavu-fonts-ttf/package.json'"],
  ])('is asked for in one line where it is not there (%s)', async (code, message) => {
    const load = () => Promise.reject(Object.assign(new Error(message), { code }));
    await expect(drawing(load)).rejects.toThrow(`npm install ${DRAWING.join(' ')}`);
  });

  it.each([
    ['a fault of another kind', new Error("'vega' is a word"), /is a word/],
    [
      'a module of ours that is gone',
      Object.assign(new Error("Cannot find module './gone.ts'"), { code: 'ERR_MODULE_NOT_FOUND' }),
      /gone/,
    ],
  ])('does not take the blame for %s', async (_, error, message) => {
    await expect(drawing(() => Promise.reject(error))).rejects.toThrow(message);
  });
});
