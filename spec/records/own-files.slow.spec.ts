/** Nothing of a stranger's is written over or removed: by reports, archives, jobs and explorations alike. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { RunStore } from '../../src/lab/store.ts';
import type { Failure } from '../../src/properties/chunk.ts';
import { saveCounterexample } from '../../src/properties/counterexample.ts';
import { assertWritable, OWN_FILES, writeOwn } from '../../src/records/own-files.ts';
import { StorageError } from '../../src/records/storing.ts';
import { archiveStudy, readStudy } from '../../src/records/study.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { configuration, jobArguments } from '../helpers/command.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';
import { written } from '../helpers/written.ts';

let study: string;
beforeAll(async () => {
  study = sharedFolder();
  await fillFolder(
    study,
    [1, 2].map((seed) => studySetup(seed)),
  );
});

const MINE = 'this is mine\n';
const allFiles = (folder: string): string[] =>
  (
    readdirSync(folder, { recursive: true, withFileTypes: true }) as unknown as {
      parentPath: string;
      name: string;
      isFile(): boolean;
    }[]
  )
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => path.relative(folder, path.join(parentPath, name)))
    .sort();

const files = (contents: Record<string, string>) => new Map(Object.entries(contents));

describe('a report into a folder of someone else', () => {
  it.each([
    'index.html',
    'claims.json',
    'runs.csv',
    'figures/forest.svg',
  ])('that has a %s is refused before anything is written', async (name) => {
    const out = temporaryFolder();
    mkdirSync(path.join(out, 'figures'));
    writeFileSync(path.join(out, name), MINE);
    const { code, err } = await written('report', '--from', study, '--out', out);
    expect(err).toMatch(
      new RegExp(`${name.replace('.', '\\.')} was not written by this command, or changed since: nothing was written`),
    );
    expect(code).toBe(2);
    expect(allFiles(out)).toEqual([name]);
    expect(readFileSync(path.join(out, name), 'utf8')).toBe(MINE);
  });

  it('leaves what is not in its way: other files, in its figures too', async () => {
    const out = temporaryFolder();
    mkdirSync(path.join(out, 'figures'));
    for (const name of ['notes.txt', 'figures/mine.svg', 'figures/old.csv']) writeFileSync(path.join(out, name), MINE);
    for (let time = 0; time < 2; time++) {
      expect((await written('report', '--from', study, '--out', out)).code).toBe(0);
      for (const name of ['notes.txt', 'figures/mine.svg', 'figures/old.csv'])
        expect(readFileSync(path.join(out, name), 'utf8')).toBe(MINE);
    }
  });

  it('does not follow links out of the folder: of a file, of its figures, of the folder’s list', async () => {
    for (const name of ['index.html', 'figures', OWN_FILES]) {
      const [out, elsewhere] = [temporaryFolder(), mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-'))];
      writeFileSync(path.join(elsewhere, 'x'), MINE);
      symlinkSync(name === 'figures' ? elsewhere : path.join(elsewhere, 'x'), path.join(out, name));
      const { code } = await written('report', '--from', study, '--out', out);
      expect(code, name).toBe(2);
      expect(readdirSync(elsewhere)).toEqual(['x']);
      expect(readFileSync(path.join(elsewhere, 'x'), 'utf8')).toBe(MINE);
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('is refused where the folder is a file, or a file of its own was changed since', async () => {
    const out = temporaryFolder();
    writeFileSync(path.join(out, 'file'), MINE);
    expect((await written('report', '--from', study, '--out', path.join(out, 'file'))).code).toBe(2);
    const folder = path.join(out, 'report');
    expect((await written('report', '--from', study, '--out', folder)).code).toBe(0);
    writeFileSync(path.join(folder, 'claims.md'), MINE);
    expect((await written('report', '--from', study, '--out', folder)).err).toMatch(
      /claims\.md was not written by this command, or changed since/,
    );
    expect(readFileSync(path.join(folder, 'claims.md'), 'utf8')).toBe(MINE);
  });

  it('is refused where the list of its files is damaged', async () => {
    const out = temporaryFolder();
    for (const list of ['{', '[]', '{"index.html":"x"}', '{"index.html":[]}']) {
      writeFileSync(path.join(out, OWN_FILES), list);
      const { code, err } = await written('report', '--from', study, '--out', out);
      expect(err).toMatch(/should list the files that were written here, and is (damaged|no JSON)/);
      expect(code).toBe(2);
    }
  });
});

const digestOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the list of a folder that came from someone else', () => {
  it.each([
    'figures/../../mine',
    'figures/../kept',
    '../mine',
    '/etc/mine',
    'figures//kept',
    './kept',
    'figures\\\\kept',
    '',
  ])('that names %j is refused: nothing outside is removed', async (name) => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'out');
    mkdirSync(path.join(out, 'figures'), { recursive: true });
    writeFileSync(path.join(folder, 'mine'), MINE);
    writeFileSync(path.join(out, 'kept'), MINE);
    writeFileSync(path.join(out, OWN_FILES), JSON.stringify({ [name]: [digestOf(MINE)] }));
    await expect(writeOwn(out, new Map([['a', '1']]), ['figures'])).rejects.toThrow(StorageError);
    expect(readFileSync(path.join(folder, 'mine'), 'utf8')).toBe(MINE);
    expect(allFiles(out)).toEqual([OWN_FILES, 'kept']);
  });

  it('and is a link, even to a good list, is not written through', async () => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'out');
    mkdirSync(out);
    writeFileSync(path.join(folder, 'list.json'), '{}');
    symlinkSync(path.join(folder, 'list.json'), path.join(out, OWN_FILES));
    await expect(writeOwn(out, new Map([['a', '1']]))).rejects.toThrow(/and is a link; put it back/);
    expect(readFileSync(path.join(folder, 'list.json'), 'utf8')).toBe('{}');
  });

  it('removes no stale figure through a folder that became a link', async () => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'out');
    await writeOwn(out, new Map([['figures/x', '1']]), ['figures']);
    rmSync(path.join(out, 'figures'), { recursive: true });
    mkdirSync(path.join(folder, 'elsewhere'));
    writeFileSync(path.join(folder, 'elsewhere', 'x'), '1'); // even with our content
    symlinkSync(path.join(folder, 'elsewhere'), path.join(out, 'figures'));
    await writeOwn(out, new Map([['a', '1']]), ['figures']);
    expect(readdirSync(path.join(folder, 'elsewhere'))).toEqual(['x']);
  });
});

describe('a folder', () => {
  it('that cannot be made is refused before a study is read', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'file'), MINE);
    for (const out of [path.join(folder, 'file', 'below'), path.join(folder, 'file', 'far', 'below')]) {
      const { code, err } = await written('report', '--from', '/nowhere', '--out', out);
      expect(err).toMatch(/^error: Cannot write /);
      expect(code).toBe(2);
    }
  });

  it('is tried without a trace, where it is there and where it is not', async () => {
    const folder = temporaryFolder();
    await assertWritable(folder);
    await assertWritable(path.join(folder, 'a', 'b'));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a lock', () => {
  it.each([
    'a lock of another program\n',
    'host:123',
    '12 34\n',
    '9'.repeat(100),
  ])('that holds %j is not written over', async (text) => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, '.lock'), text);
    await expect(new RunStore(folder).open()).rejects.toThrow(/\.lock should hold the number of a process at most/);
    expect(readFileSync(path.join(folder, '.lock'), 'utf8')).toBe(text);
  });

  it('that is a link is not written through, whether its target is there or not', async () => {
    const folder = temporaryFolder();
    for (const target of ['there', 'missing']) {
      const out = path.join(folder, `out-${target}`);
      mkdirSync(out);
      writeFileSync(path.join(folder, 'there'), '1\n');
      symlinkSync(path.join(folder, target), path.join(out, '.lock'));
      await expect(new RunStore(out).open()).rejects.toThrow(/and is a link/);
    }
    expect(readFileSync(path.join(folder, 'there'), 'utf8')).toBe('1\n');
    expect(existsSync(path.join(folder, 'missing'))).toBe(false);
  });

  it('that an ended job left is taken', async () => {
    const folder = temporaryFolder();
    for (const text of ['', '4194304\n']) {
      writeFileSync(path.join(folder, '.lock'), text);
      const store = new RunStore(folder);
      await store.open();
      store.close();
    }
  });
});

describe('a counterexample', () => {
  const failure: Failure = {
    property: 'data/pairs',
    setup: { ...PRESETS['pocket-memorising'], seed: 1 },
    message: 'it is not so',
    replay: { seed: 1, path: '0' },
  };

  it('replaces itself, and neither a file of someone else nor what a link leads to', async () => {
    const folder = temporaryFolder();
    const file = await saveCounterexample(failure, folder);
    expect(await saveCounterexample(failure, folder)).toBe(file);
    const counterexample = readFileSync(file, 'utf8');
    for (const mine of [MINE, '{}', '']) {
      writeFileSync(file, mine);
      await expect(saveCounterexample(failure, folder)).rejects.toThrow(
        /is no counterexample: nothing was written; move it away\. What was found: .*--property data\/pairs --seed 1 --path 0/,
      );
      expect(readFileSync(file, 'utf8')).toBe(mine);
    }
    rmSync(file);
    writeFileSync(path.join(folder, 'elsewhere'), counterexample);
    symlinkSync(path.join(folder, 'elsewhere'), file);
    await expect(saveCounterexample(failure, folder)).rejects.toThrow(StorageError);
  });
});

describe('the files of ours', () => {
  it('are written over by ours and removed once stale, and no others', async () => {
    const folder = temporaryFolder();
    await writeOwn(
      folder,
      new Map([
        ['a', '1'],
        ['figures/x', '1'],
        ['figures/y', '1'],
      ]),
      ['figures'],
    );
    writeFileSync(path.join(folder, 'figures', 'z'), MINE);
    await writeOwn(
      folder,
      new Map([
        ['a', '2'],
        ['figures/y', '2'],
      ]),
      ['figures'],
    );
    expect(allFiles(folder)).toEqual([OWN_FILES, 'a', 'figures/y', 'figures/z'].sort());
    expect(readFileSync(path.join(folder, 'a'), 'utf8')).toBe('2');
  });

  it('are known again after an interruption at any moment', async () => {
    const folder = temporaryFolder();
    await writeOwn(folder, files({ a: '1', b: '1' }));
    // The list was written, and one of two files: what a kill leaves; then once more.
    const list = JSON.parse(readFileSync(path.join(folder, OWN_FILES), 'utf8'));
    await writeOwn(folder, files({ a: '2', b: '2' }));
    const later = JSON.parse(readFileSync(path.join(folder, OWN_FILES), 'utf8'));
    for (const content of ['1', '2']) {
      writeFileSync(
        path.join(folder, OWN_FILES),
        JSON.stringify({ a: [...list.a, ...later.a], b: [...list.b, ...later.b] }),
      );
      writeFileSync(path.join(folder, 'b'), content);
      await writeOwn(folder, files({ a: '3', b: '3' }));
      expect(readFileSync(path.join(folder, 'b'), 'utf8')).toBe('3');
      await writeOwn(folder, files({ a: '2', b: '2' }));
    }
  });
});

describe('a job', () => {
  it('in whose folder someone keeps a report.md is refused before it trains', async () => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'out');
    mkdirSync(out);
    writeFileSync(path.join(out, 'report.md'), MINE);
    const { code, err } = await written(...jobArguments(configuration(folder), '201', out));
    expect(err).toMatch(/report\.md was not written by this command/);
    expect(code).toBe(2);
    expect(allFiles(out)).toEqual(['report.md']);
  });

  it('and a report of it into its own folder follow one another in any order', async () => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'out');
    const job = jobArguments(configuration(folder), '201', out, '--jobs', '1');
    expect((await written(...job)).code).toBe(1);
    for (let time = 0; time < 2; time++) {
      expect((await written('report', '--from', out)).code).toBe(0);
      expect((await written(...job, '--resume')).code).toBe(1);
    }
    expect((await written('verify', out)).code).toBe(0);
  });
});

describe('an archive', () => {
  it('replaces an archive of the same study, and no other file', async () => {
    const folder = temporaryFolder();
    const file = path.join(folder, 'study.jsonl.br');
    await archiveStudy(await readStudy(study), file);
    await archiveStudy(await readStudy(study), file);
    const other = temporaryFolder();
    await fillFolder(other, [
      studySetup(1, (setup) => {
        setup.beta = 0.2;
      }),
    ]);
    writeFileSync(
      path.join(other, 'study.json'),
      readFileSync(path.join(other, 'study.json'), 'utf8').replace('"beta": 0.3', '"beta": 0.2'),
    );
    await expect(archiveStudy(await readStudy(other), file)).rejects.toThrow(/is the archive of another study/);
    const mine = path.join(folder, 'mine.jsonl.br');
    writeFileSync(mine, MINE);
    await expect(archiveStudy(await readStudy(study), mine)).rejects.toThrow(StorageError);
    expect(readFileSync(mine, 'utf8')).toBe(MINE);
  });

  it('is reported on into a folder of its name where no other is given', async () => {
    const { code, err } = await written('report', '--from', '/nowhere/pocket.jsonl.br');
    expect(err).toMatch(/holds no study/);
    expect(code).toBe(2);
    const folder = temporaryFolder();
    const file = path.join(folder, `own-${path.basename(folder)}.jsonl.br`);
    await archiveStudy(await readStudy(study), file);
    const out = path.join('reports', 'local', path.basename(file, '.jsonl.br'));
    try {
      expect((await written('report', '--from', file)).out).toContain(path.join(out, 'index.html'));
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
});
