/** Temporary folders that are removed after each spec. */
import { mkdtempSync, rmSync } from 'node:fs';
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
