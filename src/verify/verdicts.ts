/** Judges records again, and compares the verdicts with those that stand beside the records. */
import { ARMS, armSetup } from '../claims/arms.ts';
import { CLAIMS, type Judgement } from '../claims/index.ts';
import { independenceProblems, inWords } from '../claims/validity.ts';
import { readTextIfThere } from '../records/bounded.ts';
import { nameOf, RecordError } from '../records/record.ts';
import { evidenceOf, type PooledStudy } from '../records/study.ts';
import { type ClaimsJson, claimsJsonSchema } from '../report/files/claims-json.ts';
import { setupHash } from '../setup/hash.ts';
import { SetupError } from '../setup/schema.ts';
import { parseJson } from '../untrusted.ts';
import { compared, type Outcome, unknown } from './record.ts';

type Judged = Pick<ClaimsJson['studies'][number]['claims'][number], 'verdict' | 'estimate' | 'interval' | 'seeds'>;

/**
 * The verdicts of a report.
 * @returns null where there is no such file
 * @throws RecordError where it is damaged
 */
export function readVerdicts(file: string): ClaimsJson | null {
  const text = readTextIfThere(file);
  if (text === null) return null;
  try {
    return claimsJsonSchema.parse(parseJson(text));
  } catch {
    throw new RecordError(
      `${file} is no claims.json as \`reproduce\` or \`report\` writes it; name another with --against`,
    );
  }
}

/** Exponentials of another JavaScript engine may differ in their last digits. */
const near = (a: number | null, b: number | null): boolean =>
  a === b || (a !== null && b !== null && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)));

/** How a verdict differs from the one that was recorded, or undefined. */
function changed(before: Judged, now: Judged): string | undefined {
  if (before.verdict !== now.verdict) return `it says ${before.verdict}, and the records give ${now.verdict}`;
  if (before.seeds.join() !== now.seeds.join())
    return `it says seeds ${before.seeds.join()}, and the records have ${now.seeds.join()}`;
  const [was, is] = [before, now].map(({ estimate, interval }) => [estimate, ...(interval ?? [null, null])]);
  if (was.every((value, index) => near(value, is[index]))) return undefined;
  return `it says ${was.join(', ')}, and the records give ${is.join(', ')}`;
}

/** The judgement as a file has it. */
const inJson = (judgement: Judgement): Judged => JSON.parse(JSON.stringify(judgement));

/** The part of a study that was judged. */
function partOf(study: PooledStudy, judgedOn: readonly string[]): PooledStudy {
  const hashes = new Set(judgedOn);
  return { ...study, records: study.records.filter(({ setupHash }) => hashes.has(setupHash)) };
}

/** Records that bear an arm's name but have another setup, and records of no arm at all. */
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
    .map((record) => {
      const { name } = record.setup;
      return names.has(name)
        ? compared('independence', nameOf(record), `its setup is not the one that ${name} is in this study`)
        : unknown('independence', nameOf(record), 'it is of no arm of this study, so no claim reads it');
    });
}

/**
 * Checks that the study's runs are independent, and that the recorded verdicts follow from them.
 * @param document the verdicts that stand beside the records, or null
 */
export function verifyVerdicts(study: PooledStudy, document: ClaimsJson | null): Outcome[] {
  const evidence = evidenceOf(study);
  const what = study.name;
  const arms = CLAIMS.flatMap((claim) => claim.arms).filter(({ id }) => evidence[id] !== undefined);
  const together = independenceProblems([...new Set(arms)], evidence);
  const outcomes = [
    compared('independence', what, together.length === 0 ? undefined : inWords(together)),
    ...strangers(study, new Set(Object.values(evidence).flat())),
  ];
  if (document === null) return [...outcomes, unknown('verdicts', what, 'no verdicts stand beside the records')];
  const hash = setupHash(study.setup);
  const ofSetup = document.studies.filter((judged) => judged.setupHash === hash);
  // Names tell studies of one setup apart; a document that has one such study may give it another name.
  const recorded = ofSetup.find(({ name }) => name === study.name) ?? (ofSetup.length === 1 ? ofSetup[0] : undefined);
  if (recorded === undefined) return [...outcomes, unknown('verdicts', what, 'its verdicts are of other studies')];
  const judgedOn = recorded.judgedOn === null ? evidence : evidenceOf(partOf(study, recorded.judgedOn));
  for (const before of recorded.claims) {
    const claim = CLAIMS.find(({ id }) => id === before.id);
    const ready = claim?.arms.every(({ id }) => judgedOn[id] !== undefined) ?? false;
    const reason =
      claim === undefined
        ? 'there is no such claim'
        : ready
          ? changed(before, inJson(claim.judge(judgedOn)))
          : 'the records of its runs are not here';
    outcomes.push(compared('verdicts', `${what}, claim ${before.id}`, reason));
  }
  return outcomes;
}
