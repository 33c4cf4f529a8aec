/**
 * The setup compiled once: what each phase gives the optimiser, what it trains, after which prefix it is scored and when
 * it ends. Every later part reads this here.
 */
import type { Example, FreshSet, Phase, Prefix, Reward } from '../passwords/roles.ts';
import { FRESH, FRESH_SETS, PHASES } from '../passwords/roles.ts';
import type { Objective, Setup } from '../setup/schema.ts';

/**
 * The losses of the program, in the order in which a step adds them up: its loss is their weighted sum. `dpo` is the loss of the
 * objective, which is DPO in the paper: records have it under that name.
 */
export const LOSSES = ['dpo', 'useful', 'random', 'randomReverse'] as const;
export type LossName = (typeof LOSSES)[number];

/** A value for each loss. */
export type PerLoss<Value> = Readonly<Record<LossName, Value>>;

export const perLoss = <Value>(of: (loss: LossName) => Value): PerLoss<Value> =>
  Object.fromEntries(LOSSES.map((loss) => [loss, of(loss)])) as PerLoss<Value>;

/** What an objective is computed from, besides the negatives' own log-probabilities. */
export interface ObjectiveTraits {
  /** Whether it is given the chosen side of the pairs as well. */
  readonly chosen: boolean;
  /** What it reads of the reference model, at the passwords that it is given. */
  readonly reference: 'none' | 'sums' | 'distributions';
  /** Whether the loss of a sequence depends on the other sequences of its step, so that the step is one pass. */
  readonly wholeStep: boolean;
}

export const OBJECTIVE_TRAITS: Readonly<Record<Objective, ObjectiveTraits>> = {
  dpo: { chosen: true, reference: 'sums', wholeStep: false },
  'gradient-ascent': { chosen: false, reference: 'none', wholeStep: false },
  npo: { chosen: false, reference: 'sums', wholeStep: false },
  unlikelihood: { chosen: false, reference: 'none', wholeStep: false },
  ipo: { chosen: true, reference: 'sums', wholeStep: false },
  kto: { chosen: true, reference: 'sums', wholeStep: true },
  simpo: { chosen: true, reference: 'none', wholeStep: false },
  undial: { chosen: false, reference: 'distributions', wholeStep: false },
};

/** The set of passwords that a stream takes its sequences from. */
export type Source = 'chosen' | 'negatives' | 'useful' | FreshSet;

/** Sequences of one kind. A step has one batch of them, packed next to each other. */
export interface Stream {
  readonly source: Source;
  readonly reward: Reward;
  readonly prefix: Prefix;
  /** The loss that the sequences enter. */
  readonly loss: LossName;
}

type Kind = Exclude<Prefix, 'none'>;

/** A stream before it is known whether the setup uses prefixes. */
type Pattern = Omit<Stream, 'prefix'> & { readonly under: Kind };

const pairs: readonly Pattern[] = [
  { source: 'chosen', reward: 'chosen', loss: 'dpo', under: 'regular' },
  { source: 'negatives', reward: 'rejected', loss: 'dpo', under: 'regular' },
];

const imitated = (source: Source, loss: LossName, under: Kind): Pattern => ({
  source,
  reward: 'imitated',
  loss,
  under,
});

/** The streams of each phase, in the order in which a step packs them. */
const STREAMS: Readonly<Record<Phase, readonly Pattern[]>> = {
  pretrain: [imitated('pretraining', 'random', 'regular')],
  dpo: pairs,
  joint: [
    ...pairs,
    imitated('useful', 'useful', 'reverse'),
    imitated('jointRandom', 'random', 'regular'),
    imitated('jointRandomReverse', 'randomReverse', 'reverse'),
  ],
};

/** What one phase does. */
export interface PhasePlan {
  readonly phase: Phase;
  /** The most steps that the phase takes. */
  readonly steps: number;
  /** The streams whose loss has a weight above 0. */
  readonly streams: readonly Stream[];
  readonly weights: PerLoss<number>;
  readonly trainable: 'all' | 'first-half';
  /** The prefix after which passwords are scored. */
  readonly scoredUnder: Prefix;
  /** The phase ends at the first evaluation with a guess rate of the useful negatives above this; null: at its last step. */
  readonly stopAtUsefulGuessRate: number | null;
  /** The same, of held-out passwords at this or below. */
  readonly stopAtHeldOutGuessRate: number | null;
}

export type Recipe = Readonly<Record<Phase, PhasePlan>>;

/** The prefix that texts of a kind carry: a setup may use none. */
export const prefixOf = ({ prefixes }: Pick<Setup, 'prefixes'>, kind: Kind): Prefix => (prefixes ? kind : 'none');

/** What the recipe depends on. */
export type Compiled = Pick<Setup, 'phases' | 'prefixes' | 'objective'>;

