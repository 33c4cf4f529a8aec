/** claims.json: judged claims for programs. `reproduce` and `report` write the same document, and one schema reads it. */
import * as z from 'zod';
import { FAMILY } from '../../claims/family.ts';
import type { Predicted } from '../../claims/prediction.ts';
import { nameOf } from '../../records/record.ts';
import { setupHash } from '../../setup/hash.ts';
import type { ReferenceCode } from '../reference-code.ts';
import { failedRuns, provenance, type StudyReport } from '../study-report.ts';

/** Null where it is infinite, as for a single run: JSON has no infinite numbers. */
const bound = z.number().nullable();
const interval = z.tuple([bound, bound]);

const judgedSchema = z.object({
  id: z.string(),
  statement: z.string(),
  rule: z.string(),
  verdict: z.string(),
  reason: z.string(),
  measure: z.string(),
  estimate: z.number().nullable(),
  interval: interval.nullable(),
  seeds: z.array(z.number()),
  failed: z.number(),
  p: z.number().nullable(),
  adjustedP: z.number().nullable(),
  findings: z.array(z.object({ key: z.string(), label: z.string(), value: z.number().nullable() })),
});

/** What of a claims.json is read again; what else stands in it is for other readers. */
export const claimsJsonSchema = z.object({
  command: z.string(),
  studies: z.array(
    z.object({
      name: z.string(),
      setupHash: z.string(),
      /** Setup hashes of the runs that were judged, where these are not all runs of the study. */
      judgedOn: z.array(z.string()).nullable(),
      claims: z.array(judgedSchema),
    }),
  ),
});
export type ClaimsJson = z.infer<typeof claimsJsonSchema>;

/** A study, its claims, and how it was judged. */
export interface ClaimsOf extends Pick<StudyReport, 'name' | 'study' | 'claims' | 'notRun'> {
  /** Whether its folder may hold runs that were not judged. */
  readonly inPart: boolean;
  /** Whether the main claim's estimate lies where the reference report predicts. */
  readonly prediction: Predicted | null;
}

/** The document, as text. @param referenceCode runs of the paper's own code, where the report has them beside ours */
export function claimsJson(
  command: string,
  studies: readonly ClaimsOf[],
  referenceCode: ReferenceCode | null = null,
): string {
  const document = {
    command,
    family: FAMILY,
    studies: studies.map((of) => ({
      name: of.name,
      setupHash: setupHash(of.study.setup),
      commands: of.study.commands,
      environments: provenance(of),
      runs: of.study.records.length,
      taken: of.study.taken ?? [],
      judgedOn: of.inPart ? of.study.records.map((record) => record.setupHash) : null,
      failed: failedRuns(of).map((record) => ({ run: nameOf(record), error: record.error.message })),
      claims: of.claims.map(({ claim: { statement, rule }, judgement, adjustedP }) => ({
        statement,
        rule,
        ...judgement,
        adjustedP,
      })),
      notRun: of.notRun.map(({ id }) => id),
      prediction: of.prediction,
    })),
    referenceCode,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
