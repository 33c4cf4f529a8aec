/** Beside PyTorch: ratios of whole runs, and how far apart the losses are. */
import type { Reference } from '../tables.ts';
import { type Job, lossesApart, type Result } from './whole-runs.ts';

/** @param ours a whole run of each engine */
export function besideTorch(job: Job, python: string, ours: ReadonlyMap<string, Result>) {
  const torch = [1, 2].map((threads) => {
    const result = job.torch(python, threads);
    const program = `PyTorch, ${threads} thread${threads === 1 ? '' : 's'}`;
    return { program: result.gpu === null ? program : `${program}, ${result.gpu}`, result };
  });
  const [one, two] = torch;
  const reference = one.result.seconds < two.result.seconds ? one : two;
  const engines = [...ours].map(([engine, result]) => ({ program: `ours, ${engine}`, result }));
  return {
    reference: reference.program,
    programs: [one, ...engines, two].map(({ program, result }): Reference['programs'][number] => {
      const { seconds, tokens, peakMiB } = result;
      return {
        program,
        ...{ seconds, tokens, peakMiB },
        speedRelativeToReference: reference.result.seconds / result.seconds,
        largestRelativeLossDifference: lossesApart(result, reference.result),
      };
    }),
  };
}