const weightsOf = ({ phases }: Pick<Setup, 'phases'>, phase: Phase): PerLoss<number> => {
  if (phase === 'joint') return phases.joint.weights;
  const only = phase === 'dpo' ? 'dpo' : 'random';
  return perLoss((loss) => (loss === only ? 1 : 0));
};

/** Compiles a setup. */
export function recipeOf(setup: Compiled): Recipe {
  const plan = (phase: Phase): PhasePlan => {
    const weights = weightsOf(setup, phase);
    return {
      phase,
      steps: setup.phases[phase].steps,
      streams: STREAMS[phase]
        .filter(({ loss }) => weights[loss] > 0)
        .filter(({ source }) => source !== 'chosen' || OBJECTIVE_TRAITS[setup.objective].chosen)
        .map(({ under, ...stream }) => ({ ...stream, prefix: prefixOf(setup, under) })),
      weights,
      trainable: phase === 'dpo' ? setup.phases.dpo.trainable : 'all',
      scoredUnder: scoredUnder(setup, phase),
      stopAtUsefulGuessRate: phase === 'joint' ? setup.phases.joint.stopAtUsefulGuessRate : null,
      stopAtHeldOutGuessRate: phase === 'dpo' ? setup.phases.dpo.stopAtHeldOutGuessRate : null,
    };
  };
  return { pretrain: plan('pretrain'), dpo: plan('dpo'), joint: plan('joint') };
}

/** The prefix after which passwords are scored in a phase. */
export const scoredUnder = (setup: Pick<Setup, 'prefixes'>, phase: Phase): Prefix =>
  prefixOf(setup, phase === 'joint' ? 'reverse' : 'regular');

/** Whether a phase is evaluated after `step` steps by its schedule; the end of a phase is evaluated besides. */
export const isScheduled = ({ every, first }: Setup['evaluation'], step: number): boolean => {
  const since = step - (first ?? every);
  return since >= 0 && since % every === 0;
};

/** The steps after which a phase of `steps` steps is evaluated, up to those that it took before it ended. */
export const evaluationSteps = ({ evaluation }: Pick<Setup, 'evaluation'>, steps: number, taken = steps): number[] =>
  Array.from({ length: taken }, (_, index) => index + 1).filter(
    (step) => step === steps || isScheduled(evaluation, step),
  );

/** How many evaluations a phase of `steps` steps has. */
export function evaluationCount({ evaluation: { every, first } }: Pick<Setup, 'evaluation'>, steps: number): number {
  if (steps === 0) return 0;
  const start = first ?? every;
  const scheduled = steps < start ? 0 : 1 + Math.floor((steps - start) / every);
  const endIsScheduled = scheduled > 0 && (steps - start) % every === 0;
  return scheduled + (endIsScheduled ? 0 : 1);
}

/** Whether the guess rates of an evaluation end its phase before its last step. */
export const stops = (
  { stopAtUsefulGuessRate: above, stopAtHeldOutGuessRate: below }: PhasePlan,
  guessRates: Readonly<Record<'heldOut' | 'useful', number>>,
): boolean => (above !== null && guessRates.useful > above) || (below !== null && guessRates.heldOut <= below);

/** Whether some step compares passwords with the reference model. */
export const usesReference = (setup: Compiled): boolean =>
  OBJECTIVE_TRAITS[setup.objective].reference !== 'none' &&
  Object.values(recipeOf(setup)).some(({ steps, streams }) => steps > 0 && streams.some(({ loss }) => loss === 'dpo'));

const IMITATED = new Map<string, LossName>([
  ...Object.values(STREAMS)
    .flat()
    .filter(({ reward }) => reward === 'imitated')
    .map(({ source, loss }): [string, LossName] => [FRESH[source as FreshSet] ?? source, loss]),
  ['stand-in', 'useful'],
]);

/**
 * The loss that a sequence enters, by the label that the ledger checks. An imitated sequence in a role that no stream has,
 * which the ledger refuses, counts as random text.
 */
export const lossOf = ({ reward, role }: Pick<Example, 'reward' | 'role'>): LossName =>
  reward === 'imitated' ? (IMITATED.get(role) ?? 'random') : 'dpo';

/**
 * How many passwords of each set of random text a run draws. `jointRandom` is drawn even where its weight is 0, so that an
 * arm without that loss has the passwords of the arm with it.
 */
export function freshTexts(setup: Pick<Setup, 'phases' | 'batch'>): Readonly<Record<FreshSet, number>> {
  const isDrawn = (set: FreshSet, phase: Phase) =>
    STREAMS[phase].some(
      ({ source, loss }) => source === set && (set === 'jointRandom' || weightsOf(setup, phase)[loss] > 0),
    );
  const rows = (set: FreshSet) =>
    PHASES.filter((phase) => isDrawn(set, phase)).reduce((sum, phase) => sum + setup.phases[phase].steps, 0) *
    setup.batch;
  return Object.fromEntries(FRESH_SETS.map((set) => [set, rows(set)])) as Record<FreshSet, number>;
}
