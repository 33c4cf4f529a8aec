/** How results spread over seeds, and over the evaluations at which they may be read. */
import { findingOf } from '../../claims/claim.ts';
import { claimed, judgementOf } from '../../claims/family.ts';
import { CHECKPOINTS } from '../../claims/main-findings.ts';
import { guessRatesBySeed } from '../../claims/measures/seeds.ts';
import type { StudyReport } from '../study-report.ts';
import {
  bounds,
  broken,
  colourOf,
  DOT,
  estimates,
  type Figure,
  fields,
  lineAt,
  names,
  numbers,
  type Row,
  round,
  stepFor,
  TWO_SETS,
} from './figure.ts';

/** One dot a seed. */
export function seeds(report: StudyReport): Figure | null {
  const groups = guessRatesBySeed(report.views, (claim) => claimed(report, claim));
  if (groups.length === 0) return null;
  const rows = groups.flatMap(({ words: group, set, seeds: own, mean: { value, interval } }) => {
    const about = { group, colour: set === 'random' ? 'control' : 'held-out' };
    return [
      ...own.map(
        ({ seed, guessRate }): Row => ({ ...about, seed, guessRate: round(guessRate), low: null, high: null }),
      ),
      { ...about, seed: null, guessRate: round(value), ...bounds(interval) },
    ];
  });
  const encoding = { y: names('group'), color: colourOf('colour', TWO_SETS) };
  const channel = { field: 'guessRate', ...numbers('guess rate (1 = chance)') };
  return {
    id: 'seeds',
    title: 'Distribution over seeds',
    caption:
      'One circle for each seed. The bar below each row of circles is the mean with its 95% interval. If there is an effect, held-out passwords ' +
      'lie above chance (dashed) with DPO and at chance without it. The control lies at chance with and without DPO.',
    alt: `Strip chart of guess rates by seed: ${groups.map(({ words }) => words).join('; ')}.`,
    rows,
    spec: {
      width: 560,
      height: { step: 44 },
      layer: [
        lineAt('x', 1),
        {
          transform: [{ filter: 'datum.seed !== null' }],
          mark: { type: 'point', size: 50, opacity: 0.8, yOffset: -6 },
          encoding: { ...encoding, x: channel, tooltip: fields('seed', 'guessRate') },
        },
        ...estimates({
          axis: 'x',
          channel,
          encoding,
          value: 'guessRate',
          interval: { type: 'rule', strokeWidth: 3, yOffset: 9 },
          mark: { ...DOT, size: 70, yOffset: 9 },
        }).map((layer) => ({ transform: [{ filter: 'datum.seed === null' }], ...layer })),
      ],
    },
  };
}

/** The main estimate at each evaluation that could have been chosen. */
export function checkpoints(report: StudyReport): Figure | null {
  const main = judgementOf(report, 'main');
  if (main === undefined || main.estimate === null || main.interval === null) return null;
  const rows = [
    { evaluation: 'last step (the rule)', set: 'heldOut', value: main.estimate, interval: main.interval },
    ...CHECKPOINTS.map(({ key, short, set }) => ({ evaluation: short, set, ...findingOf(main, key) })),
  ].map(({ evaluation, set, value, interval }) => ({
    evaluation,
    guessRate: round(value),
    ...bounds(interval as readonly [number, number]),
    set: set === 'random' ? 'control' : 'held-out',
  }));
  const evaluations = rows.map(({ evaluation }) => evaluation);
  return {
    id: 'checkpoints',
    title: 'Sensitivity to the choice of evaluation',
    caption:
      'The guess rate at the last step, which the rule reads, and at other evaluations. The highest guess rate of a run is chosen on the passwords that ' +
      'it scores. The highest guess rate of the control shows how much this choice adds by itself.',
    alt: 'Dot chart of the guess rate with 95% intervals at different evaluations, against chance at 1.',
    rows,
    spec: {
      width: 380,
      height: stepFor(evaluations),
      layer: [
        lineAt('x', 1),
        ...estimates({
          axis: 'x',
          channel: numbers('guess rate (1 = chance)'),
          encoding: {
            y: { ...names('evaluation'), axis: broken(evaluations) },
            color: colourOf('set', TWO_SETS),
            tooltip: fields('evaluation', 'guessRate', 'low', 'high'),
          },
          value: 'guessRate',
          mark: { ...DOT, size: 60 },
        }),
      ],
    },
  };
}
