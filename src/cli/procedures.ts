/** The command `procedures`: simulates every procedure and writes reports/procedures.json. */
import type { Command } from 'commander';
import writeFileAtomic from 'write-file-atomic';
import type { ProcedureReport } from '../calibration/file.ts';
import { plainTable } from '../report/table.ts';
import { type Ending, EXIT } from './exit.ts';

async function procedures(): Promise<number> {
  const { PROCEDURES_COMMAND, PROCEDURES_FILE, procedureCells } = await import('../calibration/file.ts');
  const { procedureRows } = await import('../calibration/rows.ts');
  const rows = procedureRows({ tests: 2000, rules: 150 });
  const document: ProcedureReport = { command: PROCEDURES_COMMAND, rows };
  await writeFileAtomic(PROCEDURES_FILE, `${JSON.stringify(document, null, 1)}\n`);
  const head = ['procedure', 'scenario', 'runs', 'nominal', 'rate', '±', 'experiments'];
  process.stdout.write(`${plainTable(head, rows.map(procedureCells))}\n${rows.length} rows in ${PROCEDURES_FILE}\n`);
  return EXIT.reproduced;
}

export const addProcedures = (program: Command, ending: Ending): Command =>
  program
    .command('procedures')
    .description('Simulate how often every interval, test and rule errs, for the report: reports/procedures.json.')
    .action(ending(procedures));
