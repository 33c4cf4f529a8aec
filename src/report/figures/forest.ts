/** All claims on one axis. */
import type { StudyReport } from '../study-report.ts';
import {
  bounds,
  colourOf,
  DOT,
  estimates,
  type Figure,
  fields,
  lineAt,
  names,
  numbers,
  round,
  VERDICTS,
} from './figure.ts';

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
        ...bounds(interval),
        seeds: seeds.length,
        verdict,
        paper: PAPER_VALUES[claim.id] ?? null,
      })),
  );
  const y = names('claim');
  return {
    id: 'forest',
    title: 'All claims',
    caption:
      'The estimate of each claim with its 95% interval, as a multiple of chance (dashed line at 1). The colour is the verdict. ' +
      'A diamond is the paper’s own value for Pythia-160M.',
    alt: `Forest plot of ${rows.length} claims: estimate, 95% interval and verdict of each, against chance at 1.`,
    rows,
    spec: {
      width: 460,
      height: { step: 20 },
      params: [
        { name: 'verdict', value: 'all' },
        { name: 'study', value: 'all' },
      ],
      transform: [
        { filter: "(verdict == 'all' || datum.verdict == verdict) && (study == 'all' || datum.study == study)" },
      ],
      layer: [
        lineAt('x', 1),
        ...estimates({
          axis: 'x',
          channel: numbers('multiple of chance'),
          encoding: {
            y,
            color: colourOf('verdict', VERDICTS),
            tooltip: fields('claim', 'measure', 'estimate', 'low', 'high', 'seeds', 'verdict'),
          },
          value: 'estimate',
          mark: { ...DOT, size: 70 },
        }),
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
