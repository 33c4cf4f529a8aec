/** What a sweep takes, before anything of it is trained. */
import { parameterCount } from '../model/specifications.ts';
import { totalWork } from '../recipe/work.ts';
import type { Setup } from '../setup/schema.ts';
import { inputLength, vocabulary } from '../setup/sizes.ts';

/**
 * Floating-point operations of a run's matrix products, as people count them: two a parameter and token forwards, four
 * backwards; the table of embeddings is looked up, and multiplies nothing. Frozen layers spare some of them.
 */
export function operationsOf(setup: Setup): number {
  const multiplied = parameterCount(setup) - vocabulary(setup) * setup.model.hidden;
  return 2 * multiplied * totalWork(setup) * inputLength(setup);
}

const FLOAT = 4;
/** A record of `pocket` has 0.7 MB; most of that are the letters of passwords at the ends of phases, one by one. */
const RECORD = 2 ** 20;

/** Bytes on disk: a record a run, and a checkpoint (values and two moments) of each run that is at work. */
export const bytesOnDisk = (setups: readonly Setup[], jobs: number): number =>
  setups.length * RECORD + Math.min(jobs, setups.length) * 3 * FLOAT * Math.max(...setups.map(parameterCount));
