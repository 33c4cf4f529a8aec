/** A figure on the page: its drawing, what to read from it, and its data. */
import { columnsOf } from '../escape.ts';
import { type Figure, PAGE_THEME, PAPER_THEME, type Row, vega, vegaLite } from '../figures/figure.ts';
import { Embedded, Prose } from './parts.tsx';

/** Rows without the names of their fields: a figure may have thousands. */
export interface Columns {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Row[string][])[];
}

/** What the browser draws a figure from, and offers as its files. */
export interface Drawn extends Columns {
  /** Compiled to Vega, for both layouts. */
  readonly wide: object;
  readonly narrow: object;
  /** As Vega-Lite. */
  readonly lite: object;
}

function drawnOf(figure: Figure): Drawn {
  const columns = columnsOf(figure.rows);
  const empty = { ...figure, rows: [] };
  return {
    wide: vega(empty, PAGE_THEME, 'wide'),
    narrow: vega(empty, PAGE_THEME, 'narrow'),
    lite: vegaLite(empty, PAPER_THEME),
    columns,
    rows: figure.rows.map((row) => columns.map((column) => row[column] ?? null)),
  };
}

const ENDINGS = { csv: 'data', 'vl.json': 'Vega-Lite', svg: 'SVG', png: 'PNG' } as const;

/** @param compact with everything but the drawing folded away, and as narrow as on a phone */
export function FigureView({
  figure,
  command,
  compact = false,
}: {
  figure: Figure;
  command: string;
  compact?: boolean;
}) {
  const { id, title, caption, alt, paper } = figure;
  const about = (
    <figcaption>
      <Prose text={caption} /> Files:{' '}
      {Object.entries(ENDINGS).map(([ending, name], index) => (
        <>
          {index === 0 ? '' : ', '}
          <a href={`figures/${id}.${ending}`} data-made={ending} data-of={id}>
            {name}
          </a>
        </>
      ))}
      ; made by <code>{command}</code>.
    </figcaption>
  );
  return (
    <figure id={id}>
      {compact ? null : (
        <h3>
          {title}
          {paper === undefined ? '' : ` (the paper’s ${paper})`}
        </h3>
      )}
      <div class="vega-bindings" />
      <div class="drawing" data-figure={id} data-alt={alt} data-layout={compact ? 'narrow' : undefined} />
      <noscript>
        <img src={`figures/${id}.svg`} alt={alt} />
      </noscript>
      {compact ? (
        <details>
          <summary>How to read it</summary>
          {about}
        </details>
      ) : (
        about
      )}
      {/* The browser fills it in when it is opened. */}
      <details data-table-of={id}>
        <summary>Data of “{title}”</summary>
      </details>
      <Embedded id={`drawn-${id}`} value={drawnOf(figure)} />
    </figure>
  );
}
