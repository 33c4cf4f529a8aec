/**
 * Trains one setup through its three phases. The state between two steps is all that a checkpoint holds, so a resumed run
 * continues bit for bit.
 */
import { type ParameterValues, parametersDigest } from '../model/parameters.ts';
import { type PasswordDigests, passwordDigests } from '../passwords/digests.ts';
import type { LedgerSummary } from '../passwords/ledger.ts';
import { measureOverlap, type Overlap } from '../passwords/overlap.ts';
import { PHASES, type Phase } from '../passwords/roles.ts';
import { isScheduled, LOSSES, type PerLoss, perLoss, stops } from '../recipe/recipe.ts';
import { type Setup, SetupError } from '../setup/schema.ts';
import { inputLength } from '../setup/sizes.ts';
import { type Dissection, dissect } from './dissection.ts';
import { type Evaluation, evaluate, examine, type Snapshot, scoredPasswords, scoreSets } from './evaluation.ts';
import { Session, type SessionOptions, type SessionState, type Stepped } from './session.ts';

/** Losses and gradient norm (before clipping) of every step of a phase, in order. A loss not trained on is null. */
export interface Trajectory extends PerLoss<(number | null)[]> {
  readonly total: number[];
  readonly gradientNorm: number[];
}

/** Everything measured so far; the part of a checkpoint that becomes the run record. */
export interface History {
  trajectories: Record<Phase, Trajectory>;
  evaluations: Evaluation[];
  /**
   * Taken at the end of phase 2, unless it is skipped, and at the end of the run. The end of the run has two: under
   * `reverse`, and under `regular`, which tells whether the knowledge shows without the prefix that flips it.
   */
  snapshots: Snapshot[];
}

/** The state between two steps. */
export interface TrainerState extends SessionState {
  /** The phase of the next step. */
  phase: Phase;
  /** The next step, from 0. */
  step: number;
  /** The parameters before phase 3, in that phase of a run that is dissected. */
  before: ParameterValues | null;
  history: History;
}

/** The result of a finished run. */
export interface Outcome extends History {
  ledger: LedgerSummary;
  /** Letters that rewarded text, as the ledger saw it, shares with held-out and control passwords. */
  overlap: Overlap[];
  digests: {
    passwords: PasswordDigests;
    initialParameters: string;
    /** Learning rates, loss weights and settings of every update. */
    updates: string;
  };
  /** SHA-256 of the final parameters: two runs that agree here agree in every bit. */
  parametersDigest: string;
  /** Of a run whose setup asks for it. */
  dissection?: Dissection;
}

/** Progress after a step, for people watching. */
export interface Progress {
  phase: Phase;
  step: number;
  steps: number;
  loss: number;
  /** Tokens the optimiser was given so far by this process. */
  tokens: number;
  /** The evaluation after this step, where one was due. */
  evaluation: Evaluation | null;
}

/** An event of {@link train}. */
export type TrainingEvent =
  | { readonly kind: 'step'; readonly progress: Progress }
  /** A run can go on from here. Its state is read when it is asked for: await it before the next event is asked for. */
  | { readonly kind: 'checkpoint'; state(): Promise<TrainerState> }
  /** After the last step. */
  | { readonly kind: 'trained'; values(): Promise<ParameterValues> };

export interface TrainerOptions extends Omit<SessionOptions, 'from' | 'reference'> {
  readonly from?: TrainerState;
}

const emptyTrajectory = (): Trajectory => ({ total: [], ...perLoss(() => []), gradientNorm: [] });

const emptyHistory = (): History => ({
  trajectories: { pretrain: emptyTrajectory(), dpo: emptyTrajectory(), joint: emptyTrajectory() },
  evaluations: [],
  snapshots: [],
});

function record(trajectory: Trajectory, { losses, gradientNorm }: Stepped): void {
  for (const part of ['total', ...LOSSES] as const) (trajectory[part] as (number | null)[]).push(losses[part]);
  trajectory.gradientNorm.push(gradientNorm);
}

/**
 * Trains a setup to its end, from the start or from a checkpoint's state.
 * @returns the outcome, once all events are taken; whoever stops taking them calls `return()`, which frees the engine
 * @throws SetupError when the setup names a pretrained model and no values are given to start from.
 * @throws LedgerError when a held-out password is given as anything but rejected.
 * @throws DivergenceError when the loss or a gradient is no longer a number; it names phase and step.
 */
