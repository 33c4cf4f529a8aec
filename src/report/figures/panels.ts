/** Figures of arms side by side: as the paper reads their runs, and as the claim does. */
import type { Arm } from '../../claims/arms.ts';
import { cellOf } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { bestPerfs } from '../../claims/measures/curves.ts';
import type { Setup } from '../../setup/schema.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import {
  bounds,
  broken,
  colourOf,
  estimates,
  extentOf,
  fields,
  type Layout,
  lineAt,
  multiples,
  names,
  panelWidth,
  type Row,
  round,
  SETS,
  type Spec,
  TWO_SETS,
} from './figure.ts';

export const BAND = { type: 'area', opacity: 0.2 };

/**
 * For every arm and set, the paper's number with its deviation over seeds, and the guess rate with its interval as the
 * claim has estimated it, on the claim's own seeds.
 */
export function byArm(
  report: StudyReport,
  claim: string,
  arms: readonly Arm[],
  level: (setup: Setup, arm: Arm) => Row,
): Row[] {
  const judgement = judgementOf(report, claim);
  if (judgement?.cells === undefined) return [];
  return arms.flatMap((arm) => {
    const cell = cellOf(judgement, arm.id);
    const runs = runsOf(report, arm.id).filter(({ setup }) => cell.seeds.includes(setup.seed));
    if (runs.length === 0) return [];
    return SETS.filter(({ set }) => set !== 'useful').map(({ set, name }) => {
      const { mean, deviation } = bestPerfs(runs, name);
      const [rate, interval] = name === 'heldOut' ? [cell.estimate, cell.interval] : [cell.random, cell.randomInterval];
      return {
        ...level(runs[0].setup, arm),
        set,
        seeds: runs.length,
        perf: round(mean),
        multiple: round(Math.exp(mean)),
        multipleLow: round(Math.exp(mean - deviation)),
        multipleHigh: round(Math.exp(mean + deviation)),
        guessRate: round(rate as number),
        ...bounds(interval),
        useful: round(cell.useful as number),
      };
    });
  });
}

/** The claim's reading first: it is the one that is seen first on a phone. */
const PANELS = [
  { title: 'last step: guess rate, 95% interval', value: 'guessRate', low: 'low', high: 'high' },
  {
    title: 'best evaluation: geometric mean ± deviation',
    value: 'multiple',
    low: 'multipleLow',
    high: 'multipleHigh',
  },
] as const;

interface Position {
  /** What it is of an arm that tells it from the others: a field of the rows. */
  readonly field: string;
  /** The channel along which arms stand: x, beside one another; or y, below one another, by their names. */
  readonly x?: object;
  /** Whether lines join the arms, with a band in place of the intervals. */
  readonly joined?: boolean;
}

/** The same runs as the claim reads them and as the paper does, in two panels on the same axis of multiples of chance. */
export const panels =
  (rows: readonly Row[], { field, x, joined = false }: Position) =>
  (layout: Layout): Spec => {
    const axis = x === undefined ? 'x' : 'y';
    const arms = [...new Set(rows.map((row) => `${row[field]}`))];
    const tooltip = fields(field, 'set', 'seeds', 'guessRate', 'low', 'high', 'multiple', 'perf', 'useful');
    const inPanel = ({ title, value, low, high }: (typeof PANELS)[number], panel: number) => {
      const named = {
        ...names(field),
        axis: panel === 0 || layout === 'narrow' ? broken(arms) : { labels: false, ticks: false },
      };
      const drawn = { axis, channel: multiples('1 = chance'), value, low, high } as const;
      const encoding = {
        ...(x === undefined
          ? { y: named, yOffset: { field: 'set', sort: null } }
          : { x, ...(joined ? {} : { xOffset: { field: 'set', sort: null } }) }),
        color: colourOf('set', TWO_SETS),
      };
      const [bars, dots] = estimates({ ...drawn, encoding: { ...encoding, tooltip } });
      const lines = { interval: BAND, mark: { type: 'line' } };
      return {
        title,
        width: x === undefined ? panelWidth(layout, 270, extentOf(arms).letters) : panelWidth(layout, 300),
        height: x === undefined ? { step: 22 } : 240,
        layer: [lineAt(axis, 1), ...(joined ? estimates({ ...drawn, ...lines, encoding }) : [bars]), dots],
      };
    };
    return {
      resolve: { scale: { [axis]: 'shared' } },
      [layout === 'wide' ? 'hconcat' : 'vconcat']: PANELS.map(inPanel),
    };
  };

/** How to read both panels. */
export const PANELS_READ =
  'First as the claim reads it: guess rate at the last step, with its 95% interval. Then as the paper does: geometric-mean probability of a letter relative to chance, ' +
  'at the best evaluation of phase 3, mean ± deviation over seeds.';
