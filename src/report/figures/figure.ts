/** A figure: rows of data, a Vega-Lite specification that draws them, and its texts. */

import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import { SNAPSHOTS } from '../../claims/measures/snapshots.ts';
import type { SetName } from '../../records/view.ts';

export type Row = Record<string, string | number | boolean | null>;

export interface Figure {
  /** Name of its files. */
  readonly id: string;
  readonly title: string;
  /** What is drawn and how to read it. */
  readonly caption: string;
  /** What someone who cannot see the figure should know. */
  readonly alt: string;
  /** The paper's figure that this one redraws, if any. */
  readonly paper?: string;
  readonly rows: readonly Row[];
  /** Without its data and theme. */
  readonly spec: Record<string, unknown>;
}

/** Colours with a contrast of 3 to 1 on white and on black, which differ for all common kinds of colour vision. */
export const COLOURS = {
  'held-out': '#1f7fd0',
  useful: '#c9691b',
  control: '#7d7d7d',
} as const;

/** The colours of the two sets that are compared. */
export const TWO_SETS = { 'held-out': COLOURS['held-out'], control: COLOURS.control } as const;

/** What figures call the sets of a record: its random set is the control. */
export const SETS = [
  { set: 'held-out', name: 'heldOut' },
  { set: 'useful', name: 'useful' },
  { set: 'control', name: 'random' },
] as const satisfies readonly { set: string; name: SetName }[];

export const VERDICTS = {
  reproduced: '#168a5a',
  'not reproduced': '#d0453a',
  inconclusive: '#7d7d7d',
} as const;

/** A colour channel with the same colours in every figure. */
export const colourOf = (field: string, colours: Record<string, string>, title: string | null = null): object => ({
  field,
  type: 'nominal',
  title,
  scale: { domain: Object.keys(colours), range: Object.values(colours) },
});

/** An axis of names, in the order of the rows. */
export const names = (field: string): object => ({ field, type: 'nominal', sort: null, title: null });

/** An axis of numbers that need not begin at 0. */
export const numbers = (title: string): object => ({ type: 'quantitative', title, scale: { zero: false } });

/** What a tooltip shows. */
export const fields = (...shown: string[]): object[] => shown.map((field) => ({ field }));

export const DOT = { type: 'point', filled: true, size: 50, opacity: 1 };
export const BAR = { type: 'rule', strokeWidth: 2 };

interface Estimates {
  /** The axis that has the values, and its channel. */
  readonly axis: 'x' | 'y';
  readonly channel: object;
  /** The other channels. */
  readonly encoding: object;
  /** Channels that only the values have. */
  readonly ofValue?: object;
  /** Fields of the value and of the ends of its interval. */
  readonly value: string;
  readonly low?: string;
  readonly high?: string;
  /** How the interval is drawn, and above it the value. */
  readonly interval?: object;
  readonly mark?: object;
}

/** Values above their intervals. */
export const estimates = ({
  axis,
  channel,
  encoding,
  ofValue = {},
  value,
  low = 'low',
  high = 'high',
  interval = BAR,
  mark = DOT,
}: Estimates): object[] => [
  { mark: interval, encoding: { ...encoding, [axis]: { ...channel, field: low }, [`${axis}2`]: { field: high } } },
  { mark, encoding: { ...encoding, [axis]: { ...channel, field: value }, ...ofValue } },
];

/** Small multiples, one for each snapshot. */
export const bySnapshot = (height: number, layer: object[]): Record<string, unknown> => ({
  facet: { field: 'snapshot', type: 'nominal', sort: SNAPSHOTS.map(({ words }) => words), title: null },
  columns: 3,
  resolve: { scale: { y: 'independent' } },
  spec: { width: 190, height, layer },
});

export interface Theme {
  /** Colour of text and axes. */
  readonly ink: string;
  readonly grid: string;
  readonly font: string;
  readonly background: string | null;
}

/** For files: dark on white, in a font that the project brings. */
export const PAPER_THEME: Theme = { ink: '#1c1c1c', grid: '#dddddd', font: 'DejaVu Sans', background: '#ffffff' };

/** For the page: the colour of the surrounding text, so that figures follow the page in light, dark and print. */
export const PAGE_THEME: Theme = {
  ink: 'currentColor',
  grid: 'var(--grid)',
  font: 'system-ui, sans-serif',
  background: null,
};

function config({ ink, grid, font }: Theme): Config {
  const text = { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12 };
  return {
    font,
    view: { stroke: grid },
    axis: {
      ...text,
      domainColor: ink,
      tickColor: ink,
      gridColor: grid,
      titleFontWeight: 'normal',
      labelLimit: 600, // without a browser, text is taken to be wider than it is
      titleLimit: 640,
    },
    axisX: { grid: false },
    legend: { ...text, orient: 'top', labelLimit: 320, symbolOpacity: 1 },
    header: text,
    title: { color: ink, fontSize: 12, fontWeight: 'bold', anchor: 'start' },
    text: { color: ink, fontSize: 11 },
    rule: { color: ink },
  };
}

/** The complete Vega-Lite specification. */
export const vegaLite = (figure: Figure, theme: Theme): TopLevelSpec =>
  ({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: figure.alt,
    background: theme.background,
    padding: 8,
    config: config(theme),
    data: { name: 'rows', values: figure.rows },
    ...figure.spec,
  }) as unknown as TopLevelSpec;

/** The figure compiled to Vega. */
export const vega = (figure: Figure, theme: Theme): object => compile(vegaLite(figure, theme)).spec;

/** A dashed line at a value of one axis, such as chance. */
export const lineAt = (axis: 'x' | 'y', value: number): object => ({
  data: { values: [{}] },
  mark: { type: 'rule', strokeDash: [4, 3], aria: false },
  encoding: { [axis]: { datum: value } },
});

/** At most so many of a list, evenly spread, with the last: a run may have more evaluations than a figure can show. */
export const thinned = <Item>(list: readonly Item[], most: number): Item[] => {
  const every = Math.ceil(list.length / most);
  return list.filter((_, index) => (list.length - 1 - index) % every === 0);
};

export const round = (value: number, decimals = 4): number => Number(value.toFixed(decimals));

/** An interval as two fields of a row. @throws RangeError where there is none */
export function bounds(interval: readonly [number, number] | null): { low: number; high: number } {
  if (interval === null) throw new RangeError('there is no interval to draw');
  return { low: round(interval[0]), high: round(interval[1]) };
}
