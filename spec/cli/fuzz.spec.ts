import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { parseDuration } from '../../src/cli/options.ts';
import { startEngine } from '../../src/engine/engine.ts';
import { type FuzzOptions, type FuzzTally, fuzz } from '../../src/properties/fuzz.ts';
import { PROPERTIES } from '../../src/properties/kinds.ts';

const { name: engine } = await startEngine();

describe('a counterexample', () => {
  /** Fuzzes with a worker that fails as told. */
  const withWorker = async (options: Partial<FuzzOptions>) => {
    const found: Parameters<FuzzOptions['onFailure']>[0][] = [];
    const tallies: FuzzTally[] = [];
    const tally = await fuzz({
      engine: await startEngine(engine),
      properties: PROPERTIES.map(({ id }) => id),
      seed: 1,
      runs: 40,
      budget: 3_600_000, // the runs end it, however slow the machine is
      jobs: 2,
      worker: new URL('../properties/failing-worker.js', import.meta.url),
      onFailure: async (failure) => void found.push(failure),
      onProgress: (now) => void tallies.push(structuredClone(now)),
      ...options,
    });
    return { found, tally, tallies };
  };

  it('of a property is told once, and the property is not tried again', async () => {
    const { found, tally } = await withWorker({});
    expect(found.map(({ property }) => property)).toEqual(['data/pairs']);
    expect(found[0].replay.path).toBe('0:1');
    expect(tally.failures).toBe(1);
    expect(tally.setups.data).toBeGreaterThan(10); // chunks after the failure went on without that property
  });

  it('that an interruption leaves half shrunk is kept as small as it is, with the path of the setup that was drawn', async () => {
    const stop = new AbortController();
    let told = 0;
    const { found, tally } = await withWorker({
      properties: ['training/ln-2'], // at which the worker hangs after its second failure
      jobs: 1,
      signal: stop.signal,
      // Told of the setup that passed, of the failure, and of a smaller one.
      onProgress: () => {
        told += 1;
        if (told === 3) stop.abort();
      },
    });
    expect(found.map(({ property, message }) => [property, message])).toEqual([['training/ln-2', 'smaller']]);
    expect(found[0].replay.path).toBe('1'); // one setup had passed
    expect(tally.failures).toBe(1);
  });
});

describe('a budget', () => {
  it.each([
    ['90s', 90_000],
    ['10m', 600_000],
    ['2h', 7_200_000],
  ])('of %s is %d ms', (text, milliseconds) => {
    expect(parseDuration(text, '--budget')).toBe(milliseconds);
  });
});

describe('a command line that cannot be carried out', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each([
    [['--property', 'data/paris'], /--property: there is no "data\/paris"; properties are data\/held-out-rejected/],
    [['--budget', 'soon'], /--budget: "soon" must be a time such as 90s, 10m or 2h/],
    [['--runs', '0'], /--runs: "0" must be a whole number from 1/],
    [['--seed', 'lucky'], /--seed: "lucky" must be a whole number/],
    [['--path', '3:1'], /--path: replays one case/],
  ])('%j: exit code 2 and a message that names the option', async (args, message) => {
    const written: string[] = [];
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    expect(await runCli(['fuzz', ...args])).toBe(2);
    expect(written.join('')).toMatch(message);
    expect(existsSync(path.join('fixtures', 'counterexamples', 'data-paris'))).toBe(false);
  });
});
