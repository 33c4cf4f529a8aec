/**
 * `npm run build`: makes dist/, the JavaScript of the package, with declarations and source maps. Module by module, in the
 * folders of the source, so that files beside a module are beside it there too; two modules that stand for hundreds of
 * packages become one file each.
 */
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { build } from 'esbuild';
import ts from 'typescript';
import { TFJS } from './tfjs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SOURCE = path.join(ROOT, 'src');

/** What the package exports. */
const EXPORTED = ['index.ts', 'properties/index.ts', 'report/index.ts', 'vitest/index.ts', 'vitest/reporter.ts'];

/** That, the command line, and what runs in processes of its own. What they reach is built. */
const ENTRIES = [
  ...EXPORTED,
  ...['main.ts', 'lab/worker.ts', 'lab/trial-entry.ts', 'properties/worker.ts', 'report/page/client.ts'],
];

/** Files and folders that modules read from the place beside them. */
const BESIDE = [
  'engine/native/kernels.cc',
  'engine/simd/kernels.wasm',
  'report/page/style.css',
  'setup/setup.schema.json',
  'sweep/grids',
] as const;

/** In a declaration, as in what it declares: the ending of the module that is there. */
const withBuiltEndings = (declarations: string): string =>
  declarations.replaceAll(/((?:from|import|import\() ?(['"]))(\.[^'"]*)\.tsx?\2/g, '$1$3.js$2');

/** Translates the modules. @throws with what TypeScript has to say against them */
function translate(folder: string): void {
  const { config } = ts.readConfigFile(path.join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options: own } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const entries = ENTRIES.map((entry) => path.join(SOURCE, entry));
  const options = { ...own, noEmit: false, rewriteRelativeImportExtensions: true, rootDir: SOURCE, outDir: folder };
  const declaring = ts.createProgram(entries, { ...options, declaration: true });
  const declared = declaring.emit(
    undefined,
    (file, text) => ts.sys.writeFile(file, withBuiltEndings(text)),
    undefined,
    true,
  );
  // What comments say is in the declarations, and in the sources, which the maps hold: the package has none beside it.
  const mapped = { ...options, removeComments: true, sourceMap: true, inlineSources: true };
  const emitted = ts.createProgram(entries, mapped, undefined, declaring).emit();
  const found = [...ts.getPreEmitDiagnostics(declaring), ...declared.diagnostics, ...emitted.diagnostics];
  if (found.length === 0) return;
  const host = {
    getCurrentDirectory: () => ROOT,
    getCanonicalFileName: (name: string) => name,
    getNewLine: () => '\n',
  };
  throw new Error(ts.formatDiagnostics(found, host));
}

/** Removes the declarations that no exported one reads: half of them, and nobody can import them. */
function keepExportedDeclarations(folder: string): void {
  const exported = EXPORTED.map((entry) => path.join(folder, entry.replace(/\.ts$/, '.d.ts')));
  const { NodeNext } = ts.ModuleKind;
  const program = ts.createProgram(exported, { module: NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext });
  const read = new Set(program.getSourceFiles().map(({ fileName }) => path.resolve(fileName)));
  for (const name of ts.sys.readDirectory(folder, ['.d.ts'])) if (!read.has(path.resolve(name))) rmSync(name);
}

/** Source maps by the line: which column of a line failed says little, and would be a third of the package. */
function mapByLine(folder: string): void {
  for (const name of ts.sys.readDirectory(folder, ['.map'])) {
    const map = JSON.parse(ts.sys.readFile(name) as string);
    const lines = decode(map.mappings).map((segments) =>
      segments.filter(([, , line], index) => index === 0 || line !== segments[index - 1][2]),
    );
    writeFileSync(name, JSON.stringify({ ...map, mappings: encode(lines) }));
  }
}

/** Puts a module, with the packages that it is made of, into one file. Their licences go with it. @param keepNames of functions */
async function bundle(contents: string, file: string, external: string[], keepNames = false): Promise<void> {
  await build({
    stdin: { contents, resolveDir: ROOT, sourcefile: path.basename(file) },
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    minify: true,
    keepNames,
    format: 'esm',
    platform: 'node',
    mainFields: ['module', 'main'],
    external,
    // For CommonJS modules that require Node's own.
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
    legalComments: 'eof',
    logLevel: 'error',
  });
  rmSync(`${file}.map`, { force: true });
}

/** Builds the package's JavaScript. @param folder is emptied first */
export async function buildPackage(folder = path.join(ROOT, 'dist')): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  translate(folder);
  mapByLine(folder);
  for (const file of BESIDE) {
    mkdirSync(path.dirname(path.join(folder, file)), { recursive: true });
    cpSync(path.join(SOURCE, file), path.join(folder, file), { recursive: true });
  }
  // TensorFlow.js knows its classes by their names.
  await bundle(TFJS, path.join(folder, 'engine', 'tfjs.js'), ['@tensorflow/*'], true);
  writeFileSync(path.join(folder, 'engine', 'tfjs.d.ts'), "export * from '@tensorflow/tfjs-core';\n");
  const distributions = ts.sys.readFile(path.join(SOURCE, 'distributions.ts')) as string;
  await bundle(distributions, path.join(folder, 'distributions.js'), []);
  keepExportedDeclarations(folder);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildPackage();
