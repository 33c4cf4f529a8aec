/** `npm run page`: the page on which a reader trains the claim, as one file that needs neither a server nor a network. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { describeEnvironment } from '../lab/environment.ts';
import { readStudy } from '../records/study.ts';
import { committedArchives } from '../report/reference.ts';
import { TFJS } from '../tools/tfjs.ts';
import { KNOBS, type Known } from './knobs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BROWSER = path.join(ROOT, 'src', 'browser');

/** Where the page is built, unless told otherwise: beside the report, which links to it. Git ignores it. */
const FOLDER = path.join(ROOT, 'reports', 'train');

/** A page computes on `wasm`, or on a GPU. */
const TFJS_IN_A_PAGE = TFJS.replace("import '@tensorflow/tfjs-backend-cpu';", '');

/** The kernels of TensorFlow.js that training takes on a GPU beside ours: all of them would be half as large as the page. */
const GPU_KERNELS = [
  ...['Add', 'AddN', 'BatchMatMul', 'Cast', 'Fill', 'Greater', 'Identity', 'Mean', 'Multiply', 'Neg', 'PadV2'],
  ...['RealDiv', 'Reshape', 'Sigmoid', 'Slice', 'Softplus', 'Sub', 'Sum', 'Tile', 'Transpose', 'ZerosLike'],
  // Of Llamas.
  ...['Concat', 'Rsqrt', 'SplitV'],
  // Of objectives other than DPO.
  ...['Equal', 'Exp', 'GreaterEqual', 'Log', 'Max', 'Maximum', 'OneHot', 'Relu', 'Softmax', 'Square', 'Step'],
];
const GPU_BACKEND = [
  "import { registerKernel } from '@tensorflow/tfjs-core';",
  "export { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu/dist/backend_webgpu';",
  ...GPU_KERNELS.map((name) => {
    const config = `${name[0].toLowerCase()}${name.slice(1)}Config`;
    return `import { ${config} } from '@tensorflow/tfjs-backend-webgpu/dist/kernels/${name}'; registerKernel(${config});`;
  }),
].join('\n');

/** What a page has otherwise: TensorFlow.js without what it does not use, compiled files as bytes, and no native engine. */
const IN_A_PAGE: Plugin = {
  name: 'in-a-page',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /\/simd\/binary\.ts$|^\.\/binary\.ts$/ }, () => ({ path: path.join(BROWSER, 'binaries.ts') }));
    onResolve({ filter: /\/native\/native\.ts$/ }, ({ path: name }) => ({ path: name, namespace: 'absent' }));
    onResolve({ filter: /\/webgpu\/node\.ts$|^\.\/node\.ts$/ }, ({ path: name }) => ({
      path: name,
      namespace: 'absent',
    }));
    onResolve({ filter: /^@tensorflow\/tfjs-backend-webgpu$/ }, () => ({ path: 'backend', namespace: 'gpu' }));
    onLoad({ filter: /.*/, namespace: 'gpu' }, () => ({ contents: GPU_BACKEND, resolveDir: ROOT }));
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: "export const [load, gpuInNode] = Array(2).fill(() => { throw new Error('a page has none of it'); });",
    }));
    onResolve({ filter: /\.wasm\?packed$/ }, ({ path: name, resolveDir }) => ({
      path: createRequire(path.join(resolveDir, 'x.js')).resolve(name.replace('?packed', '')),
      namespace: 'packed',
    }));
    onLoad({ filter: /.*/, namespace: 'packed' }, ({ path: file }) => ({
      contents: gzipSync(readFileSync(file), { level: 9 }),
      loader: 'binary',
    }));
    onLoad({ filter: /src[\\/]engine[\\/]tfjs\.ts$/ }, () => ({
      contents: TFJS_IN_A_PAGE,
      resolveDir: ROOT,
      loader: 'ts',
    }));
  },
};

/** A script of the page. @param define names that its source takes for granted @param keepNames of functions and classes */
async function script(entry: string, define: Record<string, unknown>, keepNames = false): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(BROWSER, entry)],
    bundle: true,
    minify: true,
    keepNames,
    write: false,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    loader: { '.wasm': 'binary' },
    define: {
      'process.env': '{}',
      ...Object.fromEntries(Object.entries(define).map(([name, value]) => [name, JSON.stringify(value)])),
    },
    plugins: [IN_A_PAGE],
    legalComments: 'eof',
    logLevel: 'error',
  });
  return outputFiles[0].text.replaceAll('</script', '<\\/script');
}

/** The digests with which the reference report's runs end, on the engine of a page. */
async function knownDigests(): Promise<Record<string, string>> {
  const studies = await Promise.all((await committedArchives()).map(readStudy));
  const records = studies.flatMap((study) => study.records);
  return Object.fromEntries(
    records.flatMap((record) =>
      record.status === 'finished' && record.engine.name === 'wasm'
        ? [[record.setupHash, record.parametersDigest]]
        : [],
    ),
  );
}

/** What the reference report says of the claims that turn a knob, at its first preset. */
function knownClaims(): Record<string, Known> {
  const { studies } = JSON.parse(readFileSync(path.join(ROOT, 'reports', 'claims.json'), 'utf8'));
  const [{ name, claims }] = studies as { name: string; claims: Known[] }[];
  const wanted = new Set(KNOBS.flatMap((knob) => knob.claims));
  return Object.fromEntries(
    claims
      .filter(({ id }) => wanted.has(id))
      .map(({ id, verdict, measure, estimate, interval, seeds, cells }) => [
        id,
        {
          ...{ study: name, id, verdict, measure, estimate, interval, seeds },
          cells: cells?.map(({ label, estimate: rate }) => ({ label, estimate: rate })),
        },
      ]),
  );
}

/** Builds the page. @returns its file, and how many bytes it has as a server sends it */
export async function buildPage(folder = FOLDER): Promise<{ file: string; sent: number }> {
  const { package: source, commit, dirty } = describeEnvironment();
  const SOURCE = { package: source, commit, dirty };
  // TensorFlow.js knows its classes by their names.
  const worker = await script('worker.ts', { SOURCE }, true);
  const known = { KNOWN_DIGESTS: await knownDigests(), KNOWN_CLAIMS: knownClaims() };
  const app = await script('app.tsx', { WORKER: worker, SOURCE, ...known });
  const style = [
    readFileSync(path.join(ROOT, 'node_modules', 'uplot', 'dist', 'uPlot.min.css'), 'utf8'),
    readFileSync(path.join(BROWSER, 'style.css'), 'utf8'),
  ].join('\n');
  const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Train it yourself: purely negatively reinforced text</title>
<link rel="icon" href="data:,">
<style>${style}</style>
</head>
<body>
<div id="app"><noscript>The model is trained by this page's script, which your browser does not run.</noscript></div>
<script>${app}</script>
</body>
</html>
`;
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'index.html');
  writeFileSync(file, page);
  return { file, sent: gzipSync(page, { level: 9 }).length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { file, sent } = await buildPage(process.argv[2]);
  process.stdout.write(`${file}: ${Math.ceil(sent / 1000)} kB as a server sends it (gzip)\n`);
}
