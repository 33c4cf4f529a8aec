import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeEnvironment, describeSource, processorKind } from '../../src/lab/environment.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const git = (folder: string, ...args: string[]): string =>
  execFileSync('git', ['-c', 'user.name=n', '-c', 'user.email=e@example.org', ...args], {
    cwd: folder,
    encoding: 'utf8',
  }).trim();

/** A checkout with one commit. */
function checkout(): string {
  const folder = temporaryFolder();
  git(folder, 'init', '-q');
  writeFileSync(path.join(folder, 'source.ts'), 'export {};\n');
  git(folder, 'add', '.');
  git(folder, 'commit', '-qm', 'first');
  return folder;
}

describe('the source of a run', () => {
  it('is the commit, clean where every file is as committed', () => {
    const folder = checkout();
    expect(describeSource(folder)).toEqual({ commit: git(folder, 'rev-parse', 'HEAD'), dirty: false });
  });

  it.each([
    ['a file is changed', (folder: string) => writeFileSync(path.join(folder, 'source.ts'), 'export const x = 1;\n')],
    ['a file is new', (folder: string) => writeFileSync(path.join(folder, 'more.ts'), '')],
    [
      'a change is staged',
      (folder: string) => {
        writeFileSync(path.join(folder, 'source.ts'), '\n');
        git(folder, 'add', '.');
      },
    ],
    ['a file is deleted', (folder: string) => git(folder, 'rm', '-q', 'source.ts')],
  ])('is dirty where %s', (_, change) => {
    const folder = checkout();
    change(folder);
    expect(describeSource(folder).dirty, 'dirty').toBe(true);
  });

  it('is unknown outside a checkout, and of a package that lies in the checkout of something else', () => {
    expect(describeSource(temporaryFolder())).toEqual({ commit: null, dirty: null });
    const inside = path.join(checkout(), 'node_modules', 'negative-knowledge');
    mkdirSync(inside, { recursive: true });
    expect(describeSource(inside)).toEqual({ commit: null, dirty: null });
  });

  it('is that of this very checkout in a record', () => {
    const { commit, dirty } = describeEnvironment();
    const root = path.resolve(import.meta.dirname, '..', '..');
    expect({ commit, dirty }).toEqual(describeSource(root));
  });
});

describe('the kind of processor', () => {
  it('is vendor, family, model and vector instructions, as Linux tells them', () => {
    const cpuinfo =
      'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: X\nflags\t\t: fpu avx2 avx avx512f sse fma\n';
    expect(processorKind(cpuinfo)).toBe(`${process.arch} GenuineIntel 6/143 avx avx2 avx512f fma`);
    expect(
      processorKind('CPU implementer\t: 0x41\nFeatures\t: fp asimd\nCPU architecture: 8\nCPU part\t: 0xd0c\n'),
    ).toBe(`${process.arch} 0x41 8/0xd0c asimd`);
  });

  it('is what Node says of it elsewhere', () => {
    expect(processorKind(null)).toMatch(new RegExp(`^${process.arch} .+`));
  });
});
