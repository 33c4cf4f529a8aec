/** A setup in training, one step at a time: for benchmarks, and to tell what a run will cost before it begins. */
import { tf } from '../engine/engine.ts';
import { newGraphs } from '../engine/graphs.ts';
import { initialValues, loadParameters, type ParameterValues } from '../model/parameters.ts';
import { buildCorpus, type Corpus, prefixOf } from '../passwords/corpus.ts';
import type { Phase } from '../passwords/roles.ts';
import { scratchTokenIds, type TokenIds, tokenBatch } from '../passwords/tokens.ts';
import type { Setup } from '../setup/schema.ts';
import { newOptimiser, type Optimiser } from './optimiser.ts';
import { score } from './scoring.ts';
import { stepInPasses } from './step.ts';
import { lossWeights, trainableIn } from './updates.ts';

export class Trial {
  readonly setup: Setup;
  readonly corpus: Corpus;
  readonly #ids: TokenIds;
  readonly #parameters;
  readonly #graphs = newGraphs();
  #phase: Phase | undefined;
  #optimiser: Optimiser | undefined;
  #steps = 0;

  /** @param values to start from; drawn from the setup's seed when absent */
  constructor(setup: Setup, values: ParameterValues = initialValues(setup)) {
    this.setup = setup;
    this.corpus = buildCorpus(setup);
    this.#ids = scratchTokenIds(setup);
    this.#parameters = loadParameters(setup, values);
  }

  get parameterCount(): number {
    return [...this.#parameters.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Begins a phase: optimiser steps are of this phase from now on. */
  begin(phase: Phase): void {
    this.#optimiser?.dispose();
    this.#phase = phase;
    this.#steps = 0;
    this.#optimiser = newOptimiser(this.#parameters, trainableIn(this.setup, phase), this.setup.optimiser);
  }

  /** One optimiser step, data included, as the trainer does it. */
  step(): void {
    if (this.#phase === undefined || this.#optimiser === undefined) throw new Error('begin a phase first');
    const { setup } = this;
    const examples = this.corpus.examples(this.#phase, this.#steps % setup.phases[this.#phase].steps);
    const batch = tokenBatch(examples, this.#ids);
    const weights = lossWeights(setup, this.#phase);
    const input = { examples, batch, weights, beta: setup.beta, reference: () => -26 };
    const trainable = trainableIn(setup, this.#phase);
    const { gradients } = stepInPasses(this.#parameters, setup.model, trainable, input, setup.microBatch, this.#graphs);
    this.#steps += 1;
    this.#optimiser.apply(gradients, 1e-4, this.#steps);
  }

  /** Scores passwords, as evaluations and the reference model's log-probabilities are made. */
  score(passwords: readonly string[]): void {
    const reader = { parameters: this.#parameters, model: this.setup.model, ids: this.#ids, graphs: this.#graphs };
    score(reader, passwords, prefixOf(this.setup, 'regular'));
  }

  dispose(): void {
    this.#optimiser?.dispose();
    this.#graphs.dispose();
    tf.dispose([...this.#parameters.values()]);
  }
}
