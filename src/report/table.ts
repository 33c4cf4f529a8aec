/** The table of claims, for a terminal and for Markdown. */
import Table from 'cli-table3';
import type { Judgement } from '../claims/claim.ts';
import { formatInterval } from '../claims/format.ts';

const HEAD = ['claim', 'measure', 'estimate', '95% interval', 'runs', 'verdict'];

function row({ id, measure, estimate, interval, seeds, failed, verdict }: Judgement): string[] {
  return [
    id,
    measure,
    estimate === null ? '-' : estimate.toFixed(3),
    interval === null ? '-' : formatInterval(interval),
    failed === 0 ? `${seeds.length}` : `${seeds.length} (${failed} failed)`,
    verdict,
  ];
}

/** A plain-text table without colours: the same in a terminal, a file and a log. */
export function plainTable(head: string[], rows: readonly (string | number)[][]): string {
  const table = new Table({ head, style: { head: [], border: [] } });
  table.push(...rows);
  return table.toString();
}

/** The table of claims in plain text. */
export const claimsTable = (judgements: readonly Judgement[]): string => plainTable(HEAD, judgements.map(row));

/** The same table in Markdown. */
export function claimsMarkdown(judgements: readonly Judgement[]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  return [line(HEAD), line(HEAD.map(() => '---')), ...judgements.map((judgement) => line(row(judgement)))].join('\n');
}
