/** A setup in training: its model on the engine, its data and its ledger, one optimiser step at a time. */
import { type Engine, tf } from '../engine/engine.ts';
import type { Graphs } from '../engine/graphs.ts';
import { DeviceError } from '../engine/webgpu/failures.ts';
import {
  initialValues,
  loadParameters,
  type ParameterValues,
  parametersDigest,
  valuesOf,
} from '../model/parameters.ts';
import { buildCorpus, type Corpus } from '../passwords/corpus.ts';
import { batchGiven, type Ledger, type LedgerState, openLedger } from '../passwords/ledger.ts';
import type { Example, Phase } from '../passwords/roles.ts';
import { scratchTokenIds, type TokenIds, tokenBatch } from '../passwords/tokens.ts';
import { OBJECTIVE_TRAITS, prefixOf, type Recipe, recipeOf, usesReference } from '../recipe/recipe.ts';
import { nextUpdate, type Update, updatesOf } from '../recipe/updates.ts';
import type { Setup } from '../setup/schema.ts';
import { DivergenceError, newOptimiser, type Optimiser, type OptimiserState, type Taken } from './optimiser.ts';
import { type Reader, score, tokenDistributions } from './scoring.ts';
import { type Losses, PreparedStep, type ReferenceLookup } from './step.ts';

/** The state between two steps. */
export interface SessionState {
  values: ParameterValues;
  /** Empty before the first step of a phase. */
  optimiser: OptimiserState;
  /** Reference log-probabilities by password, once phase 1 is over; of an objective that compares sums. */
  reference: Map<string, number> | null;
  /** The parameters as phase 1 left them, of an objective that reads the reference's distributions. */
  referenceValues: ParameterValues | null;
  ledger: LedgerState;
  /** Digest of the updates so far, as of their learning rates, loss weights and settings. */
  updates: string;
  /** Digest of the parameters that the run began with. */
  initialParameters: string;
}

export interface SessionOptions {
  /** The engine that computes. */
  readonly engine: Engine;
  /** The state to resume from; absent for a new run. */
  readonly from?: SessionState;
  /** What a new run starts from; drawn from the setup's seed when absent. */
  readonly start?: ParameterValues;
  /** Tokens of letters and prefixes; those of a from-scratch model when absent. */
  readonly ids?: TokenIds;
  readonly corpus?: Corpus;
  /** How a step is taken; in one pass, when absent. */
  readonly execution?: { readonly microBatch: number | null };
  /** Replaces the reference model, which is then not computed: for measuring what a step costs. */
  readonly reference?: ReferenceLookup;
}

/** The result of one step. */
export interface Stepped {
  readonly losses: Losses;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Sequences that the optimiser was given. */
  readonly sequences: number;
}

export class Session {
  readonly setup: Setup;
  readonly recipe: Recipe;
  readonly corpus: Corpus;
  readonly ledger: Ledger;
  readonly initialParameters: string;
  readonly #reader: Reader;
  readonly #graphs: Graphs;
  readonly #givenReference: ReferenceLookup | undefined;
  readonly #microBatch: number | null;
  #reference: Map<string, number> | null;
  #referenceValues: ParameterValues | null;
  /** Reads passwords with the reference model. */
  #referenceReader: Reader | null = null;
  #updates: string;
  #phase: { readonly phase: Phase; readonly update: (step: number) => Update; readonly optimiser: Optimiser } | null =
    null;

  constructor(
    setup: Setup,
    { engine, from, start, ids = scratchTokenIds(setup), corpus, execution, reference }: SessionOptions,
  ) {
    const values = from?.values ?? start ?? initialValues(setup);
    this.setup = setup;
    this.recipe = recipeOf(setup);
    this.corpus = corpus ?? buildCorpus(setup);
    this.ledger = openLedger(this.corpus, ids, from?.ledger);
    this.initialParameters = from?.initialParameters ?? parametersDigest(values);
    this.#microBatch = execution?.microBatch ?? null;
    this.#givenReference = reference;
    this.#reference = from?.reference ?? null;
    this.#referenceValues = from?.referenceValues ?? null;
    this.#updates = from?.updates ?? '';
    this.#graphs = engine.newGraphs();
    this.#reader = { engine, parameters: loadParameters(setup, values), model: setup.model, ids, graphs: this.#graphs };
  }

  /** Reads passwords with the model as it is now: to be asked for again after a step. */
  get reader(): Reader {
    this.#phase?.optimiser.publish();
    return this.#reader;
  }

  /** Digest of the updates so far. */
  get updates(): string {
    return this.#updates;
  }

