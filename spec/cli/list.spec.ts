/** The commands that only tell: `list`, `show`, `--version`. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { CLAIMS } from '../../src/claims/index.ts';
import { runCli } from '../../src/cli/cli.ts';
import { ENGINE_VARIABLE, ENGINES } from '../../src/engine/engine.ts';
import { leaves } from '../../src/setup/fields.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { resolveSetup } from '../../src/setup/overrides.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { didYouMean } from '../../src/suggestion.ts';
import { temporaryFolder } from '../helpers/folder.ts';

/** What a command line prints, and how it ends. */
async function told(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0),
  ];
  try {
    return { code: await runCli(args), out: out.join(''), err: err.join('') };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Names in a list: what is beneath a name is indented. */
const names = (out: string): string[] => out.split('\n').filter((line) => /^\S/.test(line));

describe('list', () => {
  it.each([
    ['presets', Object.keys(PRESETS)],
    ['claims', CLAIMS.map(({ id }) => id)],
    ['fields', leaves(PRESETS.pocket).map(([at]) => at.join('.'))],
    ['engines', [...ENGINES]],
  ])('%s: every one, with something about it', async (what, expected) => {
    const { code, out } = await told('list', what);
    expect(code).toBe(0);
    expect(names(out)).toEqual(expected);
    expect(out.split('\n').filter((line) => /^ {2}\S/.test(line)).length).toBeGreaterThanOrEqual(expected.length);
  });

  it('fields: with their meaning, as the comments of the source have it', async () => {
    const { out } = await told('list', 'fields');
    expect(out).toContain('\nbatch\n  Sequences of each kind in one optimiser step.\n  pocket: 16; paper: 128\n');
  });

  it('refuses another list, and says which was meant', async () => {
    const { code, err } = await told('list', 'preset');
    expect(code).toBe(2);
    expect(err).toBe(
      'error: list: there is no list "preset" (did you mean "presets"?); lists are presets, claims, fields, engines, runs, schema\n',
    );
  });
});

describe('show', () => {
  it('prints a setup that --config takes back, and its hash', async () => {
    const { code, out, err } = await told('show', 'pocket', '--set', 'beta=0.3', '--no-cost');
    expect(code).toBe(0);
    const shown = resolveSetup({ preset: 'pocket', set: ['beta=0.3'] });
    expect(JSON.parse(out)).toEqual(shown);
    expect(err).toContain(setupHash(shown));
    expect(err).toMatch(/^fields that differ from the paper's: .*\bbeta\b/m);
    const config = path.join(temporaryFolder(), 'mine.json');
    writeFileSync(config, out);
    expect(resolveSetup({ preset: 'paper', config })).toEqual(shown);
  });

  it('measures what a run costs here, and says on which engine', async () => {
    const tiny = ['--set', 'model.hidden=16', '--set', 'model.heads=2', '--set', 'model.layers=2'];
    const { code, out } = await told('show', 'pocket', ...tiny, '--json');
    expect(code).toBe(0);
    const { cost, hash, parameters } = JSON.parse(out);
    expect(ENGINES).toContain(cost.engine);
    expect(cost.seconds).toBeGreaterThan(0);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(parameters).toBeGreaterThan(0);
  });

  it('prints a setup that does not fit here all the same, and says why it does not', async () => {
    const vast = ['--set', 'model.hidden=65536', '--set', 'model.heads=64', '--set', 'model.layers=1024'];
    const { code, out, err } = await told('show', 'pocket', ...vast);
    expect(code).toBe(0);
    expect(JSON.parse(out).model.layers).toBe(1024);
    expect(err).toMatch(/^a run on \w+ cannot be had here: pocket-custom .*GiB/m);
  });

  it('refuses a preset that there is not', async () => {
    const { code, err } = await told('show', 'papre');
    expect(code).toBe(2);
    expect(err).toContain('there is no "papre" (did you mean "paper"?)');
  });
});

describe('--engine', () => {
  afterEach(() => vi.unstubAllEnvs());
  const tiny = ['--set', 'model.hidden=16', '--set', 'model.heads=2', '--set', 'model.layers=2', '--json'];

  it.each([
    [['--engine', 'cpu', 'show', ...tiny]],
    [['show', ...tiny, '--engine', 'cpu']],
  ])('says what computes, whatever the environment says: %j', async (args) => {
    vi.stubEnv(ENGINE_VARIABLE, 'wasm');
    const { code, out } = await told(...args);
    expect(code).toBe(0);
    expect(JSON.parse(out).cost.engine).toBe('cpu');
  });

  it.each(['wsm', '', 'WASM', 'toString'])('refuses "%s"', async (name) => {
    const { code, err } = await told('show', '--no-cost', '--engine', name);
    expect(code).toBe(2);
    expect(err).toMatch(
      new RegExp(`^error: --engine: there is no "${name}".*; engines are native, webgpu, wasm, cpu\n$`),
    );
  });
});

it('--version prints that of package.json', async () => {
  const { code, out } = await told('--version');
  expect(code).toBe(0);
  expect(out.trim()).toBe(JSON.parse(readFileSync('package.json', 'utf8')).version);
});

it.each([
  ['mian', ['main', 'control'], ' (did you mean "main"?)'],
  ['something-else', ['main', 'control'], ''],
  ['', ['main'], ''],
  ['x', [], ''],
])('of "%s" and %j it asks: %s', (given, known, asked) => expect(didYouMean(given, known)).toBe(asked));
