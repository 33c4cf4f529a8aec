/** Two factors across and down, and in each cell a number by its colour and in figures. */
import { broken, extentOf, type Layout, panelWidth, type Row, type Spec } from './figure.ts';

/** Below chance, at chance and above: so pale that the figures in the cells can be read on them in light and in dark. */
const COLOURS = ['#f0a35e', '#f6f6f4', '#72b1e6'];
const INK = '#1c1c1c';

/** Pixels that a letter of a label takes, on average. */
const LETTER = 6.5;

/** Doublings from chance at which the colours end, where no cell is farther from it. */
const LEAST_REACH = 0.25;

export interface Cell extends Row {
  /** A multiple of chance, which gives the colour. */
  readonly multiple: number;
  /** What stands in the cell. */
  readonly text: string;
}

/** A factor: its field in the cells, and what the axis calls it. */
interface Factor {
  readonly field: string;
  readonly title: string | null;
}

export interface Axes {
  readonly across: Factor;
  readonly down: Factor;
  /** What a tooltip shows. */
  readonly tooltip: readonly object[];
}

/** Colours are by the logarithm: half as often as chance is as far from it as twice as often. */
export const heatMap =
  (cells: readonly Cell[], { across, down, tooltip }: Axes) =>
  (layout: Layout): Spec => {
    const levels = ({ field }: Factor) => [...new Set(cells.map((cell) => `${cell[field]}`))];
    const [columns, rows] = [levels(across), levels(down)];
    const beside = extentOf(rows).letters + (down.title === null ? 0 : 3);
    const axis = (factor: Factor) => ({ ...factor, type: 'nominal', sort: null });
    const reach = Math.max(LEAST_REACH, ...cells.map(({ multiple }) => Math.abs(Math.log2(multiple))));
    const step = layout === 'wide' ? 110 : Math.floor(panelWidth(layout, 0, beside) / columns.length);
    return {
      width: { step },
      height: { step: 34 },
      transform: [{ calculate: 'log(datum.multiple) / log(2)', as: 'doublings' }],
      encoding: {
        x: { ...axis(across), axis: { labelAngle: 0, ...broken(columns, Math.floor(step / LETTER)) } },
        y: { ...axis(down), axis: broken(rows) },
        tooltip,
      },
      layer: [
        {
          mark: { type: 'rect', stroke: INK, strokeOpacity: 0.25 },
          encoding: {
            color: {
              field: 'doublings',
              type: 'quantitative',
              title: '1 = chance, log scale',
              scale: { domain: [-reach, 0, reach], range: COLOURS },
              legend: {
                values: [-reach, 0, reach],
                labelExpr: "format(pow(2, datum.value), '.2~f')",
                gradientLength: 240,
              },
            },
          },
        },
        {
          mark: { type: 'text', color: INK, fontSize: layout === 'wide' ? 12 : 11 },
          encoding: { text: { field: 'text' } },
        },
      ],
    };
  };
