/** Lines that grow while a run trains. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly values: readonly (number | null)[];
  /** Drawn thinner than the others, and left out of the legend. */
  readonly faint?: boolean;
}

/** A place on the axis with a name, at which something begins. */
export interface Mark {
  readonly at: number;
  readonly name: string;
}

interface ChartProps {
  readonly title: string;
  /** What someone who cannot see it should know. */
  readonly alt: string;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly x: readonly number[];
  readonly lines: readonly Line[];
  /** The value of chance, drawn as a line of its own. */
  readonly chance: number;
  readonly logarithmic: boolean;
  /** Points that no line joins. */
  readonly scattered?: boolean;
  readonly marks?: readonly Mark[];
}

const HEIGHT = 260;
const INK = '#7d7d7d'; // to be read on light and on dark

/** Draws the marks, each with its name above the lines. */
function drawMarks(plot: uPlot, marks: readonly Mark[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = INK;
  ctx.fillStyle = INK;
  ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'bottom';
  for (const { at, name } of marks) {
    const x = plot.valToPos(at, 'x', true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillText(name, x, bbox.top - 3 * devicePixelRatio);
  }
  ctx.restore();
}

export function Chart({
  title,
  alt,
  xTitle,
  yTitle,
  x,
  lines,
  chance,
  logarithmic,
  scattered = false,
  marks = [],
}: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const data: uPlot.AlignedData = [[...x], ...lines.map(({ values }) => [...values]), x.map(() => chance)];
  const latest = useRef(data);
  latest.current = data;
  const marked = useRef(marks);
  marked.current = marks;
  const drawn = lines.map(({ name, colour, faint }) => `${name} ${colour} ${faint}`).join();

  useEffect(() => {
    const element = place.current as HTMLDivElement;
    const axis = { stroke: INK, grid: { stroke: `${INK}33` }, ticks: { stroke: INK } };
    plot.current = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        padding: [20, 8, 0, 0], // the names of the marks stand above
        hooks: { draw: [(drawing) => drawMarks(drawing, marked.current)] },
        cursor: { show: false },
        legend: { show: false },
        scales: { x: { time: false }, y: logarithmic ? { distr: 3, log: 2 } : {} },
        axes: [
          { ...axis, label: xTitle },
          {
            ...axis,
            label: yTitle,
            size: 64,
            values: (_, splits) => splits.map((value) => (value === null ? '' : `${value}`)),
          },
        ],
        series: [
          {},
          ...lines.map(
            ({ name, colour, faint = false }): uPlot.Series => ({
              label: name,
              stroke: colour,
              width: scattered ? 0 : faint ? 1 : 2,
              alpha: faint ? 0.6 : 1,
              spanGaps: true,
              points: { show: scattered, size: 5, stroke: colour },
            }),
          ),
          { label: 'chance', stroke: INK, dash: [4, 4], width: 1, points: { show: false } },
        ],
      },
      latest.current,
      element,
    );
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      plot.current?.destroy();
    };
  }, [logarithmic, scattered, xTitle, yTitle, drawn]);
  useEffect(() => plot.current?.setData(data), [data]);

  return (
    <figure>
      <h3>{title}</h3>
      <p class="legend">
        {lines
          .filter(({ faint }) => !faint)
          .map(({ name, colour }) => (
            <span>
              <span aria-hidden="true" style={{ color: colour }}>
                ●
              </span>{' '}
              {name}
            </span>
          ))}
      </p>
      <div ref={place} role="img" aria-label={alt} />
    </figure>
  );
}
