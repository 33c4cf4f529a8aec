/** What ten steps of each phase say about a whole run of the paper. */
import { median } from 'simple-statistics';
import { memoryNeeded } from '../../../src/lab/plan.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { evaluationCount } from '../../../src/recipe/recipe.ts';
import type { Setup } from '../../../src/setup/schema.ts';
import { negatives, pairs } from '../../../src/setup/sizes.ts';
import type { PaperCost } from './job.ts';

const HOUR = 3600;
const GIB = 2 ** 30;
const referenced = (setup: Setup): number => negatives(setup) + pairs(setup);

/**
 * @param preset the whole run
 * @param setup the one that was measured
 */
export function summarise(preset: Setup, setup: Setup, cost: PaperCost) {
  const { phases } = preset;
  const rows = PHASES.map((phase) => {
    const secondsPerStep = median(cost.stepSeconds[phase]);
    const losses = cost.losses[phase];
    return {
      phase,
      steps: losses.length,
      secondsPerStep,
      firstLoss: losses[0],
      lastLoss: losses[losses.length - 1],
      paperSteps: phases[phase].steps,
      hours: (phases[phase].steps * secondsPerStep) / HOUR,
    };
  });
  const evaluationSeconds = median(PHASES.flatMap((phase) => cost.evaluationSeconds[phase]));
  const evaluations = PHASES.reduce((sum, phase) => sum + evaluationCount(preset, phases[phase].steps), 0);
  // The whole run looks up more passwords than the measured one.
  const referenceSeconds = (cost.referenceSeconds * referenced(preset)) / referenced(setup);
  const runHours =
    rows.reduce((sum, { hours }) => sum + hours, 0) + (evaluations * evaluationSeconds + referenceSeconds) / HOUR;
  return {
    rows,
    evaluationSeconds,
    referenceSeconds: cost.referenceSeconds,
    passwordsReferenced: referenced(setup),
    checkpointGiB: cost.checkpointBytes / GIB,
    peakGiB: cost.peakBytes / GIB,
    plannedGiB: memoryNeeded(setup, cost.engine.name).process / GIB,
    wallMinutes: cost.wallSeconds / 60,
    runHours,
    daysForEightSeeds: (8 * runHours) / 24,
  };
}

export type PaperSummary = ReturnType<typeof summarise>;
