/**
 * How often every interval, test and rule errs, simulated on experiments whose truth is known:
 * `node --import tsx spec/calibration/run.ts` writes reports/procedures.json, which the report shows.
 */
import writeFileAtomic from 'write-file-atomic';
import {
  PROCEDURES_COMMAND,
  PROCEDURES_FILE,
  type ProcedureReport,
  proceduresTable,
} from '../../src/report/procedures.ts';
import { plainTable } from '../../src/report/table.ts';
import { procedureRows } from './rows.ts';

const rows = procedureRows({ tests: 2000, rules: 150 });
const document: ProcedureReport = { command: PROCEDURES_COMMAND, rows };
await writeFileAtomic(PROCEDURES_FILE, `${JSON.stringify(document, null, 1)}\n`);
const { head, rows: shown } = proceduresTable(rows);
process.stdout.write(`${plainTable(head, shown)}\n${rows.length} rows in ${PROCEDURES_FILE}\n`);
