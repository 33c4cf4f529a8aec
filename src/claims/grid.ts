/** Claims about a grid: the same question asked of every cell, with a correction for asking it so often. */
import { mean } from 'simple-statistics';
import { finishedRuns, type RunView, type Views } from '../records/view.ts';
import { holm } from '../statistics/index.ts';
import type { Arm } from './arms.ts';
import {
  assertDistinctSeeds,
  type Cell,
  type Claim,
  cellOf,
  FEWEST_RUNS,
  type Finding,
  type Verdict,
} from './claim.ts';
import { type Estimate, estimate, estimated, guessRatesOf, runMeans, testAbove } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { checked } from './judge.ts';

/** A cell below this has taught the useful negatives too little for anything to have been flipped. */
export const LEARNED = 1.3;

/** Significance of a cell after Holm's correction. */
export const ALPHA = 0.05;

/** Runs of the seeds that every arm was run with, so that cells are compared on like seeds. */
function onCommonSeeds(arms: readonly Arm[], views: Views): Views {
  const seedsOf = ({ id }: Arm) => new Set((views[id] ?? []).map(({ setup }) => setup.seed));
  const [first, ...others] = arms.map(seedsOf);
  const common = new Set([...first].filter((seed) => others.every((seeds) => seeds.has(seed))));
  return Object.fromEntries(
    arms.map(({ id }) => [id, (views[id] ?? []).filter(({ setup }) => common.has(setup.seed))]),
  );
}

/** What the runs of each arm say. A cell that cannot be read counts in the correction with a p of 1. */
function readCells(arms: readonly Arm[], views: Views): Cell[] {
  const cells = arms.map(({ id, label }) => {
    const given = views[id];
    assertDistinctSeeds(id, given);
    const runs = finishedRuns(given);
    const counted = { arm: id, label, seeds: runs.map(({ setup }) => setup.seed), failed: given.length - runs.length };
    if (runs.length === 0)
      return {
        ...counted,
        readable: false,
        estimate: null,
        interval: null,
        useful: null,
        random: null,
        randomInterval: null,
        p: 1,
      };
    const rates = guessRatesOf(runs, 'joint', 'heldOut');
    const heldOut = estimate(`cell/${id}`, rates);
    const useful = mean(runMeans(guessRatesOf(runs, 'joint', 'useful')));
    const control = estimate(`cell/${id}/random`, guessRatesOf(runs, 'joint', 'random'));
    const readable = runs.length >= FEWEST_RUNS && useful >= LEARNED;
    const p = readable ? testAbove(runMeans(rates), 1) : 1;
    return {
      ...counted,
      readable,
      estimate: heldOut.value,
      interval: heldOut.interval,
      useful,
      random: control.value,
      randomInterval: control.interval,
      p,
    };
  });
  const adjusted = holm(cells.map(({ p }) => p));
  return cells.map((cell, index) => ({ ...cell, adjustedP: adjusted[index] }));
}

/** The held-out guess rate of every seed, averaged over the readable cells. */
function ratesBySeed(cells: readonly Cell[], views: Views): number[] {
  const bySeed = new Map<number, number[]>();
  for (const { arm } of cells.filter(({ readable }) => readable)) {
    const runs = finishedRuns(views[arm]);
    runMeans(guessRatesOf(runs, 'joint', 'heldOut')).forEach((rate, index) => {
      const { seed } = runs[index].setup;
      bySeed.set(seed, [...(bySeed.get(seed) ?? []), rate]);
    });
  }
  return [...bySeed.values()].map((rates) => mean(rates));
}

/** What a rule decides, of cells that have each been read and corrected for their number. */
interface GridDecision {
  readonly verdict: Verdict;
  readonly reason: string;
  /** The number that stands for the claim in a table. */
  readonly estimate: Pick<Finding, 'value' | 'interval'> | null;
  /** The claim's as a whole. */
  readonly p: number;
  readonly findings?: readonly Finding[];
}

type GridRule = (cells: readonly Cell[], views: Views, id: string) => GridDecision;

interface GridDefinition extends Omit<Claim, 'judge' | 'weigh'> {
  readonly measure: string;
  readonly decide: GridRule;
}

export function defineGrid({ decide, measure, ...claim }: GridDefinition): Claim {
  return checked(measure, {
    ...claim,
    weigh(given) {
      const views = onCommonSeeds(claim.arms, given);
      const cells = readCells(claim.arms, views);
      const { verdict, reason, estimate, p, findings } = decide(cells, views, claim.id);
      return {
        id: claim.id,
        verdict,
        reason,
        measure,
        estimate: estimate?.value ?? null,
        interval: estimate?.interval ?? null,
        seeds: [...new Set(cells.flatMap(({ seeds }) => seeds))].sort((a, b) => a - b),
        failed: cells.reduce((sum, { failed }) => sum + failed, 0),
        p,
        findings: findings ?? [],
        cells,
      };
    },
  });
}

