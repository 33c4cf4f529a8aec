/** Our pages: links and anchors resolve, paths and commands exist, and the source is laid out as src/README.md says. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { CLAIMS } from '../src/claims/index.ts';
import { distinctSetups, planSetups } from '../src/lab/job.ts';
import { PRESETS } from '../src/setup/presets.ts';
import { MAIN } from './helpers/command.ts';
import { written } from './helpers/written.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const inRoot = (file: string): string => path.join(ROOT, file);
const read = (file: string): string => readFileSync(inRoot(file), 'utf8');

/** What is not ours, or is made on the reader's machine. */
const FOREIGN = new Set(['node_modules', '.git', '.native', 'coverage', 'local']);

function filesBelow(folder: string): string[] {
  return readdirSync(inRoot(folder), { withFileTypes: true }).flatMap((entry) => {
    const file = path.posix.join(folder, entry.name);
    if (FOREIGN.has(entry.name)) return [];
    return entry.isDirectory() ? filesBelow(file) : [file];
  });
}

const FILES = filesBelow('.');
const PAGES = FILES.filter((file) => file.endsWith('.md'));

/** A page without its blocks of code, and without code in its lines. */
const withoutBlocks = (text: string): string => text.replace(/^(```|~~~)[\s\S]*?^\1.*$/gm, '');
const prose = (text: string): string => withoutBlocks(text).replace(/`[^`\n]*`/g, '');

/** Where the links of a text lead. */
const linksIn = (text: string): string[] => [
  ...[...prose(text).matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g)].map(([, target]) => target),
  ...[...prose(text).matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map(([, target]) => target),
  ...[...prose(text).matchAll(/\b(?:href|src)="([^"]+)"/g)].map(([, target]) => target),
];

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/\b(?:id|name)="([^"]+)"/g)].map(([, id]) => id));
  const times = new Map<string, number>();
  for (const [, heading] of withoutBlocks(text).matchAll(/^#{1,6} +(.+?)(?: +#+)?$/gm)) {
    const words = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = words
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const before = times.get(slug) ?? 0;
    times.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return anchors;
}

/** What is wrong with the relative links of a page. @param text what it says, or would say */
function brokenLinks(page: string, text: string): string[] {
  return linksIn(text)
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
    .flatMap((target) => {
      const [linked, anchor] = target.split('#');
      const file = linked === '' ? page : path.posix.join(path.posix.dirname(page), decodeURIComponent(linked));
      if (target.startsWith('/') || file.startsWith('..')) return [`${target} leaves the repository`];
      if (linked !== '' && !FILES.some((known) => known === file || known.startsWith(`${file.replace(/\/$/, '')}/`)))
        return [`${target}: there is no ${file}`];
      if (anchor === undefined) return [];
      const anchors = anchorsOf(file === page ? text : read(file));
      return anchors.has(anchor) ? [] : [`${target}: ${file} has no #${anchor}`];
    });
}

describe('relative links', () => {
  it('are looked for in every page, and there are many', () => {
    expect(PAGES).toEqual(
      expect.arrayContaining(['README.md', 'src/README.md', 'spec/README.md', 'reports/README.md', 'reports/speed.md']),
    );
    expect(PAGES.flatMap((page) => linksIn(read(page))).length).toBeGreaterThan(60);
  });

  it.each(PAGES)('of %s lead to files that are here, and to headings that these have', (page) => {
    expect(brokenLinks(page, read(page))).toEqual([]);
  });

  it.each([
    ['[a](missing.md)', 'missing.md: there is no src/missing.md'],
    ['[a](README.MD)', 'README.MD: there is no src/README.MD'],
    ['![a](figures/none.svg)', 'figures/none.svg: there is no src/figures/none.svg'],
    ['[a]: missing.md', 'missing.md: there is no src/missing.md'],
    ['<img src="none.png">', 'none.png: there is no src/none.png'],
    ['[a](#nowhere)', '#nowhere: src/README.md has no #nowhere'],
    ['[a](../README.md#nowhere)', '../README.md#nowhere: README.md has no #nowhere'],
    ['[a](../../other/README.md)', '../../other/README.md leaves the repository'],
    ['[a](/README.md)', '/README.md leaves the repository'],
  ])('that are broken are noticed: %s', (text, problem) => {
    expect(brokenLinks('src/README.md', text)).toEqual([problem]);
  });

  it.each([
    '[a](https://example.org/missing.md)',
    '`[a](missing.md)`',
    '```\n[a](missing.md)\n```',
    '[a](README.md "a title")',
    '[a](../README.md#the-claim)',
    '[a](engine)',
    '[a](#what-is-it-2)\n## What *is* it, 2?',
    '[a](#twice-1)\n## Twice\n## Twice',
  ])('that are whole, or none, are not: %j', (text) => {
    expect(brokenLinks('src/README.md', text)).toEqual([]);
  });
});

describe('what pages name', () => {
  /** Made on the reader's machine. */
  const MADE_LATER = ['reports/local', 'fixtures/counterexamples', '.native', 'reports/train/index.html'];

  it.each(PAGES)('in %s: every path of the repository exists', (page) => {
    const paths = [...withoutBlocks(read(page)).matchAll(/`((?:src|spec|fixtures|reports|\.ci)\/[^`\s]*)`/g)]
      .map(([, named]) => named.replace(/\/$/, ''))
      .filter((named) => !named.includes('<') && !MADE_LATER.includes(named));
    const place = (named: string) => (named.includes('*') ? path.posix.dirname(named.split('*')[0]) : named);
    expect(paths.filter((named) => !existsSync(inRoot(place(named))))).toEqual([]);
  });

  const { scripts } = JSON.parse(read('package.json'));
  const TEXTS = FILES.filter((file) => /\.(md|tsx?|cjs|js|mjs|py)$/.test(file) || file.startsWith('.ci/')).filter(
    (file) => !file.startsWith('fixtures/parity'),
  );

  it('every script exists, in pages, messages and comments alike', () => {
    const missing = TEXTS.flatMap((file) =>
      [...read(file).matchAll(/\bnpm run (?:-s |--silent )?([a-z][a-z:-]*)/g)]
        .filter(([, script]) => scripts[script] === undefined)
        .map(([command]) => `${file}: ${command}`),
    );
    expect(missing).toEqual([]);
  });

  it('every command exists, in pages, messages and comments alike', async () => {
    const { out } = await written('--help');
    const commands = [...out.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    expect(commands).toContain('reproduce');
    const named = TEXTS.flatMap((file) =>
      [...read(file).matchAll(/(?:npx negative-knowledge|node src\/main\.cjs) ([a-z]+)/g)].map(([, name]) => ({
        file,
        name,
      })),
    );
    expect(named.length).toBeGreaterThan(15);
    expect(named.filter(({ name }) => !commands.includes(name))).toEqual([]);
  });

  it('every file that Node is given exists', () => {
    const named = TEXTS.flatMap((file) =>
      [...read(file).matchAll(/\bnode (?:--import tsx )?((?:src|spec|fixtures|\.ci)\/[\w./-]+\.[a-z]+)/g)].map(
        ([, started]) => started,
      ),
    );
    expect(named).toContain(path.relative(ROOT, MAIN));
    expect(named.filter((started) => !existsSync(inRoot(started)))).toEqual([]);
  });
});

describe('the README', () => {
  it('says how many setups a seed of all claims is', () => {
    const setups = distinctSetups(planSetups(PRESETS.pocket, CLAIMS, [1]));
    expect(read('README.md')).toContain(`--claims all --seeds 5 --out mine   # ${setups.length} setups a seed`);
  });

  it('is read in five minutes', () => {
    expect(statSync(inRoot('README.md')).size).toBeLessThan(11 * 1024);
  });
});

describe('the source', () => {
  /** The rows of src/README.md: what each folder may import from. */
  const ALLOWED = new Map(
    [...read('src/README.md').matchAll(/^\| `src\/([a-z]+)\/` \| .* \| ?([a-z, ]*) ?\|$/gm)].map(([, folder, from]) => [
      folder,
      from.split(',').map((name) => name.trim()),
    ]),
  );
  const SOURCES = FILES.filter((file) => /^src\/[a-z]+\/.*\.tsx?$/.test(file));

  it('has the folders of the table in src/README.md', () => {
    const folders = readdirSync(inRoot('src')).filter((name) => statSync(inRoot(`src/${name}`)).isDirectory());
    expect([...ALLOWED.keys()].sort()).toEqual(folders.sort());
  });

  it.each([...ALLOWED])('in %s imports from no folder but %j', (folder, from) => {
    const imported = SOURCES.filter((file) => file.startsWith(`src/${folder}/`)).flatMap((file) =>
      [...read(file).matchAll(/\b(?:import|export)\s+(?!type\b)[^;]*?from '(\.[^']+)'|import\('(\.[^']+)'\)/g)]
        .map(([, one, other]) => path.posix.join(path.posix.dirname(file), one ?? other))
        .map((target) => path.posix.relative('src', target).split('/'))
        .filter((parts) => parts.length > 1 && parts[0] !== folder)
        .map(([other]) => other),
    );
    expect([...new Set(imported)].sort()).toEqual(from.filter((name) => name !== '').sort());
  });
});
