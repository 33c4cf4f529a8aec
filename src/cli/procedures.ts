/** `procedures` on the command line: simulates every procedure and writes reports/procedures.json. */
import Table from 'cli-table3';
import writeFileAtomic from 'write-file-atomic';
import { PROCEDURES_COMMAND, PROCEDURES_FILE, type ProcedureReport, procedureCells } from '../calibration/file.ts';
import { procedureRows } from '../calibration/rows.ts';

export async function procedures(): Promise<void> {
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
