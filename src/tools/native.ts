/**
 * `engine native` on the command line: builds the native engine where npm could not download it, and our kernels for it.
 * The addon of the package @tensorflow/tfjs-node is built against a TensorFlow that is at hand. Everything stays in the
 * folders of the two packages.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { NO_GPU } from '../engine/names.ts';
import { isCuda, nvidiaFolder, whyNoGpu } from '../engine/native/cuda.ts';
import {
  isKernelsLibrary,
  KERNELS_FLAGS,
  KERNELS_SOURCE,
  kernelsLibrary,
  kernelsWanted,
} from '../engine/native/library.ts';
import { optionsOfNode, ownModule } from '../own-module.ts';
import {
  findTensorFlow,
  NativeError,
  needCudaPlatform,
  PIP_PLATFORM,
  PIP_PYTHON,
  requirementsOf,
  type TensorFlowParts,
  type TensorFlowWheel,
  WHEEL_PLATFORM,
  wheelOf,
} from './tensorflow.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const require = createRequire(import.meta.url);
/** What a checkout has, and an installed package of it has not. */
const CHECKOUT = existsSync(path.join(ROOT, 'src', 'main.ts'));

/** Where @tensorflow/tfjs-node is, or will be in a checkout. */
function packageFolder(): string {
  try {
    return path.dirname(require.resolve('@tensorflow/tfjs-node/package.json'));
  } catch {
    return path.join(ROOT, 'node_modules', '@tensorflow', 'tfjs-node');
  }
}

/** Where wheels are unpacked; ignored by git. */
const CACHE = path.join(ROOT, '.native');

/**
 * Multiplies on the native engine, and prints its version and why it runs without our kernels, if it does. On a GPU that
 * rounded factors to TF32 the product would be 256. It runs in a process of its own, which may crash.
 */
const PROBE = `
  import(${JSON.stringify(ownModule('../engine/engine', import.meta.url).href)}).then(async ({ startEngine, tf }) => {
    const { version } = await startEngine('native');
    const [product] = tf.matMul(tf.fill([256, 256], 1 + 2 ** -12), tf.ones([256, 256])).dataSync();
    if (product !== 256.0625) throw new Error('256 x (1 + 2^-12) is ' + product + ' there');
    const { reason } = (await import(${JSON.stringify(ownModule('../engine/native/library', import.meta.url).href)})).loadKernels();
    console.log(reason === null ? version : version + ', without kernels of ours: ' + reason);
  }).catch((error) => { console.error(error.message); process.exit(1); });`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** Runs a command, and returns its output instead of showing it. */
function run(command: string, args: readonly string[], cwd = ROOT, env: NodeJS.ProcessEnv = {}) {
  const options = { cwd, env: { ...process.env, ...env }, encoding: 'utf8', maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr, error } = spawnSync(command, args, options);
  return { ok: status === 0, output: (error?.message ?? `${stdout}${stderr}`).trim() };
}

function need(command: string, args: readonly string[], why: string): void {
  if (!run(command, args).ok) throw new NativeError(`${command} is needed ${why}, and does not start here; install it`);
}

/** The version of the native engine that starts here, or why none does. */
const probe = () => run(process.execPath, [...optionsOfNode(), '--eval', PROBE]);

const compilerHere = (): string => process.env.CXX ?? (process.platform === 'darwin' ? 'c++' : 'g++'); // as make has it

function checkTools(): void {
  if (process.platform !== 'linux' && process.platform !== 'darwin') {
    throw new NativeError(
      `this builds on Linux and macOS, not on ${process.platform}; the engine wasm runs everywhere`,
    );
  }
  need('python3', ['--version'], 'by node-gyp');
  need('make', ['--version'], 'to build the addon');
  needCompiler('to build the addon');
}

function needCompiler(why: string): void {
  need(compilerHere(), ['--version'], `${why} (a C++17 compiler; CXX names another)`);
}

