/** What an exploration found, in words, as a figure and as a page. */
import { formatInterval } from '../claims/format.ts';
import { asCode } from '../report/escape.ts';
import { colourOf, type Figure, VERDICTS } from '../report/figures/figure.ts';
import { markdownTable } from '../report/table.ts';
import type { Setup } from '../setup/schema.ts';
import type { Boundary, Exploration, Point } from './explore.ts';
import { KNOBS, type Knob } from './knobs.ts';

/** Where a setup stands, in words. */
export const placesText = ({ at }: Point): string =>
  Object.entries(at)
    .map(([knob, rung]) => `${knob} ${rung}`)
    .join(', ');

/** What became of a setup, in words. */
export const outcomeText = ({ verdict, estimate, interval, reason }: Point): string =>
  verdict === null
    ? `impossible: ${reason}`
    : estimate === null || interval === null
      ? verdict
      : `${verdict}, guess rate ${estimate.toFixed(3)} ${formatInterval(interval)}`;

/** The end of a ladder in words. */
export function boundaryText({ knob, question, last, first, complete }: Boundary): string {
  const label = KNOBS.find(({ id }) => id === knob)?.label ?? knob;
  const open = complete ? '' : ' (the budget ended the search)';
  if (last === null)
    return first === null
      ? `${question}: not looked at${open}`
      : `${question}: the setup itself, at ${first} ${label}, does not show the effect`;
  if (first === null) return `${question}: ${last} ${label}${complete ? ', the hardest that was tried' : open}`;
  return `${question}: ${last} ${label}; at ${first} the claim is no longer reproduced${open}`;
}

/** Guess rate over two knobs. A cell without a number was not judged, or no setup can be like it. */
export function mapFigure({ knobs: [x, y], rungs }: NonNullable<Exploration['map']>, points: readonly Point[]): Figure {
  const rows = points
    .filter(({ at, estimate }) => x.id in at && y.id in at && estimate !== null)
    .map(({ at, estimate, verdict }) => ({
      [x.id]: at[x.id],
      [y.id]: at[y.id],
      guessRate: Number((estimate as number).toFixed(3)),
      verdict,
    }));
  const side = (knob: Knob, sort: readonly number[]) => ({ field: knob.id, type: 'ordinal', title: knob.label, sort });
  const encoding = { x: side(x, rungs[0]), y: side(y, rungs[1]) };
  return {
    id: 'map',
    title: `Held-out guess rate over ${x.label} and ${y.label}`,
    caption:
      'Guess rate of the held-out passwords (1 = chance) of every setup that was tried; colour is the verdict on the main claim.',
    alt: `Grid of ${rows.length} setups by ${x.label} and ${y.label}, each with its guess rate and verdict.`,
    rows,
    spec: {
      width: { step: 64 },
      height: { step: 40 },
      encoding,
      layer: [
        {
          mark: { type: 'rect', opacity: 0.35 },
          encoding: { color: colourOf('verdict', VERDICTS) },
        },
        { mark: { type: 'text' }, encoding: { text: { field: 'guessRate', type: 'quantitative', format: '.2f' } } },
      ],
    },
  };
}

/** The page of an exploration, in Markdown; `command` as it was typed. */
export const exploredPage = (
  { boundaries, map }: Exploration,
  points: readonly Point[],
  { command, seeds, setup }: { command: string; seeds: readonly number[]; setup: Setup },
): string =>
  `${[
    '# Where the effect ends',
    `Made by \`${asCode(command)}\`. Each setup is \`${setup.name}\` with the named fields changed, judged on the seeds ${seeds.join(', ')} by the rule of the claim \`main\`.\n` +
      'Along each knob the other knobs stay as they are, and the verdict is assumed to change once.',
    '## Boundaries',
    boundaries.map((boundary) => `- ${boundaryText(boundary)}`).join('\n'),
    ...(map === null
      ? []
      : [
          '## Map',
          `![${map.knobs.map(({ label }) => label).join(' by ')}](map.svg)`,
          ...(map.complete ? [] : ['The budget ended before every cell was tried.']),
        ]),
    '## Every setup tried',
    markdownTable({
      head: ['setup', 'verdict', 'guess rate', '95% interval', 'runs', 'failed'],
      rows: points.map((point) => {
        const { verdict, estimate, interval, seeds: judged, failed } = point;
        const numbers = [estimate?.toFixed(3) ?? '-', interval === null ? '-' : formatInterval(interval)];
        return [placesText(point), verdict ?? 'impossible', ...numbers, `${judged.length}`, `${failed}`];
      }),
    }),
  ].join('\n\n')}\n`;
