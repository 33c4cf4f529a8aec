/**
 * The hierarchical bootstrap (Saravanan et al. 2020, https://doi.org/10.51628/001c.13895; Davison & Hinkley 1997, 3.8).
 * Letters of a password are not independent, nor are passwords of a run. So runs are resampled first, then passwords
 * within each drawn run. The statistic is the mean over runs of a run's mean over passwords.
 */
import { checkCount, checkFinite, SampleError } from './sample-error.ts';

/** Values by run: `runs[i]` holds one number for each password of run i. */
export type RunValues = readonly (readonly number[])[];

export interface Bootstrap {
  /** The statistic of the data itself. */
  readonly estimate: number;
  /** The statistic of every resample, in ascending order. */
  readonly replicates: Float64Array;
  /** The statistic with one run left out at a time. */
  readonly leaveOneOut: readonly number[];
}

export interface BootstrapOptions {
  /** Resamples to draw; 10,000 unless told. */
  readonly replicates?: number;
  /** Uniform numbers in [0, 1); give a seeded source. */
  readonly random: () => number;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function resampledMean(values: readonly number[], random: () => number): number {
  let sum = 0;
  for (let draw = 0; draw < values.length; draw++) sum += values[Math.floor(random() * values.length)];
  return sum / values.length;
}

function check(runs: RunValues): void {
  if (runs.length === 0) throw new SampleError('the bootstrap needs at least one run; none was given');
  runs.forEach((values, run) => {
    if (values.length === 0) throw new SampleError(`run ${run} has no values to resample; leave the run out`);
    checkFinite(values, `run ${run}`);
  });
}

/**
 * Resamples runs, then each drawn run's passwords. With `minus`, the statistic is the mean over runs of a paired
 * difference. Its runs are drawn together with those of `runs`, their passwords separately: the two sets of a run share a
 * model, not passwords. The replicates of a single run vary with its passwords only.
 * @throws SampleError for no runs, an empty run, values that are not finite, unpaired runs, or no replicates.
 */
export function hierarchicalBootstrap(runs: RunValues, options: BootstrapOptions, minus?: RunValues): Bootstrap {
  check(runs);
  if (minus !== undefined) {
    check(minus);
    if (minus.length !== runs.length)
      throw new SampleError(`${runs.length} runs cannot be paired with ${minus.length}`);
  }
  const { replicates: size = 10_000, random } = options;
  checkCount(size, 1, 'the number of replicates');
  const runMeans = runs.map((values, run) => mean(values) - (minus === undefined ? 0 : mean(minus[run])));
  const replicates = new Float64Array(size);
  for (let replicate = 0; replicate < size; replicate++) {
    let sum = 0;
    for (let draw = 0; draw < runs.length; draw++) {
      const run = Math.floor(random() * runs.length);
      sum += resampledMean(runs[run], random);
      if (minus !== undefined) sum -= resampledMean(minus[run], random);
    }
    replicates[replicate] = sum / runs.length;
  }
  return {
    estimate: mean(runMeans),
    replicates: replicates.sort(),
    leaveOneOut: runMeans.map((_, left) => mean(runMeans.filter((__, run) => run !== left))),
  };
}
