/**
 * How often every interval, test and rule errs, simulated on experiments whose truth is known:
 * `node --import tsx spec/calibration/run.ts` writes reports/procedures.json, which the report shows. With names of claims after it,
 * only the rules of those are simulated again.
 */
import writeFileAtomic from 'write-file-atomic';
import {
  PROCEDURES_COMMAND,
  PROCEDURES_FILE,
  type ProcedureReport,
  type ProcedureRow,
  proceduresTable,
  readProcedures,
} from '../../src/report/procedures.ts';
import { plainTable } from '../../src/report/table.ts';
import { procedureRows, ruleRows } from './rows.ts';

const EFFORT = { tests: 2000, rules: 150 };

/** The committed rows, and after them those of some rules, simulated again. */
async function renewed(claims: readonly string[]): Promise<ProcedureRow[]> {
  const again = ruleRows(EFFORT.rules, claims);
  const known = new Set(again.map(({ procedure }) => procedure));
  for (const claim of claims)
    if (!known.has(`the rule of ${claim}`)) throw new Error(`no rule of ${claim} is simulated`);
  const kept = ((await readProcedures())?.rows ?? []).filter(({ procedure }) => !known.has(procedure));
  return [...kept, ...again];
}

const claims = process.argv.slice(2);
const rows = claims.length === 0 ? procedureRows(EFFORT) : await renewed(claims);
const document: ProcedureReport = { command: PROCEDURES_COMMAND, rows };
await writeFileAtomic(PROCEDURES_FILE, `${JSON.stringify(document, null, 1)}\n`);
const { head, rows: shown } = proceduresTable(rows);
process.stdout.write(`${plainTable(head, shown)}\n${rows.length} rows in ${PROCEDURES_FILE}\n`);
