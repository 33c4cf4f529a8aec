/** `reports/procedures.json`: simulated error rates, which `node --import tsx spec/calibration/run.ts` writes. */
import * as z from 'zod';
import { readTextIfThere } from '../records/bounded.ts';
import { RecordError } from '../records/record.ts';
import { markdownTable, type Table } from './table.ts';

const rowSchema = z.object({
  /** An interval, a test, or the rule of a claim. */
  procedure: z.string(),
  /** What the simulated experiments are like. */
  scenario: z.string(),
  /** Runs of one experiment. */
  runs: z.number().int(),
  /** The rate that the procedure promises, where it promises one. */
  nominal: z.number().nullable(),
  rate: z.number().min(0).max(1),
  /** Standard error of the rate. */
  error: z.number().min(0),
  experiments: z.number().int(),
  /** The row as a sentence. */
  what: z.string(),
});
const reportSchema = z.object({ command: z.string(), rows: z.array(rowSchema).min(1) });

export type ProcedureRow = z.infer<typeof rowSchema>;
export type ProcedureReport = z.infer<typeof reportSchema>;

export const PROCEDURES_FILE = 'reports/procedures.json';
export const PROCEDURES_COMMAND = 'node --import tsx spec/calibration/run.ts';

/** Reads the rates, or null where there is no file. @throws RecordError when the file is damaged */
export async function readProcedures(file = PROCEDURES_FILE): Promise<ProcedureReport | null> {
  const text = readTextIfThere(file);
  if (text === null) return null;
  try {
    return reportSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new RecordError(
      `${file} holds no simulated rates (${(error as Error).message}); make it with ${PROCEDURES_COMMAND}`,
    );
  }
}

/** The scenario in which the paper's statistic finds an effect in a model that has none. */
export const WELL_CALIBRATED =
  'false positives: 20 evaluations at chance, as sure as it should be, one letter in ten thought of anew between two';

/** The row of a procedure in a scenario. @throws RangeError where there is none */
export function procedureRow({ rows }: ProcedureReport, procedure: string, scenario: string): ProcedureRow {
  const row = rows.find((candidate) => candidate.procedure === procedure && candidate.scenario === scenario);
  if (row === undefined) throw new RangeError(`there are no simulated rates of ${procedure}, ${scenario}`);
  return row;
}

/** What the table of simulated error rates shows. */
export const proceduresNote = ({ command }: ProcedureReport): string =>
  `Each row tries an interval, a test or a rule on simulated experiments whose truth is known. The nominal rate is the rate that the procedure promises, if it promises one. Made by \`${command}\`.`;

export const proceduresTable = (rows: readonly ProcedureRow[]): Table => ({
  head: ['procedure', 'scenario', 'runs', 'nominal', 'rate', 'standard error', 'experiments'],
  rows: rows.map((row) => [
    row.procedure,
    row.scenario,
    `${row.runs}`,
    row.nominal === null ? '-' : `${row.nominal}`,
    row.rate.toFixed(3),
    row.error.toFixed(3),
    `${row.experiments}`,
  ]),
});

/** The table as a document. */
export const proceduresDocument = (procedures: ProcedureReport): string =>
  `${['# Error rates of the procedures', proceduresNote(procedures), markdownTable(proceduresTable(procedures.rows))].join('\n\n')}\n`;
