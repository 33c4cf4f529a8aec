/** A setup in training, one step at a time, for benchmarks. */
import { tf } from '../../src/engine/engine.ts';
import { newGraphs } from '../../src/engine/graphs.ts';
import { initialValues, loadParameters, trainableNames } from '../../src/model/parameters.ts';
import { buildCorpus, type Corpus, prefixOf } from '../../src/passwords/corpus.ts';
import type { Phase } from '../../src/passwords/roles.ts';
import { scratchTokenIds, type TokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { newOptimiser, type Optimiser } from '../../src/training/optimiser.ts';
import { score } from '../../src/training/scoring.ts';
import { lossAndGradients } from '../../src/training/step.ts';

export class Trainee {
  readonly setup: Setup;
  readonly corpus: Corpus;
  readonly #ids: TokenIds;
  readonly #parameters;
  readonly #graphs = newGraphs();
  #phase: Phase | undefined;
  #optimiser: Optimiser | undefined;
  #steps = 0;

  constructor(setup: Setup) {
    this.setup = setup;
    this.corpus = buildCorpus(setup);
    this.#ids = scratchTokenIds(setup);
    this.#parameters = loadParameters(setup, initialValues(setup));
  }

  get parameterCount(): number {
    return [...this.#parameters.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Begins a phase: optimiser steps are of this phase from now on. */
  begin(phase: Phase): void {
    this.#optimiser?.dispose();
    this.#phase = phase;
    this.#steps = 0;
    this.#optimiser = newOptimiser(this.#parameters, this.#trainable(phase), this.setup.optimiser);
  }

  /** One optimiser step, data included, as the trainer does it. */
  step(): void {
    if (this.#phase === undefined || this.#optimiser === undefined) throw new Error('begin a phase first');
    const { setup } = this;
    const examples = this.corpus.examples(this.#phase, this.#steps % setup.phases[this.#phase].steps);
    const batch = tokenBatch(examples, this.#ids);
    const weights =
      this.#phase === 'pretrain' ? { dpo: 0, useful: 0, random: 1, randomReverse: 0 } : setup.phases.joint.weights;
    const input = { examples, batch, weights, beta: setup.beta, reference: () => -26 };
    const trainable = this.#trainable(this.#phase);
    const { gradients } = lossAndGradients(this.#parameters, setup.model, trainable, input, this.#graphs);
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

  #trainable(phase: Phase): string[] {
    return trainableNames(this.setup, phase === 'dpo' ? this.setup.phases.dpo.trainable : 'all');
  }
}
