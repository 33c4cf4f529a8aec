/** Tables, for a terminal, for Markdown and for the page. */
import TerminalTable from 'cli-table3';
import type { Cell, Finding, Judgement, Verdict } from '../claims/claim.ts';
import { formatEstimate, formatInterval, formatNumber } from '../claims/format.ts';

export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export const markdownTable = ({ head, rows }: Table): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const decimal = (value: number | null): string => (value === null ? '-' : value.toFixed(3));
const intervalText = (interval: readonly [number, number] | null): string =>
  interval === null ? '-' : formatInterval(interval);

/** How many runs count, and how many failed. */
export const runsText = ({ seeds, failed }: Pick<Judgement, 'seeds' | 'failed'>): string =>
  failed === 0 ? `${seeds.length}` : `${seeds.length} (${failed} failed)`;

/** The estimate of a judgement with its interval. */
export const estimateText = ({ estimate, interval }: Pick<Judgement, 'estimate' | 'interval'>): string =>
  estimate === null ? '-' : formatEstimate({ value: estimate, interval: interval ?? undefined });

const judgementsTable = (judgements: readonly Judgement[]): Table => ({
  head: ['claim', 'measure', 'estimate', '95% interval', 'runs', 'verdict'],
  rows: judgements.map((judgement) => {
    const { id, measure, estimate, interval, verdict } = judgement;
    return [id, measure, decimal(estimate), intervalText(interval), runsText(judgement), verdict];
  }),
});

/** A plain-text table. @param widths of its columns with their padding, where long cells have to wrap */
export function plainTable(
  head: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  widths?: readonly number[],
): string {
  const fitted = widths === undefined ? {} : { colWidths: [...widths], wordWrap: true };
  const table = new TerminalTable({ head: [...head], style: { head: [], border: [] }, ...fitted });
  table.push(...rows.map((row) => [...row]));
  return table.toString();
}

/** With the lines between them, as wide as a terminal of 80 characters. */
const CLAIMS_WIDTHS = [16, 19, 41] as const;

/** How a verdict is written: the words say it, and a colour may say it as well. */
export type Paint = (verdict: Verdict) => string;

/**
 * The table of claims for a terminal: the verdict first, then what was found, and why where nothing was reproduced.
 * Without `paint` it has no colours: the same in a file and in a log.
 */
export const claimsTable = (judgements: readonly Judgement[], paint: Paint = (verdict) => verdict): string =>
  plainTable(
    ['verdict', 'claim', 'estimate'],
    judgements.map((judgement) => {
      const { id, verdict, measure, reason } = judgement;
      const { seeds, failed } = judgement;
      const runs = `${seeds.length} ${seeds.length === 1 ? 'run' : 'runs'}${failed === 0 ? '' : ` (${failed} failed)`}`;
      const found = [`${estimateText(judgement)}, ${runs}`, measure, ...(verdict === 'reproduced' ? [] : [reason])];
      return [paint(verdict), id, found.join('\n')];
    }),
    CLAIMS_WIDTHS,
  );

/** The same table in Markdown. */
export const claimsMarkdown = (judgements: readonly Judgement[]): string => markdownTable(judgementsTable(judgements));

/** The cells of a grid. */
export const cellsTable = (cells: readonly Cell[]): Table => ({
  head: [
    'cell',
    'held-out',
    '95% interval',
    'scatter of one run',
    'useful',
    'control',
    'adjusted p',
    'runs',
    'readable',
  ],
  rows: cells.map((cell) => [
    cell.label,
    decimal(cell.estimate),
    intervalText(cell.interval),
    decimal(cell.expectedScatter),
    decimal(cell.useful),
    decimal(cell.random),
    formatNumber(cell.adjustedP),
    runsText(cell),
    cell.readable ? 'yes' : 'no',
  ]),
});

/** What a claim also measured. */
export const findingsTable = (findings: readonly Finding[]): Table => ({
  head: ['also measured', 'value', 'what it says'],
  rows: findings.map((finding) => [finding.label, formatEstimate(finding), finding.meaning ?? '']),
});
