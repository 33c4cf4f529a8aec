/** A figure: rows of data, a Vega-Lite specification that draws them, and its texts. */

import type { LoggerInterface } from 'vega';
import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import { SNAPSHOTS } from '../../claims/measures/snapshots.ts';
import type { SetName } from '../../records/view.ts';
import { COLOURS } from './colours.ts';

export { COLOURS } from './colours.ts';

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
  /** Without its data and theme. A figure of several panels says itself how they stand in each layout. */
  readonly spec: Spec | ((layout: Layout) => Spec);
}

export type Spec = Record<string, unknown>;

/** In files and on screens that are wide enough, or in a column as wide as a phone. */
export type Layout = 'wide' | 'narrow';

/** Pixels that a narrow figure may take: a phone of 390, less the margins of the page. */
const NARROW = 350;

/** The width of a panel, beside which numbers or names of so many letters stand in the narrow layout. */
export const panelWidth = (layout: Layout, wide: number, letters = 6): number =>
  layout === 'wide' ? wide : NARROW - 26 - 6 * letters;

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

/** Verdicts differ in shape too: a colour alone is not seen by everyone, nor in print. */
export const VERDICT_SHAPES: Readonly<Record<keyof typeof VERDICTS, string>> = {
  reproduced: 'circle',
  'not reproduced': 'cross',
  inconclusive: 'triangle-up',
};

/** A colour channel with the same colours in every figure; its legend is no wider than the narrow layout. */
export const colourOf = (field: string, colours: Record<string, string>, title: string | null = null): object => ({
  field,
  type: 'nominal',
  title,
  scale: { domain: Object.keys(colours), range: Object.values(colours) },
  legend: { columns: Math.floor(NARROW / (30 + 6 * Math.max(...Object.keys(colours).map(({ length }) => length)))) },
});

/** An axis of names, in the order of the rows. */
export const names = (field: string): object => ({ field, type: 'nominal', sort: null, title: null });

/** Letters in a line of a name, where there is room. */
const LINE = 18;

/** A name in lines, broken between words, and within a word that is longer than a line after its hyphens. */
function linesOf(name: string, letters: number): string[] {
  const parts = name.split(' ').flatMap((word) => (word.length > letters ? word.split(/(?<=-)/) : [word]));
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.pop();
    const longer = last?.endsWith('-') ? `${last}${part}` : `${last} ${part}`;
    if (last === undefined) lines.push(part);
    else if (longer.length <= letters) lines.push(longer);
    else lines.push(last, part);
  }
  return lines;
}

/** Letters of the longest line of any of the names, and lines of the name that has most. */
export const extentOf = (all: readonly string[], letters = LINE): { letters: number; lines: number } => ({
  letters: Math.max(...all.flatMap((name) => linesOf(name, letters)).map(({ length }) => length)),
  lines: Math.max(...all.map((name) => linesOf(name, letters).length)),
});

/** How an axis writes names that may be long: in lines, and none is left out for want of room. */
export const broken = (all: readonly string[], letters = LINE): object => ({
  labelExpr: `${JSON.stringify(Object.fromEntries(all.map((name) => [name, linesOf(name, letters)])))}[datum.label]`,
  labelOverlap: false,
});

/** The height of a row for names of so many lines. */
export const stepFor = (all: readonly string[]): { step: number } => ({ step: 8 + 14 * extentOf(all).lines });

/** An axis of numbers that need not begin at 0. */
export const numbers = (title: string): object => ({ type: 'quantitative', title, scale: { zero: false } });

/** An axis of multiples of chance, on which twice as often and half as often are equally far from chance. */
export const multiples = (title: string): object => ({
  type: 'quantitative',
  title: `${title}, log scale`,
  scale: { type: 'log', base: 2, nice: false, padding: 6 },
  axis: { format: '~r', tickCount: 5 },
});

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

/** Small multiples on the same axes, one for each snapshot. */
export const bySnapshot =
  (height: number, layer: object[]) =>
  (layout: Layout): Spec => ({
    facet: { field: 'snapshot', type: 'nominal', sort: SNAPSHOTS.map(({ words }) => words), title: null },
    columns: layout === 'wide' ? 3 : 1,
    spec: { width: panelWidth(layout, 190), height, layer },
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

function config({ ink, grid, font }: Theme, layout: Layout): Config {
  const size = layout === 'wide' ? 12 : 11;
  const text = { labelColor: ink, titleColor: ink, labelFontSize: size, titleFontSize: size };
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
      labelFlush: false, // labels moved inwards would touch their neighbours
      labelOverlap: 'greedy',
      labelSeparation: 4,
      titleLimit: 640,
    },
    axisX: { grid: false },
    legend: { ...text, orient: 'top', labelLimit: 320, symbolOpacity: 1, columns: 3 },
    header: text,
    title: { color: ink, fontSize: size, fontWeight: 'bold', anchor: 'start' },
    text: { color: ink, fontSize: 11 },
    rule: { color: ink },
  };
}

/** A single view takes the width that there is. */
const fitted = (spec: Spec): Spec => ({ ...spec, width: NARROW, autosize: { type: 'fit-x', contains: 'padding' } });

/** How the figure is drawn in a layout. */
function drawn({ spec }: Figure, layout: Layout): Spec {
  if (typeof spec === 'function') return spec(layout);
  return layout === 'wide' ? spec : fitted(spec);
}

/** The complete Vega-Lite specification. */
export const vegaLite = (figure: Figure, theme: Theme, layout: Layout = 'wide'): TopLevelSpec =>
  ({
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    description: figure.alt,
    background: theme.background,
    padding: layout === 'wide' ? 8 : 2,
    config: config(theme, layout),
    data: { name: 'rows', values: figure.rows },
    ...drawn(figure, layout),
  }) as unknown as TopLevelSpec;

/** What Vega-Lite warns of though it is meant: rows of names have their own height; presets have claims of their own. */
const MEANT = [/^Dropping "fit-y" because spec has discrete height/, /^Detected faceted independent scales/];

/** @throws Error where Vega-Lite warns of anything else */
const strict: LoggerInterface = {
  level: () => strict,
  error(...messages) {
    throw new Error(messages.join(' '));
  },
  warn(...messages) {
    const text = messages.join(' ');
    if (!MEANT.some((meant) => meant.test(text))) throw new Error(`Vega-Lite: ${text}`);
    return strict;
  },
  info: () => strict,
  debug: () => strict,
};

/** The figure compiled to Vega. */
export const vega = (figure: Figure, theme: Theme, layout: Layout = 'wide'): object =>
  compile(vegaLite(figure, theme, layout), { logger: strict }).spec;

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
