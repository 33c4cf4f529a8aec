/** All claims on one axis. */
import type { StudyReport } from '../study-report.ts';
import {
  bounds,
  colourOf,
  estimates,
  type Figure,
  fields,
  lineAt,
  multiples,
  names,
  panelWidth,
  round,
  VERDICT_SHAPES,
  VERDICTS,
} from './figure.ts';

/** What the paper reports, where it reports a number: Pythia-160M, 8 seeds (arXiv 2306.07567). */
export const PAPER_VALUES: Readonly<Record<string, number>> = { main: 1.13, 'paper-statistic': 1.13 };

/** Claims whose number is a multiple of chance; the others, such as differences in nats, have no place on its axis. */
const isMultiple = (measure: string): boolean => measure.endsWith('(1 = chance)');

/** The paper's own values are outlined, in a colour of their own. */
const PAPER = '#a04fb8';

export function forest(reports: readonly StudyReport[]): Figure {
  const rows = reports.flatMap(({ name, claims }) =>
    claims
      .filter(
        ({ judgement: { estimate, interval, measure } }) =>
          estimate !== null && interval !== null && isMultiple(measure),
      )
      .map(({ claim, judgement: { estimate, interval, verdict, measure, seeds } }) => ({
        claim: claim.id,
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
  const encoding = {
    y,
    color: colourOf('verdict', VERDICTS),
    tooltip: fields('study', 'claim', 'measure', 'estimate', 'low', 'high', 'seeds', 'verdict'),
  };
  const shape = {
    field: 'verdict',
    type: 'nominal',
    title: null,
    scale: { domain: Object.keys(VERDICT_SHAPES), range: Object.values(VERDICT_SHAPES) },
  };
  return {
    id: 'forest',
    title: 'All claims',
    caption:
      'The estimate of each claim with its 95% interval, as a multiple of chance (dashed line at 1). Shape and colour are the verdict. ' +
      'An empty diamond is the paper’s own value for Pythia-160M. Claims that measure something else are in the table alone.',
    alt: `Forest plot of ${rows.length} claims: estimate, 95% interval and verdict of each, against chance at 1.`,
    rows,
    spec: (layout) => ({
      params: [
        { name: 'verdict', value: 'all' },
        { name: 'study', value: 'all' },
      ],
      transform: [
        { filter: "(verdict == 'all' || datum.verdict == verdict) && (study == 'all' || datum.study == study)" },
      ],
      facet: { row: { field: 'study', type: 'nominal', sort: null, title: null, header: HEADER } },
      resolve: { scale: { y: 'independent' } },
      spec: {
        width: panelWidth(layout, 460, 18),
        height: { step: 20 },
        layer: [
          lineAt('x', 1),
          ...estimates({
            axis: 'x',
            channel: multiples('multiple of chance'),
            encoding,
            value: 'estimate',
            ofValue: { shape },
            mark: { type: 'point', filled: true, size: 80, opacity: 1 },
          }),
          {
            transform: [{ filter: 'datum.paper !== null' }],
            mark: {
              type: 'point',
              shape: 'diamond',
              filled: false,
              size: 130,
              strokeWidth: 2,
              color: PAPER,
              opacity: 1,
            },
            encoding: {
              y,
              x: { field: 'paper', type: 'quantitative' },
              tooltip: [{ field: 'paper', title: 'the paper (Pythia-160M)' }],
            },
          },
        ],
      },
    }),
  };
}

/** A preset's name above its claims. */
const HEADER = { orient: 'top', labelAngle: 0, labelAnchor: 'start', labelFontWeight: 'bold' };
