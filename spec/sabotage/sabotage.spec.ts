/** Makes every sabotage of the catalogue in turn, and sees that the spec it names notices it. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { SABOTAGES, type Sabotage } from './catalogue.ts';
import { missed, type Outcome } from './outcome.ts';
import { sabotaged } from './plugin.ts';
import { TRIALS } from './trials.ts';

const ROOT = path.resolve(import.meta.dirname, '..', '..');
const CONFIG = path.join('spec', 'sabotage', 'vitest.config.ts');
const VITEST = path.join('node_modules', 'vitest', 'vitest.mjs');

/** Source as the trials compile it, for those that come after; what is sabotaged is compiled anew. */
const compiled = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-compiled-'));
afterAll(() => rm(compiled, { recursive: true, force: true }));

/** What becomes of the tests of those names in those specs, with a sabotage made or with none. */
async function outcomes(specs: readonly string[], tests: readonly string[], sabotage?: string): Promise<Outcome[]> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-'));
  const report = path.join(folder, 'outcomes.json');
  const names = tests.map((test) => test.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|');
  const { SABOTAGE: _, VITEST: __, ...inherited } = process.env;
  const env = {
    ...inherited,
    NEGATIVE_KNOWLEDGE_ENGINE: 'wasm',
    SPECS: specs.join(','),
    OUTCOMES: report,
    COMPILED: compiled,
    ...(sabotage && { SABOTAGE: sabotage }),
  };
  const args = [VITEST, 'run', '--config', CONFIG, '-t', names];
  try {
    await promisify(execFile)(process.execPath, args, { cwd: ROOT, env, maxBuffer: 2 ** 26 }).catch(() => {}); // failing is its purpose
    return existsSync(report) ? JSON.parse(await readFile(report, 'utf8')) : [];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

let control: Promise<Outcome[]> | undefined;

/** The same tests on the source as it is, all at once and before any sabotage is made. */
function untouched(): Promise<Outcome[]> {
  const wanted = [...SABOTAGES, ...TRIALS].map(({ caughtBy }) => caughtBy);
  const each = (what: 'spec' | 'test') => [...new Set(wanted.map((caught) => caught[what]))];
  control ??= outcomes(each('spec'), each('test'));
  return control;
}

const tried = async (sabotage: Sabotage): Promise<string | null> => {
  const { spec, test } = sabotage.caughtBy;
  const without = await untouched();
  return missed(sabotage, without, await outcomes([spec], [test], sabotage.id));
};

describe('the catalogue', () => {
  it('names at least 60 sabotages, each once', () => {
    expect(SABOTAGES.length).toBeGreaterThanOrEqual(60);
    expect(new Set(SABOTAGES.map(({ id }) => id)).size).toBe(SABOTAGES.length);
    expect(new Set(SABOTAGES.map(({ story }) => story)).size).toBe(SABOTAGES.length);
    expect(new Set(SABOTAGES.map(({ edits }) => JSON.stringify(edits))).size).toBe(SABOTAGES.length);
  });

  it.each(SABOTAGES)('is of the source as it is: $id', async (sabotage) => {
    const code = await readFile(path.join(ROOT, sabotage.file), 'utf8');
    expect(sabotaged(sabotage, code)).not.toBe(code);
  });

  it.each(SABOTAGES)('expects a message that says something: $id', ({ caughtBy: { message } }) => {
    for (const any of [
      '',
      'expected',
      'expected 1 to be 2',
      'expected false to be true',
      'AssertionError',
      'Property failed after 1 tests',
    ])
      expect(message.test(any), `${message} fits "${any}"`).toBe(false);
  });
});

describe('does not count as caught', () => {
  const passed: Outcome = { spec: 'a.spec.ts', name: 'it holds', state: 'passed', errors: [] };
  const failing = (name: string, message: string): Outcome => ({
    spec: 'a.spec.ts',
    name: 'it holds',
    state: 'failed',
    errors: [{ name, message }],
  });
  const what = { caughtBy: { spec: 'a.spec.ts', test: 'it holds', message: /held-out \d+/ } };

  it('what fails by a timeout, however well its message would fit', () => {
    const slow = failing('Error', 'Test timed out in 20ms. held-out 3');
    expect(missed(what, [passed], [slow])).toMatch(/^it fails by no AssertionError: Error: Test timed out/);
  });

  it('what fails without the sabotage as well', () => {
    const bent = failing('AssertionError', 'expected held-out 3 to be 4');
    expect(missed(what, [bent], [bent])).toMatch(/^without the sabotage "it holds" failed: expected held-out 3/);
    expect(missed(what, [{ ...passed, state: 'skipped' }], [bent])).toMatch(/^without the sabotage "it holds" skipped/);
    expect(missed(what, [passed], [bent])).toBeNull();
  });

  it('what fails by another error than the named one', () => {
    const named = { caughtBy: { ...what.caughtBy, error: 'LedgerError' } };
    const stopped = failing('LedgerError', 'held-out 3');
    expect(missed(named, [passed], [stopped])).toBeNull();
    expect(missed(what, [passed], [stopped])).toMatch(/^it fails by no AssertionError: LedgerError/);
    expect(missed(named, [passed], [failing('AssertionError', 'held-out 3')])).toMatch(/^it fails by no LedgerError/);
  });

  it.each(TRIALS)('$story', async (trial) => {
    expect(await tried(trial)).toMatch(trial.why);
  });
});

describe.concurrent('is caught', () => {
  it.each(SABOTAGES)('$id: $story', async (sabotage) => {
    expect(await tried(sabotage)).toBeNull();
  });
});
