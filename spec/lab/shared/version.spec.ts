import { cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { codeDigest, codeVersion } from '../../../src/lab/shared/version.ts';
import { temporaryFolder } from '../../helpers/folder.ts';

let folder: string;
beforeEach(() => {
  folder = temporaryFolder();
  mkdirSync(path.join(folder, 'lab'));
  writeFileSync(path.join(folder, 'main.ts'), 'one');
  writeFileSync(path.join(folder, 'lab', 'run.ts'), 'two');
  writeFileSync(path.join(folder, 'lab', 'kernels.wasm'), Uint8Array.of(0, 97, 115, 109));
});

describe('the digest of the program', () => {
  it('is the same for two copies', () => {
    const copy = path.join(temporaryFolder(), 'elsewhere');
    cpSync(folder, copy, { recursive: true });
    expect(codeDigest(copy)).toBe(codeDigest(folder));
  });

  it('is another for every change of what is carried out', () => {
    const file = (name: string) => path.join(folder, name);
    const seen = [codeDigest(folder)];
    for (const change of [
      () => writeFileSync(file('main.ts'), 'One'),
      () => writeFileSync(file('lab/kernels.wasm'), Uint8Array.of(0, 97, 115, 110)),
      () => renameSync(file('lab/run.ts'), file('lab/runs.ts')),
      () => renameSync(file('lab/runs.ts'), file('runs.ts')),
      () => writeFileSync(file('more.json'), '{}'),
      () => rmSync(file('main.ts')),
    ]) {
      change();
      seen.push(codeDigest(folder));
    }
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('is the same whatever becomes of pages, and of files that an editor hides', () => {
    const before = codeDigest(folder);
    writeFileSync(path.join(folder, 'README.md'), 'a page');
    writeFileSync(path.join(folder, 'lab', '.run.ts.swp.ts'), 'half a line');
    expect(codeDigest(folder)).toBe(before);
  });
});

describe('the version of the code', () => {
  it('is that of the package, with a digest of this very program', () => {
    expect(codeVersion()).toMatch(/^\d+\.\d+\.\d+-[0-9a-f]{10}$/);
    const source = path.resolve(import.meta.dirname, '../../../src');
    expect(codeVersion().split('-')[1]).toBe(codeDigest(source).slice(0, 10));
  });
});
