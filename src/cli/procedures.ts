/** The command `procedures`: simulates every procedure and writes reports/procedures.json. */
import Table from 'cli-table3';
import type { Command } from 'commander';
import writeFileAtomic from 'write-file-atomic';
import type { ProcedureReport } from '../calibration/file.ts';
import { EXIT, type Finish } from './exit.ts';

async function procedures(): Promise<void> {
  const { PROCEDURES_COMMAND, PROCEDURES_FILE, procedureCells } = await import('../calibration/file.ts');
  const { procedureRows } = await import('../calibration/rows.ts');
  const rows = procedureRows({ tests: 2000, rules: 150 });
  const document: ProcedureReport = { command: PROCEDURES_COMMAND, rows };
  await writeFileAtomic(PROCEDURES_FILE, `${JSON.stringify(document, null, 1)}\n`);
  const table = new Table({
    head: ['procedure', 'scenario', 'runs', 'nominal', 'rate', '±', 'experiments'],
    style: { head: [], border: [] },
  });
  table.push(...rows.map(procedureCells));
  process.stdout.write(`${table.toString()}\n${rows.length} rows in ${PROCEDURES_FILE}\n`);
}

export const addProcedures = (program: Command, finish: Finish): Command =>
  program
    .command('procedures')
    .description('Simulate how often every interval, test and rule errs, for the report: reports/procedures.json.')
    .action(async () => {
      await procedures();
      finish(EXIT.reproduced);
    });
