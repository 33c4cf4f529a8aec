/** Where the flip sits: which parts of a model carry it, and what the prefix does to the direction that tells negatives from others. */

import { halves, type Moment, type Parts, partCount } from '../recipe/dissection.ts';
import { prefixOf } from '../recipe/recipe.ts';
import type { RunView } from '../records/view.ts';
import type { RunValues } from '../statistics/index.ts';
import { DISSECTED } from './arms.ts';
import { estimate, estimated, testAbove } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { ALPHA } from './grid.ts';
import { defineClaim } from './judge.ts';

/** What a run was taken apart into. @throws RangeError where it was not */
function dissectionOf({ dissection, setup }: RunView): NonNullable<RunView['dissection']> {
  if (dissection === undefined) throw new RangeError(`${setup.name}, seed ${setup.seed}, was not taken apart`);
  return dissection;
}

/** Held-out guess rate under `reverse` of each run's patched model. @param parts those from the end of the run */
export const patchedRates = (runs: readonly RunView[], parts: (run: RunView) => Parts): RunValues =>
  runs.map((run) => {
    const { from, to } = parts(run);
    const found = dissectionOf(run).patched.find((one) => one.from === from && one.to === to);
    if (found === undefined) throw new RangeError(`no model was patched with the parts ${from} to ${to}`);
    return [found.sets.heldOut.guessRate];
  });

/** Area under the ROC curve of each run, after the last block. */
const lastAucs = (runs: readonly RunView[], moment: Moment, under: 'regular' | 'reverse'): RunValues =>
  runs.map((run) => {
    const prefix = prefixOf(run.setup, under);
    const found = dissectionOf(run).separations.find((one) => one.moment === moment && one.prefix === prefix);
    if (found === undefined) throw new RangeError(`the residual stream was not read ${moment} phase 3 under ${prefix}`);
    return [found.auc[found.auc.length - 1]];
  });

export const patching = defineClaim({
  id: 'patching',
  statement:
    'The flip sits in no half alone: put into the model before phase 3, the first half of the final model ends the avoidance of held-out passwords, ' +
    'the second half does not, and only both prefer them.',
  rule:
    'Reproduced if the first half alone (embedding and first half of the blocks) raises the held-out guess rate under `reverse`, the whole raises it further, and the ' +
    'second half alone does not (the 95% interval of the paired difference lies above 0, above 0, and reaches down to 0 or below); not reproduced if the second half ' +
    'alone raises it, or one of the other two intervals lies below 0; else inconclusive.',
  measure: 'held-out guess rate with the first half of the final model (1 = chance)',
  arms: [DISSECTED],
  decide({ [DISSECTED.id]: runs }) {
    const before = patchedRates(runs, () => ({ from: 0, to: 0 }));
    const first = patchedRates(runs, ({ setup }) => halves(setup.model).first);
    const second = patchedRates(runs, ({ setup }) => halves(setup.model).second);
    const whole = patchedRates(runs, ({ setup }) => ({ from: 0, to: partCount(setup.model) }));
    const ends = estimate('patching/first-minus-before', first, before);
    const further = estimate('patching/whole-minus-first', whole, first);
    const alone = estimate('patching/second-minus-before', second, before);
    const above = [ends, further].every(({ interval }) => interval[0] > 0);
    const below = [ends, further].some(({ interval }) => interval[1] < 0);
    const heldOut = estimate('patching/first', first);
    return {
      verdict: alone.interval[0] > 0 || below ? 'not reproduced' : above ? 'reproduced' : 'inconclusive',
      reason:
        `first half alone ${formatEstimate(ends)} above the model before phase 3, second half alone ${formatEstimate(alone)}; ` +
        `the whole ${formatEstimate(further)} above the first half`,
      estimate: heldOut,
      p: null,
      findings: [
        estimated(
          'patched/before',
          'held-out guess rate before phase 3, under `reverse`',
          estimate('patching/before', before),
        ),
        estimated('patched/first-half', 'the same with the first half of the final model', heldOut),
        estimated('patched/second-half', 'the same with its second half', estimate('patching/second', second)),
        estimated('patched/whole', 'the same of the final model', estimate('patching/whole', whole)),
      ],
    };
  },
});

export const direction = defineClaim({
  id: 'direction',
  statement:
    'Before phase 3 one direction in the residual stream tells passwords that were pushed away from fresh ones, held-out ones too; at the end `reverse` ' +
    'turns it down.',
  rule:
    'Reproduced if the area under the ROC curve is above 0.5 before phase 3 (one-sided t-test over runs, p < ' +
    `${ALPHA}), and at the end of the run the 95% interval of the area under \`reverse\` minus that under \`regular\` lies below 0; not reproduced if the first area ` +
    "is not above 0.5; else inconclusive. The direction is Fisher's discriminant of useful negatives and half of the control, before phase 3, under `regular`, after the " +
    'last block; the areas are of held-out passwords and the other half of the control.',
  measure: 'area under the ROC curve along the direction, before phase 3 (0.5 = chance)',
  arms: [DISSECTED],
  decide({ [DISSECTED.id]: runs }) {
    const area = estimate('direction/before', lastAucs(runs, 'before', 'regular'));
    const regular = lastAucs(runs, 'after', 'regular');
    const reverse = lastAucs(runs, 'after', 'reverse');
    const turned = estimate('direction/reverse-minus-regular', reverse, regular);
    const p = testAbove(area.byRun, 0.5);
    return {
      verdict: p >= ALPHA ? 'not reproduced' : turned.interval[1] < 0 ? 'reproduced' : 'inconclusive',
      reason: `area ${formatEstimate(area)} before phase 3 against 0.5, p ${formatNumber(p)}; at the end, \`reverse\` minus \`regular\` ${formatEstimate(turned)} against 0`,
      estimate: area,
      p: Math.max(
        p,
        testAbove(
          turned.byRun.map((value) => -value),
          0,
        ),
      ),
      findings: [
        estimated('direction/after-phase-2', 'area before phase 3, under `regular`', area),
        estimated('direction/regular', 'area at the end, under `regular`', estimate('direction/regular', regular)),
        estimated('direction/reverse', 'area at the end, under `reverse`', estimate('direction/reverse', reverse)),
        estimated('direction/reverse-minus-regular', 'their difference', turned),
      ],
    };
  },
});
