/** Claims about a grid: the same question asked of every cell, with a correction for asking it so often. */
import { mean } from 'simple-statistics';
import { finishedRuns, type RunView, type Views } from '../records/view.ts';
import { holm, type Interval } from '../statistics/index.ts';
import type { Arm } from './arms.ts';
import { type Cell, type Claim, cellOf, FEWEST_RUNS, type Finding, type Judgement } from './claim.ts';
import { type Estimate, estimate, estimated, expectedScatter, guessRatesOf, runMeans, testAbove } from './evidence.ts';
import { formatEstimate, formatNumber } from './format.ts';
import { checked, type Defined } from './judge.ts';

/** A cell whose useful negatives have a lower guess rate than this has learned too little for anything to be flipped. */
export const LEARNED = 1.3;

/** Significance of a cell after Holm's correction. */
export const ALPHA = 0.05;

/** Runs of the seeds that every arm was run with, so that cells are compared on the same seeds. */
function onCommonSeeds(arms: readonly Arm[], views: Views): Views {
  const given = arms.map(({ id }) => views[id] ?? []);
  const common = ({ setup: { seed } }: Views[string][number]) =>
    given.every((runs) => runs.some(({ setup }) => setup.seed === seed));
  return Object.fromEntries(arms.map(({ id }, index) => [id, given[index].filter(common)]));
}

/** What is said of a cell without a finished run. */
const UNREAD = {
  readable: false,
  estimate: null,
  interval: null,
  expectedScatter: null,
  useful: null,
  random: null,
  randomInterval: null,
  p: 1,
};

/** What the runs of each arm say. A cell that cannot be read counts in the correction with a p of 1. */
function readCells(arms: readonly Arm[], views: Views): Cell[] {
  const cells = arms.map(({ id, label }) => {
    const given = views[id];
    const runs = finishedRuns(given);
    const counted = { arm: id, label, seeds: runs.map(({ setup }) => setup.seed), failed: given.length - runs.length };
    if (runs.length === 0) return { ...counted, ...UNREAD };
    const heldOut = estimate(`cell/${id}`, guessRatesOf(runs, 'joint', 'heldOut'));
    const useful = mean(runMeans(guessRatesOf(runs, 'joint', 'useful')));
    const control = estimate(`cell/${id}/random`, guessRatesOf(runs, 'joint', 'random'));
    const readable = runs.length >= FEWEST_RUNS && useful >= LEARNED;
    return {
      ...counted,
      readable,
      estimate: heldOut.value,
      interval: heldOut.interval,
      expectedScatter: mean(runs.map((run) => expectedScatter(run, 'joint', 'heldOut'))),
      useful,
      random: control.value,
      randomInterval: control.interval,
      p: readable ? testAbove(heldOut.byRun, 1) : 1,
    };
  });
  const adjusted = holm(cells.map(({ p }) => p));
  return cells.map((cell, index) => ({ ...cell, adjustedP: adjusted[index] }));
}

/** What a rule decides once every cell has been read and corrected for the number of cells. */
interface GridDecision extends Pick<Judgement, 'verdict' | 'reason' | 'p'> {
  /** The number that stands for the claim in a table. */
  readonly estimate: Pick<Estimate, 'value' | 'interval'> | null;
  readonly findings?: readonly Finding[];
}

interface GridRule {
  readonly rule: string;
  decide(cells: readonly Cell[], views: Views, id: string): GridDecision;
}

export function defineGrid({ decide, measure, ...claim }: Defined & GridRule): Claim {
  return checked(measure, {
    ...claim,
    weigh(given) {
      const views = onCommonSeeds(claim.arms, given);
      const cells = readCells(claim.arms, views);
      const { verdict, reason, estimate, p, findings = [] } = decide(cells, views, claim.id);
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
        findings,
        cells,
      };
    },
  });
}

const READABLE =
  `A cell is readable if at least ${FEWEST_RUNS} of its runs finished and its useful negatives reached a mean guess rate of ${LEARNED}; ` +
  'each is tested by a one-sided t-test over runs of the held-out guess rate against 1, with the Holm correction over all cells of the grid.';