  /**
   * Begins a phase: steps are of this phase from now on. The model as phase 1 leaves it is the reference, where a phase
   * compares with one.
   * @param moments of the optimiser, to go on from
   */
  async begin(phase: Phase, moments: OptimiserState = new Map()): Promise<void> {
    this.leave();
    const { setup, recipe } = this;
    if (phase !== 'pretrain' && usesReference(setup) && this.#givenReference === undefined) await this.#keepReference();
    const update = updatesOf(setup, recipe[phase]);
    const optimiser = await newOptimiser(this.#reader, update(0).trainable, setup.optimiser, moments);
    this.#phase = { phase, update, optimiser };
  }

  /** Ends the phase: the next one has an optimiser of its own. */
  leave(): void {
    this.#phase?.optimiser.dispose();
    this.#phase = null;
  }

  /**
   * One optimiser step.
   * @param step from 0 in its phase
   * @throws LedgerError when a held-out password is given as anything but rejected.
   * @throws DivergenceError when the loss or a gradient is no longer a number; it names phase and step.
   */
  async step(step: number): Promise<Stepped> {
    if (this.#phase === null) throw new Error('begin a phase first');
    const { phase, update: updateOf, optimiser } = this.#phase;
    try {
      return await this.#stepOf(phase, updateOf(step), optimiser);
    } catch (error) {
      if (error instanceof DivergenceError) {
        error.message += ` in phase ${phase}, step ${step}; try a smaller learning rate`;
      }
      if (error instanceof DeviceError) error.message += `, in phase ${phase}, step ${step}`;
      throw error;
    }
  }

  async #stepOf(phase: Phase, update: Update, optimiser: Optimiser): Promise<Stepped> {
    const { step, weights, objective, beta, margin, trainable } = update;
    const examples = this.corpus.examples(phase, step);
    const batch = tokenBatch(examples, this.#reader.ids);
    const reference = this.#givenReference ?? (await this.#referenceOf(examples));
    const input = { examples, batch, weights, objective, beta, margin, reference };
    const prepared = new PreparedStep(this.#reader, trainable, input, this.#microBatch);
    let taken: Taken;
    try {
      const { inputs, labels } = await prepared.given(this.#reader.engine);
      this.ledger.observe(phase, step, examples, batchGiven(inputs, labels, batch.length - 1));
      taken = await optimiser.step(prepared.passes, update.learningRate, step + 1);
    } finally {
      prepared.dispose();
    }
    const losses = prepared.losses(taken.scalars);
    this.#updates = nextUpdate(this.#updates, update);
    if (!Number.isFinite(losses.total)) throw new DivergenceError(`the loss is ${losses.total}`);
    return { losses, gradientNorm: taken.norm, sequences: examples.length };
  }

  /** Keeps what the objective reads of the reference model, which is the model as it is when this is first asked for. */
  async #keepReference(): Promise<void> {
    const { setup } = this;
    if (OBJECTIVE_TRAITS[setup.objective].reference === 'sums') {
      this.#reference ??= await this.#referenceLogProbabilities();
      return;
    }
    this.#referenceValues ??= await this.values();
    this.#referenceReader ??= { ...this.#reader, parameters: loadParameters(setup, this.#referenceValues) };
  }

  /** Sums of log-probabilities under the model as it is now (prefix `regular`) of every password that the objective looks up. */
  async #referenceLogProbabilities(): Promise<Map<string, number>> {
    const { negatives, chosen, standIns } = this.corpus;
    const { objective } = this.setup;
    const passwords = [
      ...negatives,
      ...(OBJECTIVE_TRAITS[objective].chosen ? chosen : []),
      ...(this.setup.passwords.standIns === 'held-out' ? standIns : []),
    ];
    const { logProbabilities } = await score(this.reader, passwords, prefixOf(this.setup, 'regular'));
    const sums = logProbabilities.map((row) => row.reduce((sum, value) => sum + value, 0));
    return new Map(passwords.map((password, index) => [password, sums[index]]));
  }

  /** What the objective compares the rejected and chosen examples of a step with. Distributions are too many to keep. */
  async #referenceOf(examples: readonly Example[]): Promise<ReferenceLookup> {
    const reader = this.#referenceReader;
    if (reader === null) return (password) => [this.#reference?.get(password) as number];
    const passwords = examples.filter(({ reward }) => reward !== 'imitated').map(({ password }) => password);
    const read = await tokenDistributions(reader, passwords, prefixOf(this.setup, 'regular'));
    const known = new Map(passwords.map((password, index) => [password, read[index]]));
    return (password) => known.get(password) as Float32Array;
  }

  /** Copies the parameters off the engine. */
  values(): Promise<ParameterValues> {
    return valuesOf(this.reader);
  }

  /** A copy of everything that going on from here needs. */
  async state(): Promise<SessionState> {
    return {
      values: await this.values(),
      optimiser: (await this.#phase?.optimiser.state()) ?? new Map(),
      reference: this.#reference, // neither is changed once it is there
      referenceValues: this.#referenceValues,
      ledger: this.ledger.state(),
      updates: this.#updates,
      initialParameters: this.initialParameters,
    };
  }

  dispose(): void {
    this.leave();
    tf.dispose([...this.#reader.parameters.values(), ...(this.#referenceReader?.parameters.values() ?? [])]);
    this.#graphs.dispose();
  }
}
