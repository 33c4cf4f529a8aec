/** What a search looks for: a number for each run, the larger the better. */
import { expectedScatter, guessRatesOf, logLikelihoodsOf, meanOverRuns, runMeans } from '../claims/evidence.ts';
import { bestPerf } from '../claims/paper-statistic.ts';
import type { FinishedRun } from '../records/record.ts';
import { viewOf } from '../records/view.ts';

export interface Objective {
  readonly id: string;
  /** What it is, with its unit. */
  readonly label: string;
  of(run: FinishedRun): number;
}

export const OBJECTIVES: readonly Objective[] = [
  {
    id: 'held-out-minus-random',
    label: 'log-likelihood of held-out minus random passwords at the end (nats a letter)',
    of(run) {
      const views = [viewOf(run)];
      return meanOverRuns(logLikelihoodsOf(views, 'joint', 'heldOut'), logLikelihoodsOf(views, 'joint', 'random'));
    },
  },
  {
    id: 'paper-statistic',
    label: "the paper's statistic: the best evaluation of the held-out passwords (nats a letter above chance)",
    of: (run) => bestPerf(viewOf(run), 'heldOut'),
  },
  {
    id: 'sensitivity',
    label:
      'held-out guess rate above 1 in units of its expected scatter, over the root of the minutes of one core that the run took',
    of(run) {
      const view = viewOf(run);
      const [rate] = runMeans(guessRatesOf([view], 'joint', 'heldOut'));
      return (rate - 1) / expectedScatter(view, 'joint', 'heldOut') / Math.sqrt(run.times.cpuSeconds / 60);
    },
  },
];
