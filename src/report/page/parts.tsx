/** Parts of which pages are made. */
import type { ComponentChildren } from 'preact';
import type { Verdict } from '../../claims/claim.ts';
import type { Table } from '../table.ts';

/** JSON that may stand inside a script element. */
export const embedded = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** What the browser's script reads. */
export const Embedded = ({ id, value }: { id: string; value: unknown }) => (
  <script type="application/json" id={id} dangerouslySetInnerHTML={{ __html: embedded(value) }} />
);

/** Text in which `code` is marked as in Markdown. */
export function Prose({ text }: { text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 0 ? part : <code>{part}</code>))}</>;
}

/** A wide part, which scrolls by itself and can be reached by keyboard. */
export function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

/** A table whose rows become blocks on a phone, each cell under its column's name. What is a table then is said by roles. */
export function TableView({ head, rows, caption }: Table & { caption: string }) {
  return (
    <Scroll label={caption}>
      {/* biome-ignore-start lint/a11y: a browser forgets what a table is that is not laid out as one, so the roles are said */}
      <table role="table">
        <caption hidden>{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {head.map((cell) => (
              <th role="columnheader" scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {rows.map((row) => (
            <tr role="row">
              {row.map((cell, index) => (
                <td role="cell" data-label={head[index]} class={index > 0 && /^[-[\d]/.test(cell) ? 'number' : ''}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {/* biome-ignore-end lint/a11y: as above */}
    </Scroll>
  );
}

/** As in the figures: a shape beside the word, so that nothing depends on colour. */
const SHAPES: Readonly<Record<Verdict, string>> = {
  reproduced: '●',
  'not reproduced': '✚',
  inconclusive: '▲',
  invalid: '■',
};

export const VerdictMark = ({ verdict }: { verdict: Verdict }) => (
  <span class={`verdict ${verdict.replace(' ', '-')}`}>
    <span aria-hidden="true">{SHAPES[verdict]}</span> {verdict}
  </span>
);

/** A file that stands beside the page; the page carries its text, for those who have the page alone. */
export const FileLink = ({ name, children }: { name: string; children?: ComponentChildren }) => (
  <a href={name} data-file={name}>
    {children ?? name}
  </a>
);

export function Document({ title, style, children }: { title: string; style: string; children: ComponentChildren }) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>{children}</body>
    </html>
  );
}
