/** What a claim is: a sentence, a rule fixed before any run, and a judgement as a pure function of run records. */
import type { RunRecord } from '../records/record.ts';
import type { Views } from '../records/view.ts';
import type { Arm } from './arms.ts';

/**
 * `inconclusive`: too few finished runs, or the manipulation that the claim rests on did not take, so the runs cannot
 * speak for or against it. `invalid`: the records contradict their setup, themselves or each other, so there is no verdict.
 */
export type Verdict = 'reproduced' | 'not reproduced' | 'inconclusive' | 'invalid';

/** Run records by arm id, failed ones included. */
export type Evidence = Readonly<Record<string, readonly RunRecord[]>>;

/** Names a finding: its label may be reworded, its key may not. No two findings of a judgement share one. */
export type FindingKey =
  | 'after-phase-2'
  | 'bayes-factor'
  | 'bca-interval'
  | 'checkpoint/chosen-on-the-other-half/control'
  | 'checkpoint/chosen-on-the-other-half/held-out'
  | 'checkpoint/highest/control'
  | 'checkpoint/highest/held-out'
  | 'checkpoint/last-five'
  | 'checkpoint/useful-learned'
  | 'control'
  | 'control-perf'
  | 'control-top-rate'
  | 'deviation-over-runs'
  | 'direction/after-phase-2'
  | 'direction/regular'
  | 'direction/reverse'
  | 'direction/reverse-minus-regular'
  | 'effect-size'
  | 'expected-scatter'
  | 'held-out-minus-control'
  | 'held-out-minus-control/sign-flip-p'
  | 'held-out-perf'
  | 'held-out-top-rate'
  | 'last-step'
  | 'leave-one-out'
  | 'minus-baseline'
  | 'minus-milder-weights'
  | 'paper-statistic'
  | 'paper-statistic/control'
  | 'paper-statistic/t-test-p'
  | 'paper-statistic/two-sided-p'
  | 'patched/before'
  | 'patched/first-half'
  | 'patched/second-half'
  | 'patched/whole'
  | 'percentile-interval'
  | 'phase-2-steps'
  | 'posterior-above-chance'
  | 'power'
  | 'prediction'
  | 'rise'
  | 'runs-needed'
  | 'sign-flip-p'
  | 'steps-to-chance'
  | 't-test-p'
  | 'two-sided-p'
  | 'useful';

/** A number with its interval, in the words of a report. */
export interface Finding {
  readonly key: FindingKey;
  readonly label: string;
  readonly value: number;
  readonly interval?: readonly [number, number];
  /** What the number says, for a reader who knows no statistics. */
  readonly meaning?: string;
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
  /**
   * One-sided p of the claim as a whole, for the correction over all claims of a report. Null for a claim that something
   * is absent: no small p can show that.
   */
  readonly p: number | null;
  readonly findings: readonly Finding[];
  /** The cells of a claim about a grid, in the grid's order. */
  readonly cells?: readonly Cell[];
}

/** One cell of a grid: the runs of one arm. */
export interface Cell {
  /** The arm's id, which names the cell: no two cells of a judgement share one. */
  readonly arm: string;
  readonly label: string;
  readonly seeds: readonly number[];
  readonly failed: number;
  /** Whether enough runs finished and the useful negatives rose, so that the cell can speak for or against the effect. */
  readonly readable: boolean;
  /** Held-out guess rate (1 = chance); null when no run finished. */
  readonly estimate: number | null;
  readonly interval: readonly [number, number] | null;
  /** Deviation that one run's held-out guess rate would have, did the model know nothing of these passwords; mean over runs. */
  readonly expectedScatter: number | null;
  /** Mean guess rates of the useful negatives and of the control. */
  readonly useful: number | null;
  readonly random: number | null;
  /** 95% interval of the control's guess rate. */
  readonly randomInterval: readonly [number, number] | null;
  /** One-sided p that the held-out guess rate is above 1; 1 for a cell that cannot be read. */
  readonly p: number;
  /** The same after Holm's correction over the grid. */
  readonly adjustedP: number;
}

export interface Claim {
  readonly id: string;
  /** The sentence that is tested. */
  readonly statement: string;
  /** The decision rule, fixed before any run. */
  readonly rule: string;
  readonly arms: readonly Arm[];
  /** Checks that the records can bear a verdict, then weighs them. */
  judge(evidence: Evidence): Judgement;
  /**
   * The rule alone, on the views that it reads: for simulated experiments, which have no records to check.
   * @throws RangeError where a seed is given twice: two equal runs are one piece of evidence
   */
  weigh(views: Views): Judgement;
}

/** Fewer runs than this make every claim inconclusive: with 5, the exact sign-flip test can reach p = 1/32. */
export const FEWEST_RUNS = 5;

/** A finding that the judgement may lack: runs that do not differ have no Bayes factor, for example. */
export const optionalFinding = ({ findings }: Pick<Judgement, 'findings'>, key: FindingKey): Finding | undefined =>
  findings.find((finding) => finding.key === key);

/** A finding that the judgement has. @throws RangeError where it lacks it */
export function findingOf(judgement: Pick<Judgement, 'id' | 'findings'>, key: FindingKey): Finding {
  const finding = optionalFinding(judgement, key);
  if (finding === undefined) throw new RangeError(`the judgement on ${judgement.id} has no finding ${key}`);
  return finding;
}

/** The cell of an arm in a judgement on a grid. @throws RangeError where the grid has none */
export function cellOf({ id, cells }: Pick<Judgement, 'id' | 'cells'>, arm: string): Cell {
  const cell = cells?.find((candidate) => candidate.arm === arm);
  if (cell === undefined) throw new RangeError(`the judgement on ${id} has no cell ${arm}`);
  return cell;
}
