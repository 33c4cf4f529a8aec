/** How results spread over seeds, and over the moments at which they may be read. */
import { findingOf } from '../../claims/claim.ts';
import { claimed, judgementOf } from '../../claims/family.ts';
import { CHECKPOINTS } from '../../claims/main-findings.ts';
import { guessRatesBySeed } from '../../claims/measures/seeds.ts';
import type { StudyReport } from '../study-report.ts';
import { COLOURS, colourOf, type Figure, lineAt, round } from './figure.ts';

/** One dot a seed. */
export function seeds(report: StudyReport): Figure | null {
  const groups = guessRatesBySeed(report.views, (claim) => claimed(report, claim));
  if (groups.length === 0) return null;
  const rows = groups.flatMap(({ words: group, set, seeds: own, mean: { value, interval } }) => {
    const colour = set === 'random' ? 'random' : 'held-out';
    return [
      ...own.map(({ seed, guessRate }) => ({
        group,
        colour,
        seed: seed as number | null,
        guessRate: round(guessRate),
        low: null as number | null,
        high: null as number | null,
      })),
      { group, colour, seed: null, guessRate: round(value), low: round(interval[0]), high: round(interval[1]) },
    ];
  });
  const y = { field: 'group', type: 'nominal', sort: null, title: null };
  const color = colourOf('colour', { 'held-out': COLOURS['held-out'], random: COLOURS.random });
  const x = { field: 'guessRate', type: 'quantitative', title: 'guess rate (1 = chance)', scale: { zero: false } };
  return {
    id: 'seeds',
    title: 'Distribution over seeds',
    caption:
      'One circle for each seed; the bar below each row of circles is the mean with its 95% interval. If there is an effect, held-out passwords ' +
      'lie above chance (dashed) with DPO and not without it; random ones never do.',
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
          encoding: { y, x, color, tooltip: [{ field: 'seed' }, { field: 'guessRate' }] },
        },
        {
          transform: [{ filter: 'datum.seed === null' }],
          mark: { type: 'rule', strokeWidth: 3, yOffset: 9 },
          encoding: {
            y,
            x: { ...x, field: 'low' },
            x2: { field: 'high' },
            color,
            tooltip: [{ field: 'guessRate', title: 'mean' }, { field: 'low' }, { field: 'high' }],
          },
        },
        {
          transform: [{ filter: 'datum.seed === null' }],
          mark: { type: 'point', filled: true, size: 70, opacity: 1, yOffset: 9 },
          encoding: { y, x, color },
        },
      ],
    },
  };
}

/** The main estimate wherever else one might have read it. */
export function checkpoints(report: StudyReport): Figure | null {
  const main = judgementOf(report, 'main');
  if (main === undefined || main.estimate === null || main.interval === null) return null;
  const rows = [
    { moment: 'last step (the rule)', set: 'heldOut', value: main.estimate, interval: main.interval },
    ...CHECKPOINTS.map(({ key, short, set }) => ({ moment: short, set, ...findingOf(main, key) })),
  ].map(({ moment, set, value, interval }) => ({
    moment,
    guessRate: round(value),
    low: round((interval as readonly [number, number])[0]),
    high: round((interval as readonly [number, number])[1]),
    set: set === 'random' ? 'random' : 'held-out',
  }));
  const y = { field: 'moment', type: 'nominal', sort: null, title: null };
  const color = colourOf('set', { 'held-out': COLOURS['held-out'], random: COLOURS.random });
  const x = { type: 'quantitative', title: 'guess rate (1 = chance)', scale: { zero: false } };
  const tooltip = ['moment', 'guessRate', 'low', 'high'].map((field) => ({ field }));
  return {
    id: 'checkpoints',
    title: 'Sensitivity to the choice of checkpoint',
    caption:
      'The guess rate at the last step, which the rule reads, and at other moments. The highest guess rate of a run is chosen on the passwords that ' +
      'it scores; the same choice for random passwords shows how much that gives by itself.',
    alt: 'Dot chart of the guess rate with 95% intervals at different checkpoints, against chance at 1.',
    rows,
    spec: {
      width: 380,
      height: { step: 22 },
      layer: [
        lineAt('x', 1),
        {
          mark: { type: 'rule', strokeWidth: 2 },
          encoding: { y, x: { ...x, field: 'low' }, x2: { field: 'high' }, color, tooltip },
        },
        {
          mark: { type: 'point', filled: true, size: 60, opacity: 1 },
          encoding: { y, x: { ...x, field: 'guessRate' }, color, tooltip },
        },
      ],
    },
  };
}
