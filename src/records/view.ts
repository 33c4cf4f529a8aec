/** What claims read of a run. A claim never sees a whole record, so a simulated run is a view and nothing else. */
import type { Measures } from '../measure/measures.ts';
import type { Prefix, SetName } from '../passwords/roles.ts';
import type { Setup } from '../setup/schema.ts';
import { type FinishedRun, nameOf, type RunRecord } from './record.ts';

export type { SetName };
/** The phases at whose end every letter is scored. */
export type PhaseEnd = 'dpo' | 'joint';

type PerSet<Value> = Readonly<Record<SetName, Value>>;
/** The scores of a set at one moment: its letters, and what else was kept of them. */
export interface ViewedScores {
  /** `[passwords][letters]`, nats. */
  readonly logProbabilities: number[][];
  readonly letterShares?: number[][];
  readonly ranks?: number[][];
  /** By layer, the embedding first. */
  readonly lens?: readonly { readonly logLikelihood: number; readonly guessRate: number }[];
  readonly calibrated?: {
    readonly inverseTemperatures: readonly [number, number];
    readonly logLikelihoods?: readonly number[];
  };
}

export interface Evaluation {
  readonly phase: FinishedRun['evaluations'][number]['phase'];
  readonly step: number;
  /** L2 norm of all parameters together; records before version 5 do not have it. */
  readonly parameterNorm?: number;
  readonly sets: PerSet<Measures & { readonly halves: readonly [Measures, Measures] }>;
}

export interface RunView {
  readonly status: 'finished';
  readonly setup: Setup;
  /** What a run was taken apart into, where its setup asks for it. */
  readonly dissection?: FinishedRun['dissection'];
  /** Every evaluation, in order. */
  readonly evaluations: readonly Evaluation[];
  /** Whether letters were scored at the end of a phase after this prefix, and kept. */
  keeps(phase: PhaseEnd, prefix: Prefix): boolean;
  /** Scores of a set at the end of a phase after this prefix. @throws RangeError where they were not kept */
  at(phase: PhaseEnd, prefix: Prefix, set: SetName): ViewedScores;
}

/** A run that did not finish: it is counted, and nothing else is known of it. */
export interface FailedView {
  readonly status: 'failed';
  readonly setup: Setup;
}

/** Views by arm id, failed runs included. */
export type Views = Readonly<Record<string, readonly (RunView | FailedView)[]>>;

/** What a view is made of: a finished record has it, and so has a training's outcome with its setup. */
export interface Viewed {
  readonly setup: Setup;
  readonly evaluations: readonly Evaluation[];
  readonly dissection?: FinishedRun['dissection'];
  readonly snapshots: readonly {
    readonly phase: string;
    readonly prefix: Prefix;
    readonly sets: PerSet<ViewedScores>;
  }[];
}

export function viewOf({ setup, evaluations, dissection, snapshots }: Viewed): RunView {
  const found = (phase: PhaseEnd, prefix: Prefix) =>
    snapshots.find((snapshot) => snapshot.phase === phase && snapshot.prefix === prefix);
  return {
    status: 'finished',
    setup,
    evaluations,
    dissection,
    keeps: (phase, prefix) => found(phase, prefix) !== undefined,
    at(phase, prefix, set) {
      const snapshot = found(phase, prefix);
      if (snapshot === undefined)
        throw new RangeError(`${nameOf({ setup })} keeps no scores of the end of phase ${phase} after \`${prefix}\``);
      return snapshot.sets[set];
    },
  };
}

/** The views of records by arm. */
export const viewsOf = (evidence: Readonly<Record<string, readonly RunRecord[]>>): Views =>
  Object.fromEntries(
    Object.entries(evidence).map(([arm, runs]) => [
      arm,
      runs.map((run) => (run.status === 'failed' ? { status: run.status, setup: run.setup } : viewOf(run))),
    ]),
  );

/** Those that finished. */
export const finishedRuns = <Run extends { readonly status: 'finished' | 'failed' }>(runs: readonly Run[]) =>
  runs.filter((run): run is Extract<Run, { status: 'finished' }> => run.status === 'finished');
