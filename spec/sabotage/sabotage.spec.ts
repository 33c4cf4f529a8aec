/** Makes every sabotage of the catalogue in turn, and sees that the spec it names fails. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { SABOTAGES } from './catalogue.ts';
import { sabotaged } from './plugin.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');

interface Outcome {
  readonly fullName: string;
  readonly status: string;
  readonly failureMessages: string[];
}

/** What became of the tests of that name, with the sabotage made. */
async function outcomes(id: string, test: string): Promise<Outcome[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-'));
  const report = path.join(folder, 'report.json');
  const name = test.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const config = path.join('spec', 'sabotage', 'vitest.config.ts');
  const args = ['run', '--config', config, '-t', name, '--reporter=json', `--outputFile=${report}`];
  const vitest = path.join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  // It exits with an error where it is caught: what counts is in the report.
  await promisify(execFile)(process.execPath, [vitest, ...args], {
    cwd: ROOT,
    env: { ...process.env, SABOTAGE: id },
    timeout: 240_000,
    maxBuffer: 2 ** 26,
  }).catch(() => {});
  const text = await readFile(report, 'utf8');
  await rm(folder, { recursive: true });
  const { testResults } = JSON.parse(text) as { testResults: { assertionResults: Outcome[] }[] };
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ fullName }) => fullName.includes(test));
}

describe('the catalogue', () => {
  it('names at least 20 sabotages, each once', () => {
    expect(SABOTAGES.length).toBeGreaterThanOrEqual(20);
    expect(new Set(SABOTAGES.map(({ id }) => id)).size).toBe(SABOTAGES.length);
  });

  it.each(SABOTAGES)('is of the source as it is: $id', async (sabotage) => {
    const code = await readFile(path.join(ROOT, sabotage.file), 'utf8');
    expect(sabotaged(sabotage, code)).not.toBe(code);
  });
});

describe.concurrent('is caught', () => {
  it.each(SABOTAGES)('$id: $story', async ({ id, caughtBy: { spec, test } }) => {
    const found = await outcomes(id, test);
    expect(found.length, `${spec} has no test "${test}", or does not load`).toBeGreaterThan(0);
    expect(found.map(({ status }) => status)).toEqual(found.map(() => 'failed'));
  }, 300_000);
});
