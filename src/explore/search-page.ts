/** What a search found, in words, as figures and as a page. */
import { mean } from 'simple-statistics';
import { vary } from '../claims/evidence.ts';
import { formatEstimate, formatInterval, formatNumber } from '../claims/format.ts';
import { asCode, inMarkdown } from '../report/escape.ts';
import { COLOURS, type Figure, fields } from '../report/figures/figure.ts';
import { markdownTable } from '../report/table.ts';
import { valueAt } from '../setup/fields.ts';
import type { Setup } from '../setup/schema.ts';
import { tInterval } from '../statistics/index.ts';
import type { Objective } from './objectives.ts';
import { type Confirmation, type Draw, FIRST_FRESH_SEED, ROUNDS, type Searched } from './search.ts';
import { type Dimension, drawnValue } from './space.ts';

/** What a search was asked. */
export interface Asked {
  readonly setup: Setup;
  readonly space: readonly Dimension[];
  readonly objective: Objective;
  readonly seed: number;
  readonly command: string;
}

/** The best first. */
const ranked = (draws: readonly Draw[]): Draw[] =>
  [...draws].sort(
    (a, b) =>
      b.rounds - a.rounds ||
      (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY) ||
      a.number - b.number,
  );

const scoreText = ({ score }: Draw): string => (score === null ? '-' : formatNumber(score));

/** A draw in words. */
export const drawText = (draw: Draw): string =>
  `draw ${draw.number} (${draw.set.join(', ') || 'the setup itself'}): ${draw.reason ?? `${scoreText(draw)} over ${draw.byRun.length} seeds`}`;

const meanText = (values: readonly number[]): string => {
  const value = mean([...values]);
  return !vary(values) ? formatNumber(value) : formatEstimate({ value, interval: tInterval(values) });
};

/** What the fresh seeds say of the best draw, beside what the tuning seeds said. */
export function confirmationText({ draw, seeds, byRun, judgement }: Confirmation, { label }: Objective): string {
  const { verdict, estimate, interval } = judgement;
  const rate =
    estimate === null || interval === null ? '' : `, guess rate ${estimate.toFixed(3)} ${formatInterval(interval)}`;
  const lost = byRun.length === 0 ? 0 : mean([...draw.byRun]) - mean([...byRun]);
  const fresh =
    byRun.length === 0
      ? 'no fresh run finished'
      : `is ${meanText(byRun)} over ${byRun.length} fresh ones (${seeds[0]} to ${seeds[seeds.length - 1]}): ${formatNumber(Math.abs(lost))} ${lost < 0 ? 'more' : 'less'}`;
  return (
    `The best draw is number ${draw.number}: ${draw.set.join(', ') || 'the setup itself'}. Objective: ${label}. It was ${meanText(draw.byRun)} over the ` +
    `${draw.byRun.length} tuning seeds that chose it; ${fresh}. The claim \`main\` on the fresh seeds: ${verdict}${rate}.`
  );
}

/** One line a draw through its places in every dimension. */
export function parallelFigure(draws: readonly Draw[], { space, objective }: Asked): Figure {
  const scored = draws.filter(({ score }) => score !== null);
  return {
    id: 'parallel',
    title: 'Every draw through every field',
    caption: `One line a draw; each field from its lowest to its highest value. Colour is the objective on the first tuning seed, which all draws share: ${objective.label}.`,
    alt: `Parallel coordinates of ${scored.length} draws over ${space.length} fields.`,
    rows: scored.flatMap(({ number, place, score, byRun }) =>
      space.map((dimension, index) => ({
        draw: number,
        field: dimension.field,
        place: Number(place[index].toFixed(4)),
        value: String(drawnValue(dimension, place[index])),
        objective: byRun[0],
        score,
        seeds: byRun.length,
      })),
    ),
    spec: {
      width: { step: 150 },
      height: 260,
      mark: { type: 'line', opacity: 0.7, strokeWidth: 1.5 },
      encoding: {
        x: {
          field: 'field',
          type: 'ordinal',
          sort: space.map(({ field }) => field),
          title: null,
          axis: { labelAngle: -20 },
        },
        y: { field: 'place', type: 'quantitative', title: 'lowest to highest', scale: { domain: [0, 1] } },
        detail: { field: 'draw' },
        color: { field: 'objective', type: 'quantitative', title: 'objective', scale: { scheme: 'viridis' } },
        tooltip: fields('draw', 'field', 'value', 'objective', 'score', 'seeds'),
      },
    },
  };
}