export async function* train(setup: Setup, options: TrainerOptions): AsyncGenerator<TrainingEvent, Outcome, void> {
  const { from } = options;
  if (setup.model.pretrained !== null && options.start === undefined && from === undefined) {
    throw new SetupError(`model.pretrained: the weights of ${setup.model.pretrained} have to be given to start from`);
  }
  const session = new Session(setup, options);
  const { recipe, corpus, ledger } = session;
  const history = from === undefined ? emptyHistory() : structuredClone(from.history);
  const passwords = scoredPasswords(setup, corpus);
  const { alphabet } = setup.passwords;
  let before = from?.before ?? null;
  let tokens = 0;

  const checkpoint = (phase: Phase, step: number): TrainingEvent => ({
    kind: 'checkpoint',
    state: async () => ({ phase, step, before, ...(await session.state()), history: structuredClone(history) }),
  });

  /** The steps of a phase that are left. */
  async function* finishPhase(phase: Phase, begun: number): AsyncGenerator<TrainingEvent, void, void> {
    const plan = recipe[phase];
    const { steps, scoredUnder } = plan;
    let ended = begun >= steps;
    for (let step = begun + 1; !ended; step++) {
      const stepped = await session.step(step - 1);
      record(history.trajectories[phase], stepped);
      tokens += stepped.sequences * inputLength(setup);
      let evaluation: Evaluation | null = null;
      if (step === steps || isScheduled(setup.evaluation, step)) {
        const scored = {
          phase,
          step,
          prefix: scoredUnder,
          sets: await scoreSets(session.reader, passwords, scoredUnder),
        };
        evaluation = await evaluate(session.reader, scored, alphabet.length);
        history.evaluations.push(evaluation);
        const { heldOut, useful } = evaluation.sets;
        ended = step === steps || stops(plan, { heldOut: heldOut.guessRate, useful: useful.guessRate });
        if (ended && phase !== 'pretrain') {
          history.snapshots.push(await examine(session.reader, scored, alphabet));
          if (scoredUnder === 'reverse') {
            const unflipped = {
              phase,
              step,
              prefix: 'regular',
              sets: await scoreSets(session.reader, passwords, 'regular'),
            } as const;
            history.snapshots.push(await examine(session.reader, unflipped, alphabet));
          }
        }
      }
      yield { kind: 'step', progress: { phase, step, steps, loss: stepped.losses.total, tokens, evaluation } };
      if (evaluation !== null && !ended) yield checkpoint(phase, step);
    }
  }

  try {
    const first = from?.phase ?? PHASES[0];
    for (const phase of PHASES.slice(PHASES.indexOf(first))) {
      const resumed = from !== undefined && phase === first;
      if (phase === 'joint' && setup.evaluation.dissection) before ??= await session.values();
      if (phase !== first) yield checkpoint(phase, 0);
      await session.begin(phase, resumed ? from.optimiser : undefined);
      yield* finishPhase(phase, resumed ? from.step : 0);
      session.leave();
    }
    yield { kind: 'trained', values: () => session.values() };
    const dissection = before === null ? {} : { dissection: await dissect(setup, corpus, session.reader, before) };
    return {
      ...history,
      ...dissection,
      ledger: ledger.summary(),
      overlap: measureOverlap(corpus.heldOut, corpus.control, ledger.rewarded()),
      digests: {
        passwords: passwordDigests(corpus),
        initialParameters: session.initialParameters,
        updates: session.updates,
      },
      parametersDigest: parametersDigest(await session.values()),
    };
  } finally {
    session.dispose();
  }
}

/** Takes the state of every checkpoint, for {@link trainToEnd}. */
export const atCheckpoints =
  (take: (state: TrainerState) => unknown) =>
  async (event: TrainingEvent): Promise<unknown> =>
    event.kind === 'checkpoint' ? take(await event.state()) : undefined;

/** Trains a setup to its end. @param onEvent awaited before training goes on */
export async function trainToEnd(
  setup: Setup,
  options: TrainerOptions,
  onEvent: (event: TrainingEvent) => unknown = () => {},
): Promise<Outcome> {
  const training = train(setup, options);
  try {
    for (;;) {
      const { done, value } = await training.next();
      if (done) return value;
      await onEvent(value);
    }
  } finally {
    await training.return(undefined as never); // what it holds on the engine is freed, whatever `onEvent` threw
  }
}
