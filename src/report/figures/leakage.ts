/** Where held-out passwords stand in the control. */
import { rankShares } from '../../claims/measures/leakage.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import { bySnapshot, COLOURS, type Figure, fields, lineAt, round } from './figure.ts';

const BINS = 10;

export function ranks(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = rankShares(runs, BINS).flatMap(({ snapshot, shares }) =>
    shares.map((share, bin) => ({
      snapshot: snapshot.words,
      from: round((100 * bin) / BINS, 1),
      to: round((100 * (bin + 1)) / BINS, 1),
      share: round(100 * share, 2),
    })),
  );
  return {
    id: 'ranks',
    title: 'Rank in the control',
    caption:
      `Held-out passwords of all runs by the share of the control (fresh random passwords) that is likelier: left the likeliest tenth, right the least likely. If nothing were known, every bar would ` +
      `reach the dashed line at ${100 / BINS}%. A crowd at the unlikely end gives passwords away as much as a crowd at the likely end.`,
    alt: 'Three histograms of the rank of held-out passwords in the control.',
    rows,
    spec: bySnapshot(180, [
      {
        mark: { type: 'bar', color: COLOURS['held-out'], binSpacing: 1 },
        encoding: {
          x: { field: 'from', bin: 'binned', title: 'likelier control (%)' },
          x2: { field: 'to' },
          y: { field: 'share', type: 'quantitative', title: 'passwords (%)' },
          tooltip: fields('snapshot', 'from', 'to', 'share'),
        },
      },
      lineAt('y', 100 / BINS),
    ]),
  };
}
