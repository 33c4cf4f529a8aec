/**
 * Trains one setup through its three phases. The trainer is a sequence of moments: each optimiser step changes its
 * state, and the state between two steps is all that a checkpoint holds, so a resumed run continues bit for bit.
 */
import { mean } from 'simple-statistics';
import { tf } from '../engine/engine.ts';
import { newGraphs } from '../engine/graphs.ts';
import { guessRates, half, logLikelihoods, type Measures, measure, type Scores } from '../measure/measures.ts';
import { type Calibrated, calibrate } from '../measure/temperature.ts';
import {
  initialValues,
  loadParameters,
  type ParameterValues,
  parametersDigest,
  valuesOf,
} from '../model/parameters.ts';
import { buildCorpus, type Corpus, evaluationPrefix, prefixOf } from '../passwords/corpus.ts';
import { type PasswordDigests, passwordDigests } from '../passwords/digests.ts';
import { batchGiven, type Ledger, type LedgerState, type LedgerSummary, openLedger } from '../passwords/ledger.ts';
import { measureOverlap, type Overlap } from '../passwords/overlap.ts';
import type { Phase, Prefix } from '../passwords/roles.ts';
import { scratchTokenIds, type TokenIds, tokenBatch } from '../passwords/tokens.ts';
import { type Setup, SetupError } from '../setup/schema.ts';
import { inputLength } from '../setup/sizes.ts';
import { DivergenceError, newOptimiser, type Optimiser, type OptimiserState } from './optimiser.ts';
import { learningRate } from './schedule.ts';
import { lens, letterLogits, type Reader, score } from './scoring.ts';
import { type Losses, PARTS, stepInPasses } from './step.ts';
import { lossWeights, nextUpdate, PHASES, trainableIn } from './updates.ts';

export { PHASES };
export const SETS = ['heldOut', 'useful', 'random'] as const;
/** The kinds of password that are scored; `random` are the fresh control passwords. */
export type SetName = (typeof SETS)[number];

/** Losses and gradient norm (before clipping) of every step of a phase, in order. A part not trained on is null. */
export interface Trajectory {
  total: number[];
  dpo: (number | null)[];
  useful: (number | null)[];
  random: (number | null)[];
  randomReverse: (number | null)[];
  gradientNorm: number[];
}

/** Measures of each set after `step` steps of a phase; the halves are its passwords at even and at odd places. */
export interface Evaluation {
  phase: Phase;
  step: number;
  sets: Record<SetName, Measures & { halves: [Measures, Measures] }>;
}

/** The letter-by-letter scores of every scored password at one moment, after one prefix. */
export interface Snapshot {
  phase: Phase;
  step: number;
  prefix: Prefix;
  sets: Record<SetName, Scores & { passwords: string[] }>;
}

/** A snapshot that the record keeps, with what is only looked at there. */
export interface Examination extends Snapshot {
  sets: Record<SetName, Scores & { passwords: string[]; lens: LayerMeasures[]; calibrated: Calibrated }>;
}

/** What the residual stream after one layer says of a set of passwords; the embedding is layer 0. */
export interface LayerMeasures {
  logLikelihood: number;
  guessRate: number;
}

/** Everything measured so far; the part of a checkpoint that becomes the run record. */
export interface History {
  trajectories: Record<Phase, Trajectory>;
  evaluations: Evaluation[];
  /**
   * At the end of phase 2 (where it is not skipped) and at the end of the run; there under `reverse`, then under
   * `regular`, which is what tells whether the knowledge shows without the prefix that flips it.
   */
  snapshots: Examination[];
}

/** The state between two steps. */
export interface TrainerState {
  /** The phase of the next step. */
  phase: Phase;
  /** The next step, from 0. */
  step: number;
  values: ParameterValues;
  /** Empty before the first step of a phase. */
  optimiser: OptimiserState;
  /** Reference log-probabilities by password, once phase 1 is over. */
  reference: Map<string, number> | null;
  ledger: LedgerState;
  /** Digest of the updates so far, as of their learning rates, weights and settings. */
  updates: string;
  /** Digest of the parameters that the run began with. */
  initialParameters: string;
  history: History;
}

