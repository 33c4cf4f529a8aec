/** Figures of arms side by side: as the paper reads their runs, and as the claim does. */
import type { Arm } from '../../claims/arms.ts';
import { cellOf } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { bestPerfs } from '../../claims/measures/curves.ts';
import type { Setup } from '../../setup/schema.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import { bounds, colourOf, estimates, fields, lineAt, numbers, type Row, round, SETS, TWO_SETS } from './figure.ts';

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
        perfLow: round(mean - deviation),
        perfHigh: round(mean + deviation),
        guessRate: round(rate as number),
        ...bounds(interval),
        useful: round(cell.useful as number),
      };
    });
  });
}

const PANELS = [
  { title: 'best evaluation ± deviation', value: 'perf', low: 'perfLow', high: 'perfHigh', chance: 0 },
  { title: 'last step, 95% interval', value: 'guessRate', low: 'low', high: 'high', chance: 1 },
] as const;

/**
 * Two panels side by side, as the paper reads runs and as the claim does.
 * @param axis the one that has the values
 * @param position the channels that say where an arm stands in a panel
 * @param field the field of the rows that names an arm
 * @param joined whether lines join the arms, with a band in place of the intervals
 */
export function panels(
  axis: 'x' | 'y',
  size: object,
  position: (panel: number) => object,
  field: string,
  joined = false,
): Record<string, unknown> {
  const color = colourOf('set', TWO_SETS);
  const tooltip = fields(field, 'set', 'seeds', 'perf', 'guessRate', 'low', 'high', 'useful');
  return {
    hconcat: PANELS.map(({ title, value, low, high, chance }, panel) => {
      const channel = numbers(chance === 0 ? 'nats above chance' : 'guess rate (1 = chance)');
      const drawn = { axis, channel, value, low, high };
      const encoding = { ...position(panel), color };
      const [bars, dots] = estimates({ ...drawn, encoding: { ...encoding, tooltip } });
      const lines = { interval: BAND, mark: { type: 'line' } };
      return {
        title,
        ...size,
        layer: [lineAt(axis, chance), ...(joined ? estimates({ ...drawn, ...lines, encoding }) : [bars]), dots],
      };
    }),
  };
}

/** How to read both panels. */
export const PANELS_READ =
  'Left, as in the paper: log-likelihood per letter relative to chance at the best evaluation of phase 3, mean ± deviation over seeds. ' +
  'Right, as the claim reads it: guess rate at the last step, with its 95% interval.';

export const UPRIGHT = { width: 300, height: 240 };
