/**
 * `npm run bench:pack`: the measurement of a GPU as a folder of less than 60 MB, for a machine without a network: Node, and a
 * driver, are all that it needs there.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { TFJS } from '../../../src/tools/tfjs.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const require = createRequire(import.meta.url);

/** What the folder runs on: Dawn's builds for these machines are put into it. */
const PLATFORMS = ['linux-x64', 'linux-arm64'];

const README = `# How fast is this GPU?

    node bench.mjs                                   # Pythia-160M's shapes, 32 sequences of each kind in a pass
    node bench.mjs --size 410m --micro-batch 16      # 70m, 160m, 410m, or tiny

It measures products of matrices, steps of the paper's three phases, and what a run of the paper would take, and writes gpu.json.
It needs Node 20.19 or newer, glibc 2.34 or newer, and a driver for Vulkan (vulkaninfo --summary names the GPU, where it is
installed). It reads and writes nothing else, and needs no network.
`;

/** @returns the folder, and how many bytes it has */
export async function packBench(folder: string): Promise<number> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const absent = "export const load = () => { throw new Error('this folder has the engine webgpu alone'); };";
  await build({
    entryPoints: [path.join(ROOT, 'spec', 'bench', 'gpu', 'packed.ts')],
    outfile: path.join(folder, 'bench.mjs'),
    bundle: true,
    minify: true,
    keepNames: true, // TensorFlow.js knows its classes by their names
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['webgpu', '@tensorflow/tfjs-node'],
    // For CommonJS modules that require Node's own.
    banner: { js: "import { createRequire } from 'node:module';const require = createRequire(import.meta.url);" },
    plugins: [
      {
        name: 'webgpu alone',
        setup({ onLoad }) {
          onLoad({ filter: /src[\\/]engine[\\/]tfjs\.ts$/ }, () => ({
            contents: TFJS,
            resolveDir: ROOT,
            loader: 'ts',
          }));
          onLoad({ filter: /native[\\/]native\.ts$/ }, () => ({ contents: absent }));
        },
      },
    ],
    legalComments: 'eof',
    logLevel: 'error',
  });
  const dawn = path.dirname(require.resolve('webgpu'));
  const there = path.join(folder, 'node_modules', 'webgpu');
  for (const name of ['index.js', 'package.json', 'LICENSE.md', ...PLATFORMS.map((platform) => `dist/${platform}`)]) {
    if (existsSync(path.join(dawn, name))) cpSync(path.join(dawn, name), path.join(there, name), { recursive: true });
  }
  writeFileSync(path.join(folder, 'README.md'), README);
  return (readdirSync(folder, { recursive: true }) as string[])
    .map((name) => statSync(path.join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = path.resolve(process.argv[2] ?? path.join(ROOT, 'reports', 'gpu-bench'));
  const bytes = await packBench(folder);
  process.stdout.write(
    `${folder}: ${Math.ceil(bytes / 1e6)} MB; take it to a machine with a GPU, and run "node bench.mjs" there\n`,
  );
}
