/** Processes that carry out tasks of one module. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startWorkers } from '../../src/lab/workers.ts';
import { StorageError } from '../../src/records/storing.ts';
import { sha256Hex } from '../../src/sha256.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const ENTRY = new URL('./echoing-worker.ts', import.meta.url);

/** Names the folder for temporary files. */
function temporaryFilesIn(folder: string): void {
  vi.stubEnv('TMPDIR', folder);
  onTestFinished(() => void vi.unstubAllEnvs());
}

it('read a module of TypeScript without a loader, its modules and packages from where they are', async () => {
  const folder = temporaryFolder();
  temporaryFilesIn(folder);
  const workers = await startWorkers(ENTRY, 1);
  const heard: unknown[] = [];
  const answer = await workers.run<string, unknown, Record<string, unknown>>('text', (message) => heard.push(message));
  await workers.end();
  expect(heard).toContainEqual({ heard: 'text' });
  expect(answer).toMatchObject({
    place: ENTRY.href,
    digest: sha256Hex('text'),
    package: 'function',
    later: 'function',
  });
  // Newer versions of Node read it themselves.
  const byNode = Boolean((process.features as { typescript?: string | false }).typescript);
  expect(answer.readsTypeScript, 'has a loader for TypeScript').toBe(byNode);
  expect(readdirSync(folder), 'files left behind').toEqual([]);
});

it('are refused where no temporary file can be written, with what to do', async () => {
  const missing = path.join(temporaryFolder(), 'missing');
  temporaryFilesIn(missing);
  const starting = startWorkers(ENTRY, 1);
  await expect(starting).rejects.toThrow(StorageError);
  await expect(starting).rejects.toThrow(
    /^Cannot write a temporary file for the processes of runs \(ENOENT.*TMPDIR\.$/,
  );
  expect(existsSync(missing)).toBe(false);
});
