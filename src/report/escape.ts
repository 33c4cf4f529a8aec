/** Free text (error messages, names of processors, command lines) in documents that would read it as something else. */

/** Text of one line, without characters that no document can show. */
export const oneLine = (text: string): string =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  text.replaceAll(/[\u0000-\u001f\u007f\u2028\u2029]+/g, ' ').trim();

/** Text in Markdown: no markup, no HTML, no end of a table's cell. */
export const inMarkdown = (text: string): string =>
  oneLine(text)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/[\\`|[\]*~]/g, '\\$&');

/** Text between backticks in Markdown: nothing in it is markup, but a backtick would end it. */
export const asCode = (text: string): string => oneLine(text).replaceAll('`', "'");

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A cell of a table that spreadsheets open: what they would take for a formula is marked as text. */
export const inSpreadsheet = (cell: unknown): unknown =>
  typeof cell === 'string' && /^[\s'"]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(cell) && !NUMBER.test(cell)
    ? `'${cell}`
    : cell;

/** A row of such a table. */
export const spreadsheetRow = <Row extends object>(row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([key, cell]) => [key, inSpreadsheet(cell)])) as Row;
