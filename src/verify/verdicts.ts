/** Judges again what was judged, and compares it with the verdicts that stand beside the records. */
import path from 'node:path';
import { z } from 'zod';
import { ARMS, armSetup } from '../claims/arms.ts';
import { CLAIMS } from '../claims/index.ts';
import { independenceProblems, inWords } from '../claims/validity.ts';
import { runId } from '../lab/store.ts';
import { readTextIfThere } from '../records/bounded.ts';
import { nameOf, RecordError } from '../records/record.ts';
import { evidenceOf, type PooledStudy } from '../records/study.ts';
import { SetupError } from '../setup/schema.ts';
import { parseJson } from '../untrusted.ts';
import type { Outcome } from './record.ts';

const judged = z.object({
  id: z.string(),
  verdict: z.string(),
  estimate: z.number().nullable(),
  /** JSON has no infinite numbers: the interval of a single run has none. */
  interval: z.tuple([z.number().nullable(), z.number().nullable()]).nullable(),
  seeds: z.array(z.number()),
});
type Judged = z.infer<typeof judged>;

/** What `reproduce` and `report` call claims.json. */
const documentSchema = z.union([
  z.object({ claims: z.array(judged), runs: z.array(z.object({ record: z.string() })) }),
  z.object({ studies: z.array(z.object({ name: z.string(), claims: z.array(judged) })) }),
]);
export type ClaimsDocument = z.infer<typeof documentSchema>;

/**
 * The verdicts of a report.
 * @returns null where there is no such file
 * @throws RecordError where it is damaged
 */
export function readVerdicts(file: string): ClaimsDocument | null {
  const text = readTextIfThere(file);
  if (text === null) return null;
  try {
    return documentSchema.parse(parseJson(text));
  } catch {
    throw new RecordError(`${file} is no claims.json as \`reproduce\` or \`report\` writes it`);
  }
}

/** Exponentials of another JavaScript engine may differ in their last digits. */
const near = (a: number | null, b: number | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)));

/** What is judged otherwise now, or undefined. */
function changed(before: Judged, now: Judged): string | undefined {
  if (before.verdict !== now.verdict) return `it says ${before.verdict}, and the records give ${now.verdict}`;
  if (before.seeds.join() !== now.seeds.join())
    return `it says seeds ${before.seeds.join()}, and the records have ${now.seeds.join()}`;
  const [was, is] = [before, now].map(({ estimate, interval }) => [estimate, ...(interval ?? [null, null])]);
  if (was.every((value, index) => near(value, is[index]))) return undefined;
  return `it says ${was.join(', ')}, and the records give ${is.join(', ')}`;
}

/** The part of a study that one `reproduce` judged. */
function partOf(study: PooledStudy, runs: readonly { record: string }[]): PooledStudy {
  const names = new Set(runs.map(({ record }) => path.basename(record)));
  const own = ({ setup, engine }: PooledStudy['records'][number]) => names.has(`${runId(setup, engine.name)}.json`);
  return { ...study, records: study.records.filter(own) };
}

/** Records that go by the name of an arm and are not of its setup, and those of no arm at all. */
function strangers(study: PooledStudy, judged: ReadonlySet<unknown>): Outcome[] {
  const names = new Set(
    ARMS.flatMap((arm) => {
      try {
        return [armSetup({ ...study.setup, seed: 0 }, arm).name];
      } catch (error) {
        if (error instanceof SetupError) return []; // an arm that this setup cannot have
        throw error;
      }
    }),
  );
  return study.records
    .filter((record) => !judged.has(record))
    .map((record): Outcome => {
      const common = { check: 'independence', what: nameOf(record) } as const;
      return names.has(record.setup.name)
        ? {
            ...common,
            result: 'differs',
            reason: `its setup is not the one that ${record.setup.name} is in this study`,
          }
        : { ...common, result: 'unknown', reason: 'it is of no arm of this study, so no claim reads it' };
    });
}

/**
 * Checks that the study's runs can bear verdicts, and the verdicts of `document` where there is one.
 * @param document verdicts that stand beside the records, or null
 */
export function verifyVerdicts(study: PooledStudy, document: ClaimsDocument | null): Outcome[] {
  const evidence = evidenceOf(study);
  const what = study.name;
  const arms = CLAIMS.flatMap((claim) => claim.arms).filter(({ id }) => evidence[id] !== undefined);
  const together = independenceProblems([...new Set(arms)], evidence);
  const outcomes: Outcome[] = [
    together.length === 0
      ? { check: 'independence', what, result: 'agrees' }
      : { check: 'independence', what, result: 'differs', reason: inWords(together) },
  ];
  outcomes.push(...strangers(study, new Set(Object.values(evidence).flat())));
  const recorded =
    document === null
      ? undefined
      : 'claims' in document
        ? { claims: document.claims, study: partOf(study, document.runs) }
        : { claims: document.studies.find(({ name }) => name === study.name)?.claims, study };
  if (recorded?.claims === undefined) {
    const reason = document === null ? 'no verdicts stand beside the records' : 'its verdicts are of other studies';
    return [...outcomes, { check: 'verdicts', what, result: 'unknown', reason }];
  }
  const judgedOn = evidenceOf(recorded.study);
  for (const before of recorded.claims) {
    const claim = CLAIMS.find(({ id }) => id === before.id);
    const of = `${study.name}, claim ${before.id}`;
    const ready = claim?.arms.every(({ id }) => judgedOn[id] !== undefined) ?? false;
    const reason =
      claim === undefined
        ? 'there is no such claim'
        : ready
          ? changed(before, judged.parse(JSON.parse(JSON.stringify(claim.judge(judgedOn)))))
          : 'the records of its runs are not here';
    outcomes.push(
      reason === undefined
        ? { check: 'verdicts', what: of, result: 'agrees' }
        : { check: 'verdicts', what: of, result: 'differs', reason },
    );
  }
  return outcomes;
}