const READABLE =
  `A cell is readable if at least ${FEWEST_RUNS} of its runs finished and its useful negatives reached a mean guess rate of ${LEARNED}; ` +
  'each is tested by a one-sided t-test over runs of the held-out guess rate against 1, with the Holm correction over all cells of the grid.';

const counts = (cells: readonly Cell[], shown: number) =>
  `above chance after correction in ${shown} of ${cells.length} cells, ${cells.filter(({ readable }) => readable).length} of them readable`;

function averaged(cells: readonly Cell[], views: Views, id: string): Estimate | null {
  const rates = ratesBySeed(cells, views);
  return rates.length === 0
    ? null
    : estimate(
        `${id}/average`,
        rates.map((rate) => [rate]),
      );
}

/** The effect is there in every cell of the grid. */
export const EVERYWHERE = {
  rule:
    'Reproduced if the held-out guess rate is above 1 in every cell (adjusted p < 0.05); not reproduced if in none, or if the 95% interval of ' +
    `some readable cell lies below 1; else inconclusive. ${READABLE}`,
  decide(cells, views, id) {
    const shown = cells.filter(({ adjustedP }) => adjustedP < ALPHA).length;
    const below = cells.filter(({ readable, interval }) => readable && interval !== null && interval[1] < 1);
    const readable = cells.filter((cell) => cell.readable);
    const average = averaged(cells, views, id);
    return {
      verdict:
        shown === cells.length
          ? 'reproduced'
          : readable.length === 0
            ? 'inconclusive'
            : shown === 0 || below.length > 0
              ? 'not reproduced'
              : 'inconclusive',
      reason:
        counts(cells, shown) +
        (below.length === 0 ? '' : `; below chance in: ${below.map(({ label }) => label).join('; ')}`),
      estimate: average,
      // Every cell is claimed to be above chance, so the claim is as sure as its least sure cell (an intersection-union test).
      p: Math.max(...cells.map(({ p }) => p)),
    };
  },
} satisfies { rule: string; decide: GridRule };

/** The effect is there on average over a grid of which some cells may not train. */
export const ON_AVERAGE = {
  rule:
    'Reproduced if the 95% interval, over seeds, of the held-out guess rate averaged over the readable cells lies above 1; inconclusive if ' +
    `fewer than half of the cells are readable; else not reproduced. ${READABLE}`,
  decide(cells, views, id) {
    const shown = cells.filter(({ adjustedP }) => adjustedP < ALPHA).length;
    const readable = cells.filter((cell) => cell.readable).length;
    const rates = ratesBySeed(cells, views);
    const average = averaged(cells, views, id);
    return {
      verdict:
        average === null || readable < cells.length / 2
          ? 'inconclusive'
          : average.interval[0] > 1
            ? 'reproduced'
            : 'not reproduced',
      reason: `average ${average === null ? 'of no cell' : formatEstimate(average)} against 1; ${counts(cells, shown)}`,
      estimate: average,
      p: testAbove(rates, 1),
    };
  },
} satisfies { rule: string; decide: GridRule };

/** The effect is there in one cell; the others share its correction and are what it is compared with. */
export const inCell = ({ id: arm }: Arm, baseline: Arm) => ({
  rule:
    'Reproduced if the held-out guess rate of the cell is above 1 (adjusted p < 0.05); inconclusive if the cell is not readable; else not ' +
    `reproduced. ${READABLE}`,
  decide: ((cells, views, id) => {
    const cell = cellOf({ id, cells }, arm);
    const compared: Finding[] = [];
    if (cell.estimate !== null)
      compared.push({ key: 'useful', label: 'useful guess rate', value: cell.useful as number });
    const both = pairedBySeed(finishedRuns(views[arm]), finishedRuns(views[baseline.id]));
    if (arm !== baseline.id && both.length > 0)
      compared.push(
        estimated(
          'minus-baseline',
          `held-out guess rate minus that of the cell "${baseline.label}", seed by seed`,
          estimate(`${id}/difference`, both),
        ),
      );
    return {
      verdict: !cell.readable ? 'inconclusive' : cell.adjustedP < ALPHA ? 'reproduced' : 'not reproduced',
      reason:
        cell.estimate === null
          ? 'no run finished'
          : `held-out guess rate ${formatEstimate({ value: cell.estimate, interval: cell.interval ?? undefined })} against 1, adjusted p ` +
            `${formatNumber(cell.adjustedP)}; useful guess rate ${formatNumber(cell.useful as number)}${cell.readable ? '' : ', so the cell cannot be read'}`,
      estimate: cell.estimate === null ? null : { value: cell.estimate, interval: cell.interval ?? undefined },
      p: cell.p,
      findings: compared,
    };
  }) satisfies GridRule,
});

/** Differences in held-out guess rate between runs of the same seed. */
function pairedBySeed(runs: readonly RunView[], others: readonly RunView[]): number[][] {
  const rate = (run: RunView) => runMeans(guessRatesOf([run], 'joint', 'heldOut'))[0];
  return runs.flatMap((run) => {
    const other = others.find(({ setup }) => setup.seed === run.setup.seed);
    return other === undefined ? [] : [[rate(run) - rate(other)]];
  });
}