/** What a finished training run yields. */
export interface Outcome extends History {
  ledger: LedgerSummary;
  /** What the rewarded text that the ledger saw shares with held-out and control passwords. */
  overlap: Overlap[];
  digests: {
    passwords: PasswordDigests;
    initialParameters: string;
    /** Learning rates, loss weights and settings of every update. */
    updates: string;
  };
  /** SHA-256 of the final parameters: two runs that agree here agree in every bit. */
  parametersDigest: string;
}

/** Progress after a step, for people watching. */
export interface Progress {
  phase: Phase;
  step: number;
  steps: number;
  loss: number;
  /** Tokens the optimiser was given so far by this process. */
  tokens: number;
  evaluation: Evaluation | null;
}

export interface TrainerOptions {
  /** Where to go on from; absent for a new run. */
  from?: TrainerState;
  /** What a new run starts from; drawn from the setup's seed when absent. Needed where the setup names a pretrained model. */
  start?: ParameterValues;
  /** Tokens of letters and prefixes; those of a from-scratch model when absent. */
  ids?: TokenIds;
  corpus?: Corpus;
  /** Called after every step, once its evaluation (if any) is done. */
  onProgress?: (progress: Progress) => void;
  /** Called at every evaluation with the state to save, where {@link checkpointDue} allows it. */
  onCheckpoint?: (state: TrainerState) => void | Promise<void>;
  /** Whether a checkpoint is worth its time now; always, when absent. Results do not depend on it. */
  checkpointDue?: () => boolean;
  /** Called with the trained parameters at the end. */
  onTrained?: (values: ParameterValues) => void | Promise<void>;
}

const emptyTrajectory = (): Trajectory => ({
  total: [],
  dpo: [],
  useful: [],
  random: [],
  randomReverse: [],
  gradientNorm: [],
});

/** The state of a run that has not begun. */
export function initialState(setup: Setup, ledger: Ledger, values = initialValues(setup)): TrainerState {
  return {
    phase: 'pretrain',
    step: 0,
    values,
    optimiser: new Map(),
    reference: null,
    ledger: ledger.state(),
    updates: '',
    initialParameters: parametersDigest(values),
    history: {
      trajectories: { pretrain: emptyTrajectory(), dpo: emptyTrajectory(), joint: emptyTrajectory() },
      evaluations: [],
      snapshots: [],
    },
  };
}

export const phaseSteps = (setup: Setup, phase: Phase): number => setup.phases[phase].steps;

/** Something of each set of passwords. */
const ofEachSet = <Value>(of: (set: SetName) => Value): Record<SetName, Value> => ({
  heldOut: of('heldOut'),
  useful: of('useful'),
  random: of('random'),
});

/** The passwords that are scored: the first so many held-out and useful ones, and the fresh random ones. */
const scoredPasswords = ({ evaluation }: Setup, corpus: Corpus): Record<SetName, readonly string[]> => ({
  heldOut: corpus.heldOut.slice(0, evaluation.heldOut),
  useful: corpus.useful.slice(0, evaluation.useful),
  random: corpus.control,
});

/** Scores the held-out, useful and random passwords. */
function takeSnapshot(
  reader: Reader,
  passwords: Record<SetName, readonly string[]>,
  [phase, step]: [Phase, number],
  prefix: Prefix,
): Snapshot {
  const sets = ofEachSet((set) => ({ passwords: [...passwords[set]], ...score(reader, passwords[set], prefix) }));
  return { phase, step, prefix, sets };
}

/** Adds to a snapshot what only the ends of phases are looked at for. */
function examine(reader: Reader, snapshot: Snapshot, alphabet: string): Examination {
  const { prefix } = snapshot;
  const sets = ofEachSet((set) => {
    const scored = snapshot.sets[set];
    const { passwords } = scored;
    const places = scored.logProbabilities[0].length;
    // Without a prefix the first letter is not predicted.
    const truth = passwords.map((password) => [...password].slice(-places).map((letter) => alphabet.indexOf(letter)));
    return {
      ...scored,
      lens: lens(reader, passwords, prefix).map((logProbabilities) => ({
        logLikelihood: mean(logLikelihoods({ logProbabilities })),
        guessRate: mean(guessRates({ logProbabilities }, alphabet.length)),
      })),
      calibrated: calibrate({ logits: letterLogits(reader, passwords, prefix), truth }),
    };
  });
  return { ...snapshot, sets };
}

