/** Temporary folders that are removed after each spec. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, onTestFinished } from 'vitest';

/** A folder for all specs of a file, made in `beforeAll`. */
export function sharedFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Files in a folder and in those in it, by their paths in it; none where there is no folder. */
export const filesIn = (folder: string): string[] =>
  existsSync(folder)
    ? readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
    : [];
