/** Where held-out passwords stand among fresh random ones. */
import { rankShares } from '../../claims/measures/leakage.ts';
import { SNAPSHOTS } from '../../claims/measures/snapshots.ts';
import { runsOf, type StudyReport } from '../study-report.ts';
import { COLOURS, type Figure, round } from './figure.ts';

const BINS = 10;

export function ranks(report: StudyReport): Figure | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const rows = rankShares(runs, BINS).flatMap(({ snapshot, shares }) =>
    shares.map((share, bin) => ({
      moment: snapshot.words,
      from: round((100 * bin) / BINS, 1),
      to: round((100 * (bin + 1)) / BINS, 1),
      share: round(100 * share, 2),
    })),
  );
  return {
    id: 'ranks',
    title: 'Rank among fresh random passwords',
    caption:
      `Share of held-out passwords by how many fresh random ones are likelier, all runs together: left the likeliest tenth, right the least likely. Were nothing known, every bar would ` +
      `reach the dashed line at ${100 / BINS}%. Crowding at the unlikely end gives passwords away as much as crowding at the likely one.`,
    alt: 'Three histograms of the rank of held-out passwords among fresh random ones.',
    rows,
    spec: {
      facet: { field: 'moment', type: 'nominal', sort: SNAPSHOTS.map(({ words }) => words), title: null },
      columns: 3,
      resolve: { scale: { y: 'independent' } },
      spec: {
        width: 190,
        height: 180,
        layer: [
          {
            mark: { type: 'bar', color: COLOURS['held-out'], binSpacing: 1 },
            encoding: {
              x: { field: 'from', bin: 'binned', title: 'random ones likelier (%)' },
              x2: { field: 'to' },
              y: { field: 'share', type: 'quantitative', title: 'passwords (%)' },
              tooltip: ['moment', 'from', 'to', 'share'].map((field) => ({ field })),
            },
          },
          {
            data: { values: [{}] },
            mark: { type: 'rule', strokeDash: [4, 3], aria: false },
            encoding: { y: { datum: 100 / BINS } },
          },
        ],
      },
    },
  };
}
