/** How the measurement of a GPU is asked for, here and in the folder that `npm run bench:pack` makes. */
import { Command } from 'commander';
import { GPU_SIZES, type GpuSize } from './measure.ts';

export interface GpuOptions {
  readonly size: GpuSize;
  readonly microBatch: number;
}

/** Reads the command line. Ends the process with exit code 2 where it cannot be understood. */
export function gpuOptions(command: string): GpuOptions {
  const program = new Command(command)
    .description(
      'Measures the engine webgpu: matrix products, steps at the shapes of Pythia, hours of a run of the paper.',
    )
    .option('--size <size>', GPU_SIZES.join(', '), '160m')
    .option('--micro-batch <n>', "sequences of each kind in a pass; the paper's step has 128", '32')
    .parse();
  const { size, microBatch } = program.opts<{ size: string; microBatch: string }>();
  const known = GPU_SIZES.find((name) => name === size);
  if (known === undefined)
    program.error(`error: --size: there is no ${size}; take ${GPU_SIZES.join(', ')}`, { exitCode: 2 });
  const sequences = Number(microBatch);
  if (!(Number.isInteger(sequences) && sequences >= 1)) {
    program.error(`error: --micro-batch: ${microBatch} is no number of sequences`, { exitCode: 2 });
  }
  return { size: known as GpuSize, microBatch: sequences };
}
