/** All claims on one axis. */
import type { StudyReport } from '../study-report.ts';
import { colourOf, type Figure, lineAt, round, VERDICTS } from './figure.ts';

/** What the paper reports, where it reports a number: Pythia-160M, 8 seeds (arXiv 2306.07567). */
export const PAPER_VALUES: Readonly<Record<string, number>> = { main: 1.13, 'paper-statistic': 1.13 };

export function forest(reports: readonly StudyReport[]): Figure {
  const rows = reports.flatMap(({ name, claims }) =>
    claims
      .filter(({ judgement }) => judgement.estimate !== null && judgement.interval !== null)
      .map(({ claim, judgement: { estimate, interval, verdict, measure, seeds } }) => ({
        claim: `${name}: ${claim.id}`,
        study: name,
        measure,
        estimate: round(estimate as number),
        low: round((interval as readonly [number, number])[0]),
        high: round((interval as readonly [number, number])[1]),
        seeds: seeds.length,
        verdict,
        paper: PAPER_VALUES[claim.id] ?? null,
      })),
  );
  const y = { field: 'claim', type: 'nominal', sort: null, title: null };
  const tooltip = ['claim', 'measure', 'estimate', 'low', 'high', 'seeds', 'verdict'].map((field) => ({ field }));
  const shown = {
    filter: "(verdict == 'all' || datum.verdict == verdict) && (study == 'all' || datum.study == study)",
  };
  return {
    id: 'forest',
    title: 'All claims',
    caption:
      'Each claim’s estimate with its 95% interval, as a multiple of chance (dashed line at 1); the colour is the verdict. ' +
      'Diamonds are the paper’s own value for Pythia-160M, where it reports one.',
    alt: `Forest plot of ${rows.length} claims: estimate, 95% interval and verdict of each, against chance at 1.`,
    rows,
    spec: {
      width: 460,
      height: { step: 20 },
      params: [
        { name: 'verdict', value: 'all' },
        { name: 'study', value: 'all' },
      ],
      transform: [shown],
      layer: [
        lineAt('x', 1),
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: {
            y,
            x: { field: 'low', type: 'quantitative', title: 'multiple of chance', scale: { zero: false } },
            x2: { field: 'high' },
            color: colourOf('verdict', VERDICTS),
            tooltip,
          },
        },
        {
          mark: { type: 'point', filled: true, size: 70, opacity: 1 },
          encoding: {
            y,
            x: { field: 'estimate', type: 'quantitative' },
            color: colourOf('verdict', VERDICTS),
            tooltip,
          },
        },
        {
          transform: [{ filter: 'datum.paper !== null' }],
          mark: { type: 'point', shape: 'diamond', size: 130, strokeWidth: 2, color: '#a04fb8', opacity: 1 },
          encoding: {
            y,
            x: { field: 'paper', type: 'quantitative' },
            tooltip: [{ field: 'paper', title: 'the paper (Pythia-160M)' }],
          },
        },
      ],
    },
  };
}