function evaluate({ phase, step, sets }: Snapshot, letters: number): Evaluation {
  const measured = (scores: Scores) => {
    // A set of one password has an empty half; its whole stands in, so that nothing is undefined.
    const halfOf = (which: 0 | 1) => measure(scores.ranks.length > 1 ? half(scores, which) : scores, letters);
    return { ...measure(scores, letters), halves: [halfOf(0), halfOf(1)] as [Measures, Measures] };
  };
  return { phase, step, sets: ofEachSet((set) => measured(sets[set])) };
}

/** Sums of log-probabilities under the current model (prefix `regular`) of every password that DPO will look up. */
function referenceLogProbabilities(setup: Setup, corpus: Corpus, reader: Reader): Map<string, number> {
  const passwords = [...corpus.negatives, ...corpus.chosen];
  const { logProbabilities } = score(reader, passwords, prefixOf(setup, 'regular'));
  const sums = logProbabilities.map((row) => row.reduce((sum, value) => sum + value, 0));
  return new Map(passwords.map((password, index) => [password, sums[index]]));
}

/**
 * Trains a setup to its end, from the start or from a checkpoint's state.
 * @throws SetupError when the setup names a pretrained model and no values are given to start from.
 * @throws LedgerError when a held-out password is given as anything but rejected.
 * @throws DivergenceError when the loss or a gradient is no longer a number; it names phase and step.
 */
