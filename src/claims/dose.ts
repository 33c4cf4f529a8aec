/** Weight decay decides whether a small model flips or memorises. */
import { linearRegression } from 'simple-statistics';
import { finishedRuns, type Views } from '../records/view.ts';
import type { Interval, RunValues } from '../statistics/index.ts';
import { DECAYS, DOSE, type MapRow } from './arms.ts';
import { FEWEST_RUNS } from './claim.ts';
import { estimate, estimated, guessRatesOf, runMeans, testAbove } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { ALPHA, defineGrid } from './grid.ts';
import { bestPerf } from './paper-statistic.ts';

/** The slope is taken up to this decay, and the effect has to be there at it: beyond, a model may learn too slowly. */
const HIGHEST = 1;
const FITTED = DECAYS.map((decay, index) => ({ decay, arm: DOSE[index] })).filter(({ decay }) => decay <= HIGHEST);
const AT_HIGHEST = DOSE[DECAYS.indexOf(HIGHEST)];

/**
 * For each seed that has a run at every decay: the rise of the paper's statistic with every tenfold of the decay, nats a letter.
 * @param cells the arms that differ in their decay alone
 */
export function slopes(cells: MapRow['cells'], views: Views): RunValues {
  const runs = cells.map(({ decay, arm }) => ({ decay, own: finishedRuns(views[arm.id] ?? []) }));
  const seeds = runs[0].own.map(({ setup }) => setup.seed);
  return seeds.flatMap((seed) => {
    const points = runs.flatMap(({ decay, own }) =>
      own.filter(({ setup }) => setup.seed === seed).map((run) => [Math.log10(decay), bestPerf(run, 'heldOut')]),
    );
    return points.length === cells.length ? [[linearRegression(points).m]] : [];
  });
}

export const dose = defineGrid({
  id: 'dose',
  statement: 'The stronger the weight decay, the more often held-out passwords are guessed.',
  measure: `held-out guess rate at a weight decay of ${HIGHEST} (1 = chance)`,
  arms: DOSE,
  rule:
    "Reproduced if the paper's statistic rises with the logarithm of the weight decay from 0.01 to 1 (one-sided t-test over seeds of each seed's slope, " +
    'p < 0.05), and the 95% interval of the held-out guess rate at a decay of 1 lies above 1; not reproduced if it does not rise; else inconclusive, also with ' +
    `fewer than ${FEWEST_RUNS} seeds that have a finished run at every decay.`,
  decide(cells, views, id) {
    const bySeed = slopes(FITTED, views);
    const runs = finishedRuns(views[AT_HIGHEST.id] ?? []);
    if (bySeed.length === 0)
      return { verdict: 'inconclusive', reason: 'no seed has a finished run at every decay', estimate: null, p: 1 };
    const rise = estimate(`${id}/slope`, bySeed);
    const cell = cells.find(({ arm }) => arm === AT_HIGHEST.id);
    const highest = { value: cell?.estimate as number, interval: cell?.interval as Interval };
    const p = testAbove(rise.byRun, 0);
    const shown = highest.interval[0] > 1;
    return {
      verdict:
        bySeed.length < FEWEST_RUNS
          ? 'inconclusive'
          : p >= ALPHA
            ? 'not reproduced'
            : shown
              ? 'reproduced'
              : 'inconclusive',
      reason:
        `the paper's statistic rises by ${formatEstimate(rise)} nats a letter with every tenfold of the decay, p ${formatNumber(p)}, over ${bySeed.length} seeds; ` +
        `held-out guess rate at ${HIGHEST} ${formatEstimate(highest)} against 1`,
      estimate: highest,
      p: Math.max(p, testAbove(runMeans(guessRatesOf(runs, 'joint', 'heldOut')), 1)),
      findings: [
        estimated('rise', "rise of the paper's statistic with every tenfold of the weight decay (nats/letter)", rise),
      ],
    };
  },
});
