/** What the effect of the weight decay depends on: the width of the model, how many useful negatives there are, how often each occurs. */
import { mean } from 'simple-statistics';
import { holm } from '../statistics/index.ts';
import { MAPS, type MapRow } from './arms.ts';
import { type Claim, FEWEST_RUNS } from './claim.ts';
import { slopes } from './dose.ts';
import { estimate, meanOverRuns, runMeans, testAbove } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { ALPHA, defineGrid } from './grid.ts';

const map = (id: string, statement: string, rows: readonly MapRow[]): Claim =>
  defineGrid({
    id,
    statement,
    measure:
      "rise of the paper's statistic with every tenfold of the weight decay, mean over the rows of the map (nats/letter)",
    arms: rows.flatMap(({ cells }) => cells.map(({ arm }) => arm)),
    rule:
      `Reproduced if the paper's statistic rises with the logarithm of the weight decay in every row of the map (adjusted p < ${ALPHA}); not reproduced if in ` +
      `none; else inconclusive, also with fewer than ${FEWEST_RUNS} seeds that have a finished run in every cell. Each row is tested by a one-sided t-test over ` +
      "seeds of each seed's slope, with the Holm correction over rows.",
    decide(_, views) {
      const byRow = rows.map(({ label, cells }) => ({ label, bySeed: slopes(cells, views) }));
      const fewest = Math.min(...byRow.map(({ bySeed }) => bySeed.length));
      if (fewest === 0)
        return { verdict: 'inconclusive', reason: 'no seed has a finished run in every cell', estimate: null, p: 1 };
      const p = byRow.map(({ bySeed }) => testAbove(runMeans(bySeed), 0));
      const adjusted = holm(p);
      const rising = adjusted.filter((value) => value < ALPHA).length;
      // Every row has the same seeds.
      const average = estimate(
        `${id}/slope`,
        byRow[0].bySeed.map((_own, seed) => [mean(byRow.map(({ bySeed }) => bySeed[seed][0]))]),
      );
      const shown = byRow.map(
        ({ label, bySeed }, row) =>
          `${label} ${formatNumber(meanOverRuns(bySeed))} (adjusted p ${formatNumber(adjusted[row])})`,
      );
      return {
        verdict:
          fewest < FEWEST_RUNS
            ? 'inconclusive'
            : rising === rows.length
              ? 'reproduced'
              : rising === 0
                ? 'not reproduced'
                : 'inconclusive',
        reason: `mean rise ${formatEstimate(average)} nats a letter, over ${fewest} seeds; by row: ${shown.join('; ')}`,
        estimate: average,
        // Every row is claimed to rise: the claim is as sure as its least sure row.
        p: Math.max(...p),
      };
    },
  });

export const decayWidth = map(
  'decay-width',
  'The stronger the weight decay, the more often held-out passwords are guessed: in narrower and in wider models.',
  MAPS.width,
);

export const decayUseful = map(
  'decay-useful',
  'The stronger the weight decay, the more often held-out passwords are guessed: with few and with many useful negatives.',
  MAPS.useful,
);

export const decayRepeats = map(
  'decay-repeats',
  'The stronger the weight decay, the more often held-out passwords are guessed: with few and with many repeats of each negative.',
  MAPS.repeats,
);
