/** Free text (error messages, names of processors, command lines) in documents that would read it as something else. */
import { csvFormat } from 'd3-dsv';

/** Text of one line, without characters that no document can show: controls, halves of pairs, changes of direction. */
export const oneLine = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069\ufffe\uffff]+/gu, ' ').trim();

const withoutHtml = (text: string): string =>
  oneLine(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A sentence of ours that quotes free text, in Markdown: it keeps its intervals and its code, and has no HTML and no link. */
export const proseInMarkdown = (text: string): string => withoutHtml(text).replaceAll('](', ']\\(');

/** Text in Markdown: no markup, no HTML, no end of a table's cell. */
export const inMarkdown = (text: string): string => withoutHtml(text).replaceAll(/[\\`|[\]*~]/g, '\\$&');

/** Text between backticks in Markdown: nothing in it is markup, but a backtick would end it. */
export const asCode = (text: string): string => oneLine(text).replaceAll('`', "'");

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** What begins a formula, at any width, after anything that a spreadsheet may skip or not show. */
const FORMULA = /^[\s\p{C}'"]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe62\ufe63\ufe66\ufe6b]/u;

/** A cell of a table that spreadsheets open: what they would take for a formula is marked as text. */
export const inSpreadsheet = (cell: unknown): unknown =>
  typeof cell === 'string' && FORMULA.test(cell) && !NUMBER.test(cell) ? `'${cell}` : cell;

/** The columns of rows that may lack some, in order of appearance. */
export const columnsOf = (rows: readonly object[]): string[] => [...new Set(rows.flatMap((row) => Object.keys(row)))];

/** Rows as a CSV file that spreadsheets may open. */
export const csvOf = (rows: readonly object[]): string => {
  const safe = rows.map((row) =>
    Object.fromEntries(Object.entries(row).map(([column, cell]) => [column, inSpreadsheet(cell)])),
  );
  return `${csvFormat(safe, columnsOf(rows))}\n`;
};