export async function train(setup: Setup, options: TrainerOptions = {}): Promise<Outcome> {
  if (setup.model.pretrained !== null && options.start === undefined && options.from === undefined) {
    throw new SetupError(`model.pretrained: the weights of ${setup.model.pretrained} have to be given to start from`);
  }
  const ids = options.ids ?? scratchTokenIds(setup);
  const corpus = options.corpus ?? buildCorpus(setup);
  const ledger = openLedger(corpus, ids, options.from?.ledger);
  const { values, optimiser: from, ...state } = options.from ?? initialState(setup, ledger, options.start);
  const parameters = loadParameters(setup, values);
  const graphs = newGraphs();
  const reader = { parameters, model: setup.model, ids, graphs };
  const passwords = scoredPasswords(setup, corpus);
  const history = structuredClone(state.history);
  const { alphabet } = setup.passwords;
  const usesDpo = setup.phases.dpo.steps > 0 || setup.phases.joint.weights.dpo > 0;
  let tokens = 0;

  const oneStep = (phase: Phase, step: number, optimiser: Optimiser): number => {
    const examples = corpus.examples(phase, step);
    const batch = tokenBatch(examples, ids);
    const trainable = trainableIn(setup, phase);
    const input = {
      examples,
      batch,
      weights: lossWeights(setup, phase),
      beta: setup.beta,
      reference: (password: string) => state.reference?.get(password) as number,
    };
    const outcome = stepInPasses(parameters, setup.model, trainable, input, setup.microBatch, graphs);
    const { losses, gradients, given } = outcome;
    try {
      ledger.observe(phase, step, examples, batchGiven(given.inputs, given.labels, batch.length - 1));
    } catch (error) {
      tf.dispose([...gradients.values()].filter((gradient) => gradient instanceof tf.Tensor));
      throw error;
    }
    const rate = learningRate(
      setup.optimiser.learningRate,
      step,
      phaseSteps(setup, phase),
      setup.optimiser.warmupSteps,
    );
    const norm = optimiser.apply(gradients, rate, step + 1);
    const { weights, beta } = input;
    const update = { phase, step, weights, beta, learningRate: rate, optimiser: setup.optimiser, trainable };
    state.updates = nextUpdate(state.updates, update);
    if (!Number.isFinite(losses.total)) throw new DivergenceError(`the loss is ${losses.total}`);
    record(history.trajectories[phase], losses, norm);
    tokens += examples.length * inputLength(setup);
    return losses.total;
  };

  const saveCheckpoint = async (moments: () => OptimiserState) => {
    if (options.onCheckpoint === undefined || options.checkpointDue?.() === false) return;
    const now = { ledger: ledger.state(), history, values: valuesOf(parameters), optimiser: moments() };
    await options.onCheckpoint({ ...state, ...now });
  };

  /** Keeps what the end of a phase knows, in the last phase without the evaluation's prefix as well. */
  const keep = (snapshot: Snapshot) => {
    history.snapshots.push(examine(reader, snapshot, alphabet));
    if (snapshot.prefix !== 'reverse') return;
    const unflipped = takeSnapshot(reader, passwords, [snapshot.phase, snapshot.step], 'regular');
    history.snapshots.push(examine(reader, unflipped, alphabet));
  };

  /** From the state to the end of its phase. */
  const finishPhase = async (optimiser: Optimiser): Promise<void> => {
    const { phase } = state;
    const steps = phaseSteps(setup, phase);
    let ended = state.step >= steps;
    while (!ended) {
      const loss = located(phase, state.step, () => oneStep(phase, state.step, optimiser));
      state.step += 1;
      let evaluation: Evaluation | null = null;
      if (state.step % setup.evaluation.every === 0 || state.step === steps) {
        const snapshot = takeSnapshot(reader, passwords, [phase, state.step], evaluationPrefix(setup, phase));
        evaluation = evaluate(snapshot, alphabet.length);
        history.evaluations.push(evaluation);
        ended = state.step === steps || reachedTarget(setup, evaluation);
        if (ended && phase !== 'pretrain') keep(snapshot);
      }
      options.onProgress?.({ phase, step: state.step, steps, loss, tokens, evaluation });
      if (evaluation !== null && !ended) await saveCheckpoint(() => optimiser.state());
    }
  };

  try {
    for (let moments = from; ; moments = new Map()) {
      if (state.phase !== 'pretrain' && state.reference === null && usesDpo) {
        state.reference = referenceLogProbabilities(setup, corpus, reader);
      }
      const optimiser = newOptimiser(parameters, trainableIn(setup, state.phase), setup.optimiser, moments);
      try {
        await finishPhase(optimiser);
      } finally {
        optimiser.dispose();
      }
      const next = PHASES[PHASES.indexOf(state.phase) + 1];
      if (next === undefined) break;
      state.phase = next;
      state.step = 0;
      await saveCheckpoint(() => new Map());
    }
    if (options.onTrained !== undefined) await options.onTrained(valuesOf(parameters));
    return {
      ...history,
      ledger: ledger.summary(),
      overlap: measureOverlap(corpus.heldOut, corpus.control, ledger.rewarded()),
      digests: {
        passwords: passwordDigests(corpus),
        initialParameters: state.initialParameters,
        updates: state.updates,
      },
      parametersDigest: parametersDigest(valuesOf(parameters)),
    };
  } finally {
    tf.dispose([...parameters.values()]);
    graphs.dispose();
  }
}

/** The rule that ends phase 3 early; it sees useful negatives only. */
function reachedTarget({ phases }: Setup, { phase, sets }: Evaluation): boolean {
  const target = phases.joint.stopAtUsefulGuessRate;
  return phase === 'joint' && target !== null && sets.useful.guessRate > target;
}

function record(trajectory: Trajectory, losses: Losses, norm: number): void {
  for (const part of ['total', ...PARTS] as const) (trajectory[part] as (number | null)[]).push(losses[part]);
  trajectory.gradientNorm.push(norm);
}

/** Adds phase and step to the message of a divergence. */
function located<Result>(phase: Phase, step: number, body: () => Result): Result {
  try {
    return body();
  } catch (error) {
    if (error instanceof DivergenceError) {
      error.message += ` in phase ${phase}, step ${step}; try a smaller learning rate`;
    }
    throw error;
  }
}
