/** The cells of a grid, one row each. */
import { judgementOf } from '../../claims/family.ts';
import { ALPHA, LEARNED } from '../../claims/grid.ts';
import type { StudyReport } from '../study-report.ts';
import { COLOURS, colourOf, type Figure, lineAt, round } from './figure.ts';

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
    low: round((interval as readonly [number, number])[0]),
    high: round((interval as readonly [number, number])[1]),
    useful: round(useful as number),
    random: round(random as number),
    'adjusted p': round(adjustedP, 5),
    seeds: seeds.length,
    failed,
    state: !readable ? 'cannot be read' : adjustedP < ALPHA ? 'above chance after correction' : 'not shown',
  }));
  const y = { field: 'cell', type: 'nominal', sort: null, title: null };
  const color = colourOf('state', STATES);
  const x = { type: 'quantitative', title: 'held-out guess rate (1 = chance)', scale: { zero: false } };
  const tooltip = ['cell', 'guessRate', 'low', 'high', 'useful', 'random', 'adjusted p', 'seeds', 'failed'].map(
    (field) => ({ field }),
  );
  return {
    id: `grid-${id}`,
    title,
    caption:
      `Held-out guess rate of every cell with its 95% interval. A cell cannot be read where its useful negatives stayed below a guess rate of ${LEARNED}: nothing was learned ` +
      'that could have been flipped.',
    alt: `Dot chart of the held-out guess rate in ${rows.length} cells of the grid ${id}, against chance at 1.`,
    rows,
    spec: {
      width: 420,
      height: { step: 18 },
      layer: [
        lineAt('x', 1),
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' }, color, tooltip },
        },
        {
          mark: { type: 'point', filled: true, size: 50, opacity: 1 },
          encoding: { y, x: { ...x, field: 'guessRate' }, color, tooltip },
        },
      ],
    },
  };
}