/** What rules about all cells read: the readable cells, how many cells are above chance, and each seed's average over the readable ones. */
function overCells(cells: readonly Cell[], views: Views, id: string) {
  const readable = cells.filter((cell) => cell.readable);
  const bySeed = new Map<number, number[]>();
  for (const run of readable.flatMap(({ arm }) => finishedRuns(views[arm])))
    bySeed.set(run.setup.seed, [...(bySeed.get(run.setup.seed) ?? []), heldOutRate(run)]);
  const rates = [...bySeed.values()].map((own) => [mean(own)]);
  const shown = cells.filter(({ adjustedP }) => adjustedP < ALPHA).length;
  return {
    readable,
    shown,
    average: rates.length === 0 ? null : estimate(`${id}/average`, rates),
    counts: `above chance after correction in ${shown} of ${cells.length} cells, ${readable.length} of them readable`,
  };
}

/** The effect is there in every cell of the grid. */
export const EVERYWHERE: GridRule = {
  rule:
    'Reproduced if the held-out guess rate is above 1 in every cell (adjusted p < 0.05); not reproduced if in none, or if the 95% interval of ' +
    `some readable cell lies below 1; else inconclusive. ${READABLE}`,
  decide(cells, views, id) {
    const { readable, shown, average, counts } = overCells(cells, views, id);
    const below = readable.filter(({ interval }) => interval !== null && interval[1] < 1);
    return {
      verdict:
        shown === cells.length
          ? 'reproduced'
          : readable.length === 0
            ? 'inconclusive'
            : shown === 0 || below.length > 0
              ? 'not reproduced'
              : 'inconclusive',
      reason: counts + (below.length === 0 ? '' : `; below chance in: ${below.map(({ label }) => label).join('; ')}`),
      estimate: average,
      // Every cell is claimed to be above chance, so the claim is as sure as its least sure cell (an intersection-union test).
      p: Math.max(...cells.map(({ p }) => p)),
    };
  },
};

/** The effect is there on average over a grid, in which some cells may not train. */
export const ON_AVERAGE: GridRule = {
  rule:
    'Reproduced if the 95% interval, over seeds, of the held-out guess rate averaged over the readable cells lies above 1; inconclusive if ' +
    `fewer than half of the cells are readable; else not reproduced. ${READABLE}`,
  decide(cells, views, id) {
    const { readable, average, counts } = overCells(cells, views, id);
    return {
      verdict:
        average === null || readable.length < cells.length / 2
          ? 'inconclusive'
          : average.interval[0] > 1
            ? 'reproduced'
            : 'not reproduced',
      reason: `average ${average === null ? 'of no cell' : formatEstimate(average)} against 1; ${counts}`,
      estimate: average,
      p: testAbove(average?.byRun ?? [], 1),
    };
  },
};

/** The effect is there in one cell; the others share its correction, and it is compared with the baseline. */
export const inCell = ({ id: arm }: Arm, baseline: Arm): GridRule => ({
  rule:
    'Reproduced if the held-out guess rate of the cell is above 1 (adjusted p < 0.05); inconclusive if the cell is not readable; else not ' +
    `reproduced. ${READABLE}`,
  decide(cells, views, id) {
    const cell = cellOf({ id, cells }, arm);
    const { p, adjustedP, readable } = cell;
    if (cell.estimate === null) return { verdict: 'inconclusive', reason: 'no run finished', estimate: null, p };
    const heldOut = { value: cell.estimate, interval: cell.interval as Interval };
    const useful = cell.useful as number;
    const findings: Finding[] = [{ key: 'useful', label: 'useful guess rate', value: useful }];
    const both = pairedBySeed(finishedRuns(views[arm]), finishedRuns(views[baseline.id]));
    if (arm !== baseline.id && both.length > 0)
      findings.push(
        estimated(
          'minus-baseline',
          `held-out guess rate minus that of the cell "${baseline.label}", seed by seed`,
          estimate(`${id}/difference`, both),
        ),
      );
    return {
      verdict: !readable ? 'inconclusive' : adjustedP < ALPHA ? 'reproduced' : 'not reproduced',
      reason:
        `held-out guess rate ${formatEstimate(heldOut)} against 1, adjusted p ${formatNumber(adjustedP)}; ` +
        `useful guess rate ${formatNumber(useful)}${readable ? '' : ', so the cell cannot be read'}`,
      estimate: heldOut,
      p,
      findings,
    };
  },
});

const heldOutRate = (run: RunView): number => runMeans(guessRatesOf([run], 'joint', 'heldOut'))[0];

/** Differences in held-out guess rate between runs of the same seed. */
function pairedBySeed(runs: readonly RunView[], others: readonly RunView[]): number[][] {
  return runs.flatMap((run) => {
    const other = others.find(({ setup }) => setup.seed === run.setup.seed);
    return other === undefined ? [] : [[heldOutRate(run) - heldOutRate(other)]];
  });
}
