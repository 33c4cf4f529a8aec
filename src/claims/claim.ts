/** What a claim is: a sentence, a rule fixed before any run, and a judgement as a pure function of run records. */
import type { FinishedRun, RunRecord } from '../runs/record.ts';
import type { Arm } from './arms.ts';

/**
 * `inconclusive`: too few finished runs, or the manipulation that the claim rests on did not take, so the runs cannot
 * speak for or against it.
 */
export type Verdict = 'reproduced' | 'not reproduced' | 'inconclusive';

/** Run records by arm id, failed ones included. */
export type Evidence = Readonly<Record<string, readonly RunRecord[]>>;

/** A number with its interval, in the words of a report. */
export interface Finding {
  readonly label: string;
  readonly value: number;
  readonly interval?: readonly [number, number];
}

export interface Judgement {
  readonly id: string;
  readonly verdict: Verdict;
  /** Why: the rule's parts with their numbers. */
  readonly reason: string;
  /** What `estimate` is, with its unit. */
  readonly measure: string;
  /** Null when no run finished. */
  readonly estimate: number | null;
  readonly interval: readonly [number, number] | null;
  /** Seeds of the finished runs that the estimate comes from. */
  readonly seeds: readonly number[];
  /** Runs that did not finish; they are counted, never dropped silently. */
  readonly failed: number;
  readonly findings: readonly Finding[];
}

export interface Claim {
  readonly id: string;
  /** The sentence that is tested. */
  readonly statement: string;
  /** The decision rule, fixed before any run. */
  readonly rule: string;
  readonly arms: readonly Arm[];
  judge(evidence: Evidence): Judgement;
}

/** Fewer runs than this make every claim inconclusive: with 5, the exact sign-flip test can reach p = 1/32. */
export const FEWEST_RUNS = 5;

export const finishedRuns = (runs: readonly RunRecord[]): FinishedRun[] =>
  runs.filter((run): run is FinishedRun => run.status === 'finished');
