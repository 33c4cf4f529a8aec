/** The cells of a grid, one row each. */
import { judgementOf } from '../../claims/family.ts';
import { ALPHA, LEARNED } from '../../claims/grid.ts';
import type { StudyReport } from '../study-report.ts';
import { bounds, COLOURS, colourOf, estimates, type Figure, fields, lineAt, names, numbers, round } from './figure.ts';

const STATES = {
  'above chance after correction': COLOURS['held-out'],
  'not shown': '#7d7d7d',
  'cannot be read': '#c9691b',
} as const;

export function grid(report: StudyReport, id: string, title: string): Figure | null {
  const cells = judgementOf(report, id)?.cells?.filter(({ estimate }) => estimate !== null) ?? [];
  if (cells.length === 0) return null;
  const rows = cells.map(({ label, estimate, interval, useful, random, readable, adjustedP, seeds, failed }) => ({
    cell: label,
    guessRate: round(estimate as number),
    ...bounds(interval),
    useful: round(useful as number),
    control: round(random as number),
    'adjusted p': round(adjustedP, 5),
    seeds: seeds.length,
    failed,
    state: !readable ? 'cannot be read' : adjustedP < ALPHA ? 'above chance after correction' : 'not shown',
  }));
  return {
    id: `grid-${id}-${report.name}`,
    title: `${title} (${report.name})`,
    caption:
      `Held-out guess rate of each cell with its 95% interval. A cell cannot be read if its useful negatives stayed below a guess rate of ${LEARNED}: the model learned ` +
      'too little to flip.',
    alt: `Dot chart of the held-out guess rate in ${rows.length} cells of the grid ${id}, against chance at 1.`,
    rows,
    spec: {
      width: 420,
      height: { step: 18 },
      layer: [
        lineAt('x', 1),
        ...estimates({
          axis: 'x',
          channel: numbers('held-out guess rate (1 = chance)'),
          encoding: {
            y: names('cell'),
            color: colourOf('state', STATES),
            tooltip: fields('cell', 'guessRate', 'low', 'high', 'useful', 'control', 'adjusted p', 'seeds', 'failed'),
          },
          value: 'guessRate',
        }),
      ],
    },
  };
}
