/** Small file systems. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'vitest';
import { temporaryFolder } from './folder.ts';

/** Mounts a small file system for one test, which is skipped where that is not allowed. */
export function smallDisk(context: TestContext, options: string): string {
  const mount = path.join(temporaryFolder(), 'disk');
  mkdirSync(mount);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', mount], { stdio: 'ignore' });
  } catch {
    context.skip('needs the right to mount a small file system');
  }
  context.onTestFinished(() => void execFileSync('umount', ['-l', mount]));
  return mount;
}