/** The objective over each field alone. */
export function effectsFigure(draws: readonly Draw[], { space, objective }: Asked): Figure {
  const scored = draws.filter(({ score }) => score !== null);
  return {
    id: 'effects',
    title: 'The objective over each field',
    caption: `One dot a draw, whatever its other fields were: ${objective.label}, on the first tuning seed, which all draws share. The line joins means of fifths of the field's range.`,
    alt: `For each of ${space.length} fields, a scatter chart of the objective over its range.`,
    rows: scored.flatMap(({ number, place, score, byRun }) =>
      space.map((dimension, index) => ({
        draw: number,
        field: dimension.field,
        place: Number(place[index].toFixed(4)),
        fifth: Math.floor(5 * place[index]) / 5 + 0.1,
        value: String(drawnValue(dimension, place[index])),
        objective: byRun[0],
        score,
        seeds: byRun.length,
      })),
    ),
    spec: {
      facet: { field: 'field', type: 'nominal', sort: space.map(({ field }) => field), title: null },
      columns: 3,
      spec: {
        width: 200,
        height: 160,
        layer: [
          {
            mark: { type: 'point', size: 24 },
            encoding: {
              x: { field: 'place', type: 'quantitative', title: 'lowest to highest', scale: { domain: [0, 1] } },
              y: { field: 'objective', type: 'quantitative', title: 'objective' },
              color: { value: COLOURS['held-out'] },
              tooltip: fields('draw', 'value', 'objective', 'score', 'seeds'),
            },
          },
          {
            mark: { type: 'line', strokeWidth: 2 },
            encoding: {
              x: { field: 'fifth', type: 'quantitative' },
              y: { field: 'objective', type: 'quantitative', aggregate: 'mean' },
              color: { value: COLOURS.useful },
            },
          },
        ],
      },
    },
  };
}

const dimensionText = (dimension: Dimension): string =>
  'values' in dimension
    ? `${dimension.field}: ${dimension.values.map((value) => JSON.stringify(value)).join(', ')}`
    : `${dimension.field}: ${dimension.low} to ${dimension.high}${dimension.whole ? ', whole numbers' : ''}${dimension.logarithmic ? ', evenly over the logarithm' : ''}`;

/** The page of a search, in Markdown. */
export const searchPage = ({ draws, confirmation }: Searched, asked: Asked): string => {
  const { setup, space, objective, seed, command } = asked;
  const own = (field: string) => JSON.stringify(valueAt(setup, field.split('.')));
  return `${[
    '# A search for setups',
    `Made by \`${asCode(command)}\`. ${draws.length} setups were drawn (Halton sequence, seed ${seed}); each is \`${setup.name}\` with these fields changed:`,
    space
      .map((dimension) => `- ${inMarkdown(dimensionText(dimension))}; the setup itself has ${own(dimension.field)}`)
      .join('\n'),
    `The objective: ${objective.label}. Rounds of ${ROUNDS.join(', ')} tuning seeds, each with the better half of the round before. Scores of different ` +
      'rounds are of different seeds, so draws are ranked within the round that they reached.',
    '## The best draw on fresh seeds',
    confirmation === null
      ? 'No draw could be scored.'
      : `${inMarkdown(confirmationText(confirmation, objective))}\n\nThe best of many draws is partly lucky: what it was on its tuning seeds says too much of it. ` +
        `The search never saw the fresh seeds, from ${FIRST_FRESH_SEED} on.`,
    '## Every draw',
    '![Every draw through every field](parallel.svg)',
    '![The objective over each field](effects.svg)',
    markdownTable({
      head: ['draw', ...space.map(({ field }) => field), 'objective', 'seeds', 'out because'],
      rows: ranked(draws).map((draw) => [
        `${draw.number}`,
        ...space.map((dimension, index) => String(drawnValue(dimension, draw.place[index]))),
        scoreText(draw),
        `${draw.byRun.length}`,
        inMarkdown(draw.reason ?? (draw.rounds === ROUNDS.length ? '' : 'others were better')),
      ]),
    }),
  ].join('\n\n')}\n`;
};
