/** What a setup does otherwise than the paper, for readers: made from the setups themselves. */
import { deviations } from '../setup/deviations.ts';
import type { Setup } from '../setup/schema.ts';
import { inMarkdown } from './escape.ts';
import { markdownTable, type Table } from './table.ts';

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

export const deviationsTable = (setup: Setup): Table => ({
  head: ['field', 'paper', 'here', 'why'],
  rows: deviations(setup).map(({ field, paper, here, why }) => [
    field,
    asText(paper),
    asText(here),
    why ?? 'not said: no preset has it',
  ]),
});

/** What stands above the table. */
export const deviationsNote = ({ rows }: Table): string =>
  rows.length === 0
    ? "Nothing differs from the paper's own setup but the seeds."
    : "Every field that is not named here is that of the paper's own setup, the preset `paper`.";

/** Note and table in Markdown. */
export function deviationsMarkdown(setup: Setup): string {
  const table = deviationsTable(setup);
  const rows = table.rows.map((cells) => cells.map(inMarkdown));
  return [deviationsNote(table), ...(rows.length === 0 ? [] : [markdownTable({ ...table, rows })])].join('\n\n');
}
