/** What runs were taken apart into, as means over runs. */

import type { Prefix } from '../../passwords/roles.ts';
import { type Moment, type Parts, partCount, patches, readings } from '../../recipe/dissection.ts';
import type { RunView, SetName } from '../../records/view.ts';
import { type MeanOverRuns, overRuns } from './mechanism.ts';

/** The dissections of runs that have one. */
const dissections = (runs: readonly RunView[]) => runs.flatMap(({ dissection }) => dissection ?? []);

/** Guess rate under `reverse` of each patched model, with the number of parts that a model has. */
export function patchedGuessRates(
  runs: readonly RunView[],
  set: SetName,
): (Parts & { count: number } & MeanOverRuns)[] {
  const all = dissections(runs);
  if (all.length === 0) return [];
  return patches(runs[0].setup.model).map((parts, index) => ({
    ...parts,
    count: partCount(runs[0].setup.model),
    ...overRuns(all.map(({ patched }) => patched[index].sets[set].guessRate)),
  }));
}

/** Area under the ROC curve along the direction, by reading and layer, the embedding first. */
export function separationByLayer(
  runs: readonly RunView[],
): ({ moment: Moment; prefix: Prefix; layer: number } & MeanOverRuns)[] {
  const all = dissections(runs);
  if (all.length === 0) return [];
  return readings(runs[0].setup).flatMap((reading, index) =>
    Array.from({ length: runs[0].setup.model.layers + 1 }, (_, layer) => ({
      ...reading,
      layer,
      ...overRuns(all.map(({ separations }) => separations[index].auc[layer])),
    })),
  );
}
