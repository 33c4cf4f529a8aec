/** The program is what package.json says, and supports the Node that it names. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { written } from './helpers/written.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const read = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const { bin, engines, scripts } = JSON.parse(read('package.json'));
/** The specs that need no other Node, in parts: `npm test` is the first and the last. */
const PARTS = ['test:quick', 'test:hostile', 'test:claims'];

describe('the executable', () => {
  it('is what package.json says: the bin, and every script that is a command of it', async () => {
    expect(bin).toEqual({ 'negative-knowledge': './src/main.cjs' });
    const { out } = await written('--help');
    const commands = [...out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name).filter((name) => name !== 'help');
    expect(commands).toEqual([
      ...[
        'reproduce',
        'demo',
        'resume',
        'report',
        'watch',
        'diff',
        'pages',
        'list',
        'show',
        'fetch',
        'archive',
        'verify',
      ],
      ...['explore', 'search', 'sweep', 'worker', 'fuzz', 'engine', 'complete'],
    ]);
    expect(Object.keys(scripts).filter((script) => !script.startsWith('pre'))).toEqual([
      ...[
        'reproduce',
        'report',
        'pages',
        'verify',
        'fuzz',
        'engine',
        'engine:native',
        'test',
        ...PARTS,
        'bench',
        'bench:pack',
        'lint',
        'page',
        'build',
      ],
    ]);
    for (const command of ['reproduce', 'report', 'pages', 'verify', 'fuzz']) {
      expect(scripts[command]).toBe(`node src/main.cjs ${command}`);
      expect(commands).toContain(command);
    }
    for (const script of ['test', ...PARTS]) expect(scripts[`pre${script}`]).toBe('node src/node-version.cjs');
  });
});

it.each(Object.entries(scripts as Record<string, string>))('`npm run %s` needs no POSIX shell', (_, script) => {
  // What cmd.exe would take otherwise: variables before a command, quotes, expansions, pipes, several commands but by &&.
  expect(script).not.toMatch(/^\w+=|['"$`|;<>*~]|(?<!&)&(?!&)/);
  // Each part starts Node, npm or a package's command, not a tool of one system or a file that a shell has to read.
  for (const part of script.split(' && ')) expect(part.split(' ')[0]).toMatch(/^(node|npm|vitest|biome|tsc)$/);
});

it('`npm test` is the quick specs and the claims, and `.ci/run` runs these and the hostile ones on WASM, once', () => {
  const projects = (script: string) => scripts[script].match(/(?<=--project )\w+/g);
  expect(projects('test')).toEqual(['test:quick', 'test:claims'].flatMap(projects));
  expect(projects('test:hostile')).toEqual(['slow', 'hostile', 'gpu', 'queue']);
  const parts = [...read('.ci/run').matchAll(/^specs wasm \w+ npm run -s (\S+) --$/gm)].map(([, script]) => script);
  expect(parts).toEqual(PARTS);
});

describe('a Node that is too old', () => {
  const { SUPPORTED, supports } = createRequire(import.meta.url)('../src/node-version.cjs');

  it('is one that package.json does not name either', () => {
    expect(SUPPORTED).toBe(engines.node);
  });

  it.each([
    ['v20.19.0', true],
    ['v20.20.2', true],
    ['v20.100.0', true],
    ['v22.13.0', true],
    ['v22.22.1', true],
    ['v24.0.0', true],
    ['v26.10.0', true],
    ['v30.0.0', true],
    ['v0.12.0', false],
    ['v12.22.0', false],
    ['v18.20.8', false],
    ['v20.6.0', false],
    ['v20.10.0', false],
    ['v20.18.3', false],
    ['v21.7.0', false],
    ['v22.12.0', false],
    ['v23.11.0', false],
  ])('%s: %s', (version, supported) => {
    expect(supports(version)).toBe(supported);
  });
});
