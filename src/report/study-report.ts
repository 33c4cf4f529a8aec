/** A study with its claims judged: what every table and figure of a report is made from. */
import { CLAIMS, type Claim, type Evidence, type Judgement } from '../claims/index.ts';
import type { FinishedRun } from '../runs/record.ts';
import { evidenceOf, type PooledStudy, type Study } from '../runs/study.ts';
import { finishedRuns } from '../runs/view.ts';
import { holm } from '../statistics/index.ts';

export interface JudgedClaim {
  readonly claim: Claim;
  readonly judgement: Judgement;
  /** The claim's p after Holm's correction over all claims of the study that have one. */
  readonly adjustedP: number | null;
}

export interface StudyReport {
  readonly name: string;
  readonly study: Study;
  /** Records that were given more than once, and are counted once. */
  readonly repeated: number;
  readonly evidence: Evidence;
  readonly claims: readonly JudgedClaim[];
  /** Claims of which some arm has no run in this study. */
  readonly notRun: readonly Claim[];
}

/** How a report gets its judgements; of simulated runs, which are no records to check, by the rule alone. */
export type Judge = (claim: Claim, evidence: Evidence) => Judgement;

/** Judges every claim whose arms all have runs. */
export function reportOf(
  study: Study & Partial<PooledStudy>,
  judge: Judge = (claim, evidence) => claim.judge(evidence),
): StudyReport {
  const evidence = evidenceOf(study);
  const ready = CLAIMS.filter(({ arms }) => arms.every(({ id }) => evidence[id] !== undefined));
  const judgements = ready.map((claim) => judge(claim, evidence));
  const tested = judgements.filter(({ p }) => p !== null);
  const adjusted = holm(tested.map(({ p }) => p as number));
  return {
    name: study.name ?? study.setup.name,
    study,
    repeated: study.repeated ?? 0,
    evidence,
    claims: ready.map((claim, index) => {
      const judgement = judgements[index];
      return { claim, judgement, adjustedP: judgement.p === null ? null : adjusted[tested.indexOf(judgement)] };
    }),
    notRun: CLAIMS.filter((claim) => !ready.includes(claim)),
  };
}

/** The judgement on a claim, or undefined where it was not run in this study. @throws RangeError where there is no such claim */
export function judgementOf(
  { claims, notRun }: Pick<StudyReport, 'claims' | 'notRun'>,
  id: string,
): Judgement | undefined {
  const judged = claims.find(({ claim }) => claim.id === id);
  if (judged === undefined && notRun.every((claim) => claim.id !== id)) throw new RangeError(`there is no claim ${id}`);
  return judged?.judgement;
}

/** The estimate of a claim that was judged: what figures and tables draw, so that they say the claim's number. */
export function claimed(
  report: StudyReport,
  id: string,
): { readonly value: number; readonly interval: readonly [number, number] } | null {
  const judgement = judgementOf(report, id);
  if (judgement === undefined || judgement.estimate === null || judgement.interval === null) return null;
  return { value: judgement.estimate, interval: judgement.interval };
}

/** The finished runs of one arm. */
export const runsOf = ({ evidence }: Pick<StudyReport, 'evidence'>, arm: string): FinishedRun[] =>
  finishedRuns(evidence[arm] ?? []);

/** The rule for what a report corrects, beyond the corrections inside each claim. */
export const FAMILY =
  'Each claim is decided by its own rule. Beside it stands a one-sided p of the claim as a whole, corrected by Holm over all claims ' +
  'of the study that have one (claims that something is absent have none): below 0.05, the claim survives having asked so many questions.';
