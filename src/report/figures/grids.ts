/** The cells of a grid, as a map. */
import { judgementOf } from '../../claims/family.ts';
import { ALPHA, LEARNED } from '../../claims/grid.ts';
import type { StudyReport } from '../study-report.ts';
import { bounds, type Figure, fields, round } from './figure.ts';
import { type Cell, heatMap } from './heat-map.ts';

/** The last factors of a cell's name stand across, the others down. */
const ACROSS = 2;

export function grid(report: StudyReport, id: string, title: string): Figure | null {
  const cells = judgementOf(report, id)?.cells?.filter(({ estimate }) => estimate !== null) ?? [];
  if (cells.length === 0) return null;
  const rows = cells.map(({ label, estimate, interval, useful, random, readable, adjustedP, seeds, failed }): Cell => {
    const factors = label.split(', ');
    const multiple = round(estimate as number);
    const shown = multiple.toFixed(2);
    return {
      cell: label,
      across: factors.slice(-ACROSS).join(' '),
      down: factors.slice(0, -ACROSS).join(' '),
      multiple,
      ...bounds(interval),
      useful: round(useful as number),
      control: round(random as number),
      'adjusted p': round(adjustedP, 5),
      seeds: seeds.length,
      failed,
      text: !readable ? `(${shown})` : adjustedP < ALPHA ? `${shown} ▲` : shown,
    };
  });
  return {
    id: `grid-${id}-${report.name}`,
    title: `${title} (${report.name})`,
    caption:
      `Held-out guess rate of each cell, as a multiple of chance. ▲: above chance after the correction for the number of cells. In brackets: a cell that cannot be read, because its ` +
      `useful negatives stayed below a guess rate of ${LEARNED}, so that the model learned too little to flip.`,
    alt: `Map of the held-out guess rate in ${rows.length} cells of the grid ${id}, as multiples of chance.`,
    rows,
    spec: heatMap(rows, {
      across: { field: 'across', title: null },
      down: { field: 'down', title: null },
      tooltip: fields('cell', 'multiple', 'low', 'high', 'useful', 'control', 'adjusted p', 'seeds', 'failed'),
    }),
  };
}
