/** What a sweep found, as tables. */
import type { Verdict } from '../claims/claim.ts';
import { asCode, inMarkdown, proseInMarkdown } from '../report/escape.ts';
import { rowOfRun, rowsCsv } from '../report/files/runs-csv.ts';
import { estimateText, markdownTable, plainTable, runsText, type Table } from '../report/table.ts';
import { setupHash } from '../setup/hash.ts';
import { armsOf, type SweepPlan } from './grid.ts';
import type { JudgedCell, SweepResult } from './sweep.ts';

/** One row a cell and claim. */
const cellsTable = (cells: readonly JudgedCell[], paint: (verdict: Verdict) => string): Table => ({
  head: ['cell', 'claim', 'verdict', 'estimate', 'runs'],
  rows: cells.flatMap(({ label, judgements }) =>
    judgements.map((judgement) => [
      label,
      judgement.id,
      paint(judgement.verdict),
      estimateText(judgement),
      runsText(judgement),
    ]),
  ),
});

/** For a terminal. */
export function sweepText({ cells }: SweepResult, paint: (verdict: Verdict) => string = (verdict) => verdict): string {
  const { head, rows } = cellsTable(cells, paint);
  return plainTable(head, rows);
}

/** How many runs there are of each status. */
export function countsText({ runs }: Pick<SweepResult, 'runs'>): string {
  const failed = runs.filter(({ record }) => record.status === 'failed').length;
  const reused = runs.filter((run) => run.reused).length;
  return `${runs.length} runs: ${runs.length - failed} finished, ${failed} failed; ${reused} of them were there already`;
}

/** The sweep's page. @param command that made it @param part whether runs are still to come */
export function sweepMarkdown(plan: SweepPlan, result: SweepResult, command: string, part = false): string {
  const failed = result.runs.filter(({ record }) => record.status === 'failed');
  const { head, rows } = cellsTable(result.cells, (verdict) => verdict);
  return `${[
    `# ${plan.name}`,
    `\`${asCode(command)}\``,
    ...(part ? ['**The sweep is not done: this is what there is so far.**'] : []),
    `${plan.cells.length} cells, ${plan.seeds.length} seeds each. ${countsText(result)}. Each claim is judged by its own rule, cell by cell: a ` +
      'sweep of many cells finds some by chance.',
    markdownTable({ head, rows: rows.map((row) => row.map(inMarkdown)) }),
    ...plan.claims.map(({ id, statement, rule }) => `**${id}.** ${statement} *Rule.* ${rule}`),
    ...(failed.length === 0
      ? []
      : [
          'Runs that failed:',
          failed
            .map(({ record }) => {
              const why = record.status === 'failed' ? record.error.message : '';
              return `- ${record.setup.name}, seed ${record.setup.seed}: ${proseInMarkdown(why)}`;
            })
            .join('\n'),
        ]),
  ].join('\n\n')}\n`;
}

/** One row a run, with the cells that it is of. */
export function sweepCsv(plan: SweepPlan, { runs }: Pick<SweepResult, 'runs'>): string {
  const cellsOf = new Map<string, string[]>();
  for (const cell of plan.cells) {
    const hashes = new Set([...armsOf(cell, plan).values()].flat().map((setup) => setupHash(setup)));
    for (const hash of hashes) cellsOf.set(hash, [...(cellsOf.get(hash) ?? []), cell.label]);
  }
  return rowsCsv(
    runs.map(({ record }) => rowOfRun(record, { cells: (cellsOf.get(record.setupHash) ?? []).join('; ') })),
  );
}
