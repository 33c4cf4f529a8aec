/** Floors of the source: arrows between folders point one way, and what trains or judges could run in a browser. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Metafile } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Files, with what each imports; types are no imports. */
async function graphOf(...entryPoints: string[]): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints,
    bundle: true,
    write: false,
    outdir: 'nowhere',
    metafile: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    logLevel: 'silent',
  });
  return metafile;
}

/** Every file that is reached from some. */
const reachedFrom = async (...entryPoints: string[]): Promise<Metafile['inputs']> =>
  (await graphOf(...entryPoints)).inputs;

/** The files in a folder of the source, in its folders too. */
const filesIn = (folder: string): string[] =>
  readdirSync(path.join(root, 'src', folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.assembly.ts'))
    .map((name) => path.join('src', folder, name));

const folderOf = (file: string): string => file.split('/').slice(0, 2).join('/');

describe.each([
  ['random', []],
  ['statistics', []],
  ['measure', []],
  ['recipe', ['model', 'passwords', 'random', 'setup']],
  ['passwords', ['random', 'recipe', 'setup', 'model']],
  ['engine', []],
  ['claims', ['measure', 'model', 'passwords', 'random', 'recipe', 'records', 'setup', 'statistics']],
])('src/%s', (folder, others) => {
  it(`reaches no folder but ${others.join(', ') || 'itself'}`, async () => {
    const reached = Object.keys(await reachedFrom(...filesIn(folder)));
    const folders = new Set(reached.map(folderOf).filter((name) => !name.endsWith('.ts')));
    const allowed = new Set([folder, ...others].map((name) => `src/${name}`));
    expect([...folders].filter((name) => !allowed.has(name))).toEqual([]);
  });
});

describe.each(['claims', 'report'])('src/%s', (folder) => {
  it('imports neither engine nor training', async () => {
    const inputs = await reachedFrom(...filesIn(folder));
    const own = Object.entries(inputs).filter(([file]) => folderOf(file) === `src/${folder}`);
    expect(own.length).toBeGreaterThan(10);
    for (const [file, { imports }] of own) {
      const forbidden = imports.map(({ path: to }) => folderOf(to)).filter((to) => /^src\/(engine|training)$/.test(to));
      expect(forbidden, file).toEqual([]);
    }
  });
});

/** Where a Node module may be imported: the engine's own doors, to a native addon and to the compiled kernels. */
const DOORS = /^src\/engine\/(native\/|simd\/binary\.ts$|webgpu\/node\.ts$)/;

describe.each([
  ['train()', 'src/training/trainer.ts'],
  ['judge()', 'src/claims/index.ts'],
])('what %s reaches', (_, entry) => {
  let inputs: Metafile['inputs'];
  beforeAll(async () => {
    inputs = await reachedFrom(entry);
  });

  it('is part of the program', () => {
    expect(Object.keys(inputs).length).toBeGreaterThan(30);
  });

  it('imports no Node module, but behind the doors of the engine', () => {
    const found = Object.entries(inputs)
      .filter(([file]) => !DOORS.test(file))
      .flatMap(([file, { imports }]) =>
        imports.filter(({ path: to }) => to.startsWith('node:')).map(({ path: to }) => `${file} imports ${to}`),
      );
    expect(found).toEqual([]);
  });

  it('bundles for a browser, where the doors are closed', async () => {
    const { errors, outputFiles } = await build({
      absWorkingDir: root,
      entryPoints: [entry],
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      logLevel: 'silent',
      plugins: [
        {
          name: 'doors',
          setup: ({ onResolve }) => {
            onResolve({ filter: /^node:/ }, ({ path: to, importer }) =>
              DOORS.test(path.relative(root, importer)) ? { path: to, external: true } : undefined,
            );
            onResolve({ filter: /^(@tensorflow\/tfjs-node|webgpu$)/ }, ({ path: to }) => ({
              path: to,
              external: true,
            }));
          },
        },
      ],
    });
    expect(errors).toEqual([]);
    expect(outputFiles[0].text.length).toBeGreaterThan(10_000);
  });
});

it('`--help` loads the command line alone: no command, no engine, one package', async () => {
  const { inputs } = await graphOf('src/main.ts');
  const loaded = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const { path: to, kind, external } of inputs[file].imports) {
      // The executable loads the command line when it can answer for its faults; commands are loaded when they are named.
      if (kind === 'dynamic-import' && !(file === 'src/main.ts' && to === 'src/cli/cli.ts')) continue;
      if (external && !to.startsWith('node:')) packages.add(to);
      else if (!external) visit(to);
    }
  };
  visit('src/main.ts');
  expect([...packages]).toEqual(['commander']);
  expect([...loaded].sort()).toEqual([
    'src/cli/cli.ts',
    'src/cli/exit.ts',
    'src/engine/names.ts',
    'src/explained-error.ts',
    'src/faults.cjs',
    'src/main.ts',
    'src/node-version.cjs',
    'src/redact.ts',
  ]);
});
