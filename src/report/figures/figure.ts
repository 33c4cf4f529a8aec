/** What a figure is: rows of data, a Vega-Lite specification of them, and the words that go with it. */

import { type Config, compile, type TopLevelSpec } from 'vega-lite';
import type { SetName } from '../../records/view.ts';

export type Row = Record<string, string | number | boolean | null>;

export interface Figure {
  /** Name of its files. */
  readonly id: string;
  readonly title: string;
  /** What is drawn and what it says, in a sentence or two. */
  readonly caption: string;
  /** What someone who cannot see the figure should know. */
  readonly alt: string;
  /** The paper's figure that this one redraws, if any. */
  readonly paper?: string;
  readonly rows: readonly Row[];
  /** Without its data and theme. */
  readonly spec: Record<string, unknown>;
}

/** Colours that keep a contrast of 3 to 1 on white and on black, apart for all common kinds of colour vision. */
export const COLOURS = {
  'held-out': '#1f7fd0',
  useful: '#c9691b',
  random: '#7d7d7d',
} as const;

/** The same of the two sets that are compared. */
export const TWO_SETS = { 'held-out': COLOURS['held-out'], random: COLOURS.random } as const;

/** What figures call the sets of a record. */
export const SETS = [
  { set: 'held-out', name: 'heldOut' },
  { set: 'useful', name: 'useful' },
  { set: 'random', name: 'random' },
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

export interface Theme {
  /** Colour of text and axes. */
  readonly ink: string;
  readonly grid: string;
  readonly font: string;
  readonly background: string | null;
}

/** For files that stand alone: dark on white, in a font that travels with the project. */
export const PAPER_THEME: Theme = { ink: '#1c1c1c', grid: '#dddddd', font: 'DejaVu Sans', background: '#ffffff' };

/** For the page: the colour of the text around, so that light, dark and print follow the page. */
export const PAGE_THEME: Theme = {
  ink: 'currentColor',
  grid: 'var(--grid)',
  font: 'system-ui, sans-serif',
  background: null,
};

const config = ({ ink, grid, font }: Theme): Config => ({
  font,
  view: { stroke: grid },
  axis: {
    labelColor: ink,
    titleColor: ink,
    domainColor: ink,
    tickColor: ink,
    gridColor: grid,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelLimit: 600, // without a browser, text is taken to be wider than it is
    titleLimit: 640,
  },
  axisX: { grid: false },
  legend: {
    labelColor: ink,
    titleColor: ink,
    labelFontSize: 12,
    titleFontSize: 12,
    orient: 'top',
    labelLimit: 320,
    symbolOpacity: 1,
  },
  header: { labelColor: ink, titleColor: ink, labelFontSize: 12, titleFontSize: 12 },
  title: { color: ink, fontSize: 12, fontWeight: 'bold', anchor: 'start' },
  text: { color: ink, fontSize: 11 },
  rule: { color: ink },
});

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

/** The same, compiled to Vega. */
export const vega = (figure: Figure, theme: Theme): object => compile(vegaLite(figure, theme)).spec;

/** A dashed line at a value of one axis, such as chance. */
export const lineAt = (axis: 'x' | 'y', value: number): object => ({
  data: { values: [{}] },
  mark: { type: 'rule', strokeDash: [4, 3], aria: false },
  encoding: { [axis]: { datum: value } },
});

export const round = (value: number, decimals = 4): number => Number(value.toFixed(decimals));