/** Puts the npm package in place without its install step, which would download. */
function installPackage(): void {
  const binding = () => path.join(packageFolder(), 'binding.gyp');
  if (existsSync(binding())) return;
  if (!CHECKOUT) {
    throw new NativeError(
      'install the package @tensorflow/tfjs-node first, without its download: npm install --ignore-scripts @tensorflow/tfjs-node',
    );
  }
  say('installing @tensorflow/tfjs-node, without its download');
  const { ok, output } = run('npm', ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund']);
  if (!ok || !existsSync(binding())) {
    throw new NativeError(`npm could not install @tensorflow/tfjs-node:\n${output}`);
  }
}

/** Downloads and unpacks what the addon needs of a TensorFlow wheel, once. @returns its folder */
function fetchWheel(wheel: TensorFlowWheel): string {
  const { name, version, nvidia } = wheel;
  const cuda = nvidia.length > 0;
  const folder = path.join(CACHE, `tensorflow-${cuda ? 'cuda-' : ''}${version}`);
  if (existsSync(folder)) return folder;
  const here = `${process.platform}-${process.arch}`;
  if (here !== WHEEL_PLATFORM) {
    throw new NativeError(
      `wheels are pinned for ${WHEEL_PLATFORM} only, not ${here}; set LIBTENSORFLOW_DIR to a TensorFlow`,
    );
  }
  need('python3', ['-m', 'pip', '--version'], 'to download TensorFlow from PyPI (or set LIBTENSORFLOW_DIR)');
  const size = cuda
    ? `with ${nvidia.length} wheels of NVIDIA's (2.4 GB, 6 GB of disk while it works)`
    : '(about 200 MB)';
  say(`downloading the wheel ${name} ${version} from PyPI ${size}`);
  mkdirSync(CACHE, { recursive: true });
  const work = mkdtempSync(path.join(CACHE, 'unpacking-'));
  try {
    const requirements = path.join(work, 'requirements.txt');
    writeFileSync(requirements, requirementsOf([wheel, ...nvidia]));
    const download = run('python3', [
      ...['-m', 'pip', 'download', '--quiet', '--no-deps', '--only-binary=:all:', '--require-hashes'],
      ...['--python-version', PIP_PYTHON, '--implementation', 'cp', '--platform', PIP_PLATFORM],
      ...['--dest', work, '--requirement', requirements],
    ]);
    const wheels = readdirSync(work).filter((file) => file.endsWith('.whl'));
    if (!download.ok || wheels.length !== 1 + nvidia.length) {
      throw new NativeError(
        `${name} ${version} could not be downloaded from PyPI; set LIBTENSORFLOW_DIR to a TensorFlow that is here.\n${download.output}`,
      );
    }
    // Two libraries and the C headers, with the platform headers that those include: a wheel holds much more. NVIDIA's
    // libraries whole, with what they load.
    const unpack = `
import os, re, sys, zipfile
wanted = re.compile(r"tensorflow/(libtensorflow\\w*\\.so\\.\\d+|include/.*/(c|platform)/.*\\.h)$|nvidia/\\w+/(?!include/)")
for name in sys.argv[2:]:
    wheel = zipfile.ZipFile(os.path.join(sys.argv[1], name))
    wheel.extractall(sys.argv[1], [name for name in wheel.namelist() if wanted.match(name)])
    os.remove(wheel.filename)`;
    const unpacked = run('python3', ['-c', unpack, work, ...wheels]);
    if (!unpacked.ok) throw new NativeError(`the wheel could not be unpacked into ${work}:\n${unpacked.output}`);
    const own = path.join(work, 'tensorflow');
    if (cuda) renameSync(path.join(work, 'nvidia'), path.join(own, 'nvidia'));
    renameSync(own, folder); // all of it, or nothing
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** Lays a TensorFlow where the package's own build looks for it. @param cuda whether it is to compute with CUDA */
function stage({ include, libraries, main, framework, nvidia }: TensorFlowParts, cuda: boolean): void {
  removeKernels(); // they are of the TensorFlow that was there
  const deps = path.join(packageFolder(), 'deps');
  rmSync(deps, { recursive: true, force: true });
  mkdirSync(path.join(deps, 'lib'), { recursive: true });
  symlinkSync(include, path.join(deps, 'include'));
  for (const library of libraries) symlinkSync(library, path.join(deps, 'lib', path.basename(library)));
  // The linker looks for these two names; what the addon then loads is the name that the library gives itself.
  const extension = process.platform === 'darwin' ? '2.dylib' : 'so';
  for (const [name, library] of [
    [`libtensorflow.${extension}`, main],
    [`libtensorflow_framework.${extension}`, framework],
  ]) {
    const link = path.join(deps, 'lib', name);
    if (!existsSync(link)) symlinkSync(library, link);
  }
  if (!cuda) return;
  // TensorFlow looks for NVIDIA's libraries from where it is linked itself. Without a folder of its own it has the system's.
  if (nvidia === null) mkdirSync(nvidiaFolder(packageFolder()));
  else symlinkSync(nvidia, nvidiaFolder(packageFolder()));
}

function build(): void {
  say('building the addon');
  const prefix = path.resolve(process.execPath, '..', '..');
  const headers = existsSync(path.join(prefix, 'include', 'node', 'node_api.h'));
  // Node's own headers where they came with it; otherwise node-gyp downloads them.
  const env = headers && !process.env.npm_config_nodedir ? { npm_config_nodedir: prefix } : {};
  const { ok, output } = run('npm', ['run', 'build-addon-from-source'], packageFolder(), env);
  if (ok) return;
  const log = path.join(CACHE, 'build.log');
  mkdirSync(CACHE, { recursive: true });
  writeFileSync(log, output);
  const errors = output.split('\n').filter((line) => /error/i.test(line) && !line.startsWith('node-pre-gyp'));
  const hint = headers
    ? ''
    : " Node's C headers are not beside this Node, and node-gyp may not have been able to download them.";
  throw new NativeError(
    `the addon did not build.${hint} The whole log is ${log}; it says\n${errors.slice(0, 5).join('\n')}`,
  );
}

/** Compiles our kernels beside the addon, against the TensorFlow that it uses, in place of those of another source. */
function buildKernels(): void {
  needCompiler("to build the engine's kernels");
  say('building the kernels');
  const deps = path.join(packageFolder(), 'deps');
  const library = kernelsLibrary(packageFolder());
  const unfinished = `${library}.${process.pid}`; // whoever starts meanwhile must not load half of it
  const macos = process.platform === 'darwin';
  const { ok, output } = run(compilerHere(), [
    ...KERNELS_FLAGS,
    ...['-o', unfinished, `-I${path.join(deps, 'include')}`, KERNELS_SOURCE, `-L${path.join(deps, 'lib')}`],
    ...['-ltensorflow', '-ltensorflow_framework'].map((name) => (macos ? `${name}.2` : name)),
    ...(macos ? ['-Wl,-undefined,dynamic_lookup', '-Wl,-rpath,@loader_path/../deps/lib'] : []),
    // TensorFlow keeps on calling it: it must stay when a thread that loaded it ends.
    ...(macos ? [] : ['-Wl,-rpath,$ORIGIN/../deps/lib', '-Wl,-z,nodelete']),
  ]);
  if (!ok) {
    rmSync(unfinished, { force: true });
    throw new NativeError(`${compilerHere()} could not build the kernels:\n${output}`);
  }
  removeKernels();
  renameSync(unfinished, library);
}

/** Removes the libraries of every source. */
function removeKernels(): void {
  const folder = path.join(packageFolder(), 'lib');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder).filter(isKernelsLibrary)) rmSync(path.join(folder, name));
}

/** Builds our kernels, if it can: the engine runs without them. */
function tryKernels(): void {
  try {
    buildKernels();
  } catch (error) {
    say(`The kernels are not built, and the engine runs slower without them: ${(error as Error).message}`);
  }
}

/** Says where a GPU was looked for in vain. @param version of the engine */
function sayGpu(version: string): void {
  if (version.includes(NO_GPU)) say(`No GPU was found: ${whyNoGpu()}. The engine computes on the processor.`);
}

function sayWorks(version: string): void {
  say(`The native engine works: ${version}.`);
  sayGpu(version);
}

export interface NativeOptions {
  /** Version of the wheel that the addon is built against; by default the first that is pinned. */
  readonly tensorflow?: string;
  /** Against a TensorFlow that computes on a GPU, where there is one. */
  readonly cuda: boolean;
  /** Build it even if it already works. */
  readonly rebuild: boolean;
  /** Undo it. */
  readonly remove: boolean;
}

/** @throws NativeError where it cannot be built here; the message says what is missing */
export function nativeEngine(options: NativeOptions): void {
  if (options.remove) {
    // What someone else has installed stays, without what was built of it.
    const built = CHECKOUT ? [packageFolder()] : ['deps', 'lib'].map((name) => path.join(packageFolder(), name));
    for (const folder of [CACHE, ...built]) rmSync(folder, { recursive: true, force: true });
    say('The native engine is removed.');
    return;
  }
  const { cuda } = options;
  if (cuda) needCudaPlatform();
  const wheel = wheelOf(options.tensorflow, cuda);
  kernelsWanted(); // or the engine would be taken for broken, and built again
  // Whoever asks for CUDA does not want another engine, though it works.
  const before = options.rebuild || (cuda && !isCuda(packageFolder())) ? undefined : probe();
  if (before?.ok && existsSync(kernelsLibrary(packageFolder()))) {
    say(`The native engine already works: ${before.output}. Nothing to do.`);
    if (!cuda && isCuda(packageFolder()))
      say('It is the variant for CUDA; with --rebuild it becomes the ordinary one.');
    sayGpu(before.output);
    return;
  }
  if (before?.ok) {
    tryKernels();
    sayWorks(probe().output);
    return;
  }
  checkTools();
  const own = process.env.LIBTENSORFLOW_DIR;
  const tensorFlow = findTensorFlow(own ? path.resolve(own) : fetchWheel(wheel));
  installPackage();
  stage(tensorFlow, cuda);
  build();
  tryKernels();
  const after = probe();
  if (!after.ok) throw new NativeError(`the addon was built but does not run:\n${after.output}`);
  sayWorks(after.output);
}
