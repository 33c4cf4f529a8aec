/** The command `engine`: which engines are here and how fast they multiply; `engine native` builds one that npm could not install. */
import { ENGINES, type EngineName, startEngine } from '../engine/engine.ts';
import { matrixRate, usualSide } from '../engine/rate.ts';
import { type NativeOptions, nativeEngine } from '../tools/native.ts';
import { CUDA_WHEELS, type TensorFlowWheel, WHEELS } from '../tools/tensorflow.ts';
import { type Define, EXIT } from './exit.ts';

/** A rate as people say it. */
const rateText = (rate: number): string =>
  rate >= 1e12 ? `${(rate / 1e12).toFixed(1)} TFLOP/s` : `${(rate / 1e9).toFixed(rate >= 1e10 ? 0 : 1)} GFLOP/s`;

/** What is told of an engine, line by line. */
async function about(name: EngineName): Promise<string[]> {
  const engine = await startEngine(name);
  const { gpu, version } = engine;
  const side = usualSide(engine);
  const rate = await matrixRate(engine, side);
  return [
    `starts here, TensorFlow.js ${version}`,
    ...(gpu === undefined
      ? []
      : [
          `buffers of up to ${(gpu.largestBuffer / 2 ** 30).toFixed(1)} GiB, ${gpu.workgroupMemory / 1024} KiB and ${gpu.invocations} invocations a workgroup`,
          ...(gpu.software ? ['a program that plays a GPU: for checks, not for speed'] : []),
        ]),
    `multiplies ${side} x ${side} matrices at ${rateText(rate)}`,
  ];
}

async function listEngines(): Promise<number> {
  for (const name of ENGINES) {
    const lines = await about(name).catch((error: Error) => [error.message]);
    process.stdout.write(`${[name, ...lines.map((line) => `  ${line}`)].join('\n')}\n`);
  }
  return EXIT.reproduced;
}

const versions = (wheels: readonly TensorFlowWheel[]): string => wheels.map(({ version }) => version).join(', ');

export const engineCommand: Define = (command, ending) => {
  command
    .command('list', { isDefault: true })
    .description(
      'List the engines: whether each starts here, what it computes on, and how fast it multiplies matrices.',
    )
    .exitOverride()
    .action(ending(listEngines));
  return command
    .command('native')
    .description(
      'Build the native engine (@tensorflow/tfjs-node) against LIBTENSORFLOW_DIR, or a TensorFlow from PyPI.',
    )
    .exitOverride()
    .option(
      '--tensorflow <version>',
      `which wheel: ${versions(WHEELS)}, or with --cuda ${versions(CUDA_WHEELS)}; the first unless told otherwise`,
    )
    .option('--cuda', 'build the variant that computes on an NVIDIA GPU, where there is one (Linux on x64)', false)
    .option('--rebuild', 'build it even if it already works', false)
    .option('--remove', 'undo it', false)
    .action(
      ending(async (options: NativeOptions) => {
        nativeEngine(options);
        return EXIT.reproduced;
      }),
    );
};
