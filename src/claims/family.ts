/** All claims that the runs of a study can be judged on, with a correction for asking so many questions. */
import { holm } from '../statistics/index.ts';
import type { Claim, Evidence, Judgement } from './claim.ts';
import type { Estimate } from './evidence.ts';
import { CLAIMS } from './index.ts';

export interface JudgedClaim {
  readonly claim: Claim;
  readonly judgement: Judgement;
  /** The claim's p after Holm's correction over all claims of the study that have one. */
  readonly adjustedP: number | null;
}

export interface Family {
  readonly claims: readonly JudgedClaim[];
  /** Claims that have an arm without a run, or that compare arms which are one and the same at this setup. */
  readonly notRun: readonly Claim[];
}

/** How a claim is judged: simulated runs, which are no records to check, are judged by the rule alone. */
export type Judge = (claim: Claim, evidence: Evidence) => Judgement;

/** Whether a claim compares arms that have the very same runs: there is nothing to compare. */
const comparesNothing = ({ arms }: Claim, evidence: Evidence): boolean =>
  arms.length > 1 &&
  arms.every(({ id }) => evidence[id].every((run, index) => run.setupHash === evidence[arms[0].id][index]?.setupHash));

/** Claims with their judgements, corrected over those that were judged. */
export function familyOf(claims: readonly Claim[], judgements: readonly Judgement[]): Family {
  const tested = judgements.filter(({ p }) => p !== null);
  const adjusted = holm(tested.map(({ p }) => p as number));
  return {
    claims: claims.map((claim, index) => {
      const judgement = judgements[index];
      return { claim, judgement, adjustedP: judgement.p === null ? null : adjusted[tested.indexOf(judgement)] };
    }),
    notRun: CLAIMS.filter((claim) => !claims.includes(claim)),
  };
}

/** Judges every claim whose arms all have runs, and differ. */
export function judgeAll(evidence: Evidence, judge: Judge = (claim) => claim.judge(evidence)): Family {
  const ready = CLAIMS.filter(
    (claim) => claim.arms.every(({ id }) => evidence[id] !== undefined) && !comparesNothing(claim, evidence),
  );
  return familyOf(
    ready,
    ready.map((claim) => judge(claim, evidence)),
  );
}

/** The judgement on a claim, or undefined where it was not run. @throws RangeError where there is no such claim */
export function judgementOf({ claims, notRun }: Family, id: string): Judgement | undefined {
  const judged = claims.find(({ claim }) => claim.id === id);
  if (judged === undefined && notRun.every((claim) => claim.id !== id)) throw new RangeError(`there is no claim ${id}`);
  return judged?.judgement;
}

/** What a claim has estimated. */
export type Claimed = Pick<Estimate, 'value' | 'interval'>;

/** The estimate of a claim that was judged: figures and tables draw it, so that they show the claim's number. */
export function claimed(family: Family, id: string): Claimed | null {
  const { estimate = null, interval = null } = judgementOf(family, id) ?? {};
  return estimate === null || interval === null ? null : { value: estimate, interval };
}

/** What is corrected beyond the corrections inside each claim. */
export const FAMILY =
  'Each claim is decided by its own rule. Beside it stands a one-sided p of the claim as a whole, corrected by Holm over all claims ' +
  'of the study that have one (claims that something is absent have none): below 0.05, the claim survives having asked so many questions.';
