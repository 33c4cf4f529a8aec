/** What is true of the training of every setup, tried on runs of a few steps. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { runProblems } from '../claims/validity.ts';
import { ENGINES, type Engine, startEngine, tf } from '../engine/engine.ts';
import { run } from '../lab/run.ts';
import { RunStore } from '../lab/store.ts';
import {
  initialValues,
  loadParameters,
  type ParameterValues,
  parameterSpecifications,
  trainableNames,
} from '../model/parameters.ts';
import { buildCorpus } from '../passwords/corpus.ts';
import type { Example } from '../passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../passwords/tokens.ts';
import { stream } from '../random/streams.ts';
import { perLoss } from '../recipe/recipe.ts';
import { abridge } from '../records/abridge.ts';
import { comparable, parseRunRecord } from '../records/record.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { inputLength } from '../setup/sizes.ts';
import { DivergenceError } from '../training/optimiser.ts';
import { blindReference, type Losses, type ReferenceLookup } from '../training/step.ts';
import { atCheckpoints, type Outcome, type TrainerState, trainToEnd } from '../training/trainer.ts';
import { lossesAndGradients } from './gradients.ts';
import { ofSetup, type PropertyKind, propertyOf, relabelled, type SetupProperty, sequencesAfter } from './property.ts';

/** How a run ended, and its state at every checkpoint on the way. */
interface Trained {
  readonly outcome: Outcome | DivergenceError;
  readonly states: readonly TrainerState[];
  /** Tensors and bytes that the run left behind. */
  readonly left: { readonly tensors: number; readonly bytes: number };
}

async function trainFrom(setup: Setup, engine: Engine, from?: TrainerState): Promise<Trained> {
  const states: TrainerState[] = [];
  const before = tf.memory();
  const onEvent = atCheckpoints((state) => states.push(state));
  const outcome = await trainToEnd(setup, { engine, from }, onEvent).catch((error: Error) => {
    if (error instanceof DivergenceError) return error;
    throw error;
  });
  const { numTensors, numBytes } = tf.memory();
  return { outcome, states, left: { tensors: numTensors - before.numTensors, bytes: numBytes - before.numBytes } };
}

const trained = ofSetup((setup, engine: Engine) => trainFrom(setup, engine));

/** What two equal runs agree in, finished or diverged. */
const ending = (outcome: Trained['outcome']): Outcome | string =>
  outcome instanceof DivergenceError ? outcome.message : outcome;

/** The paths of the numbers in a value that are not finite. */
function notFinite(value: unknown, where: string): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [`${where} is ${value}`];
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, part]) => notFinite(part, `${where}.${key}`));
}

const stateAt = (states: readonly TrainerState[], phase: 'dpo' | 'joint'): TrainerState | undefined =>
  states.find((state) => state.phase === phase && state.step === 0);

/** Numbers of a packed step: its losses, and the gradient of every parameter. */
interface Step {
  readonly losses: Losses;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** A reference that differs from the model, by another amount for each password. */
function referenceOf(setup: Setup): ReferenceLookup {
  const blind = blindReference(setup);
  return (password) => Array.from(blind(password), (value) => value + (password.charCodeAt(0) % 7) / 7);
}

/** Losses and gradients of some examples of phase 3. */
async function stepOf(
  engine: Engine,
  setup: Setup,
  values: ParameterValues,
  examples: readonly Example[],
  microBatch: number | null = null,
): Promise<Step> {
  const parameters = loadParameters(setup, values);
  const input = {
    examples,
    batch: tokenBatch(examples, scratchTokenIds(setup)),
    weights: setup.phases.joint.weights,
    objective: setup.objective,
    beta: setup.beta,
    margin: setup.margin,
    reference: referenceOf(setup),
  };
  const loaded = { engine, parameters, model: setup.model };
  try {
    return await lossesAndGradients(loaded, trainableNames(setup, 'all'), input, microBatch);
  } finally {
    tf.dispose([...parameters.values()]);
  }
}

const bounded = (least: number, most: number, value: number): number => Math.min(most, Math.max(least, value));

/**
 * The same setup with weights and a beta at which float32 can tell nearly equal from equal. Attention over activations of
 * hundreds, or a loss scaled by a million, magnifies the rounding in which engines differ.
 */
function wellConditioned(setup: Setup): Setup {
  const { model, phases } = setup;
  return {
    ...setup,
    model: {
      ...model,
      initialDeviation: bounded(0.01, 0.3, model.initialDeviation),
      layerNormEpsilon: Math.max(1e-6, model.layerNormEpsilon),
    },
    beta: Math.min(2, setup.beta),
    phases: {
      ...phases,
      joint: {
        ...phases.joint,
        weights: perLoss((loss) => {
          const weight = phases.joint.weights[loss];
          return weight === 0 ? 0 : bounded(0.01, 10, weight);
        }),
      },
    },
  };
}

const largestOf = (gradient: Float32Array): number =>
  gradient.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The largest difference between two steps: in the loss, and in any entry of a parameter's gradient. */
function differenceOf(a: Step, b: Step): { loss: number; gradients: Map<string, number> } {
  const gradients = [...a.gradients].map(([name, gradient]) => {
    const other = b.gradients.get(name) as Float32Array;
    return [name, largestOf(gradient.map((value, index) => value - other[index]))] as const;
  });
  return { loss: Math.abs(a.losses.total - b.losses.total), gradients: new Map(gradients) };
}

const ULP = 2 ** -23;
const NUDGES = 3;
/** Roundings on the way to a gradient, each of which may count as much as the rounding of a weight. */
const ROUNDINGS = 64;

/**
 * Compares steps that differ only in the order of their sums. How far rounding may take them apart depends on the setup: a
 * layer norm of two nearly equal numbers magnifies it without bound. So the bound is measured: how far the step moves when
 * every weight is nudged by its last bit, times the number of roundings.
 */
function assertClose(actual: Step, expected: Step, what: string, nudged: readonly Step[]): void {
  const off = differenceOf(actual, expected);
  const moved = nudged.map((step) => differenceOf(step, expected));
  const { total } = expected.losses;
  const allowed = 1e-5 * (1 + Math.abs(total)) + ROUNDINGS * Math.max(...moved.map(({ loss }) => loss));
  assert.ok(off.loss <= allowed, `${what}: the loss is ${actual.losses.total}, not ${total}`);
  const largest = Math.max(...[...expected.gradients.values()].map(largestOf));
  for (const [name, worst] of off.gradients) {
    const most = 1e-5 * largest + ROUNDINGS * Math.max(...moved.map(({ gradients }) => gradients.get(name) as number));
    const off = `${what}: the gradient of ${name} is off by ${worst}, where rounding may move it by ${most}`;
    assert.ok(worst <= most, off);
  }
}

/** A step, and the same with every weight nudged by its last bit. */
async function stepAndNudged(
  engine: Engine,
  setup: Setup,
  values: ParameterValues,
  examples: readonly Example[],
): Promise<[Step, Step[]]> {
  const source = stream(setup.seed, 'fuzz/nudges');
  const nudge = (value: number) => value * (1 + ULP * (2 * source.below(2) - 1));
  const nudged: Step[] = [];
  for (let nudges = 0; nudges < NUDGES; nudges++) {
    const moved = new Map([...values].map(([name, data]) => [name, data.map(nudge)]));
    nudged.push(await stepOf(engine, setup, moved, examples));
  }
  return [await stepOf(engine, setup, values, examples), nudged];
}

const property = propertyOf('training');

const PROPERTIES: readonly SetupProperty[] = [
  property('finite', 'A run ends with finite numbers, or an error with its phase and step.', async (setup, engine) => {
    const { outcome } = await trained(setup, engine);
    if (outcome instanceof DivergenceError)
      assert.match(outcome.message, /in phase (pretrain|dpo|joint), step \d+; try/);
    else assert.deepEqual(notFinite(outcome, 'outcome'), []);
  }),
  property('ledger', 'A run’s ledger is clean, and holds what its steps must have given.', async (setup, engine) => {
    const { outcome } = await trained(setup, engine);
    if (outcome instanceof DivergenceError) return;
    const { ledger, trajectories } = outcome;
    assert.equal(ledger.clean, true);
    assert.deepEqual([ledger.heldOut.chosen, ledger.heldOut.imitated], [0, 0]);
    const { pretrain } = setup.phases;
    const [dpo, joint] = [trajectories.dpo.total.length, trajectories.joint.total.length]; // rules may have cut them short
    const expected = sequencesAfter(setup, { pretrain: pretrain.steps, dpo, joint });
    assert.deepEqual(ledger.sequences, expected);
  }),
  property('frozen', 'What phase 2 does not train it leaves as it was, to the last bit.', async (setup, engine) => {
    const { states } = await trained(setup, engine);
    const [before, after] = [stateAt(states, 'dpo'), stateAt(states, 'joint')];
    if (before === undefined || after === undefined) return;
    const all = setup.phases.dpo.trainable === 'all' && setup.phases.dpo.steps > 0;
    for (const { name, firstHalf } of parameterSpecifications(setup)) {
      if (all || (firstHalf && setup.phases.dpo.steps > 0)) continue;
      assert.deepEqual(after.values.get(name), before.values.get(name), `${name} moved`);
    }
  }),
  property('ln-2', 'The DPO loss is ln 2 where the model is the reference.', async (setup, engine) => {
    const { outcome, states } = await trained(setup, engine);
    if (outcome instanceof DivergenceError || setup.objective !== 'dpo') return;
    const { dpo, joint } = outcome.trajectories;
    const first = setup.phases.dpo.steps > 0 ? dpo.dpo[0] : joint.dpo[0];
    if (first === null) return;
    // The reference was scored in another batch: each of the four sums may differ by its rounding, times beta / 2.
    const scored = stateAt(states, 'dpo')?.reference ?? stateAt(states, 'joint')?.reference ?? new Map();
    const tolerance = 1e-6 + 2 * setup.beta * 2e-6 * Math.max(1, ...[...scored.values()].map(Math.abs));
    assert.ok(Math.abs(first - Math.LN2) <= tolerance, `it is ${first}`);
  }),
  property(
    'resume',
    'A run that resumes from a checkpoint ends as it would have, bit for bit.',
    async (setup, engine) => {
      const { outcome, states } = await trained(setup, engine);
      const order = stream(setup.seed, 'fuzz/resume').permutation(states.length);
      for (const index of order.slice(0, 2)) {
        const { phase, step } = states[index];
        const resumed = await trainFrom(setup, engine, states[index]);
        assert.deepEqual(ending(resumed.outcome), ending(outcome), `from phase ${phase}, step ${step}`);
      }
    },
  ),
  property('relabelled', 'Exchanging the letters changes no loss and no parameter.', async (setup, engine) => {
    const { outcome } = await trained(setup, engine);
    const other = (await trainFrom(relabelled(setup), engine)).outcome;
    if (outcome instanceof DivergenceError || other instanceof DivergenceError) {
      assert.deepEqual(ending(other), ending(outcome));
      return;
    }
    assert.deepEqual(other.trajectories, outcome.trajectories);
    assert.equal(other.parametersDigest, outcome.parametersDigest);
    assert.deepEqual(other.evaluations, outcome.evaluations);
  }),
  property('engines', 'Every engine computes the same losses and gradients, up to rounding.', (setup, engine) =>
    onEveryEngine(wellConditioned(setup), engine),
  ),
  property(
    'micro-batches',
    'A step in passes has the losses and gradients of a whole one, up to rounding.',
    async (setup, engine) => {
      // At least two sequences, and room for the passwords of more.
      const passwords = { ...setup.passwords, length: Math.max(setup.passwords.length, 10) };
      const tamed = parseSetup(wellConditioned({ ...setup, passwords, batch: Math.max(2, setup.batch) }));
      const examples = buildCorpus(tamed).examples('joint', 0);
      const values = initialValues(tamed);
      const microBatch = 1 + stream(setup.seed, 'fuzz/micro-batches').below(tamed.batch - 1);
      const [whole, nudged] = await stepAndNudged(engine, tamed, values, examples);
      assertClose(await stepOf(engine, tamed, values, examples, microBatch), whole, `${microBatch} at a time`, nudged);
    },
  ),
  property('tensors', 'A run leaves no tensor and no byte behind, however it ends.', async (setup, engine) => {
    assert.deepEqual((await trained(setup, engine)).left, { tensors: 0, bytes: 0 });
  }),
  property(
    'record',
    'A record is valid, complete, the same after JSON, and true to its setup.',
    async (setup, engine) => {
      const folder = await mkdtemp(path.join(os.tmpdir(), 'negative-knowledge-'));
      try {
        const store = new RunStore(folder);
        await store.open();
        const { record } = await run(setup, engine, store);
        const read = parseRunRecord(JSON.stringify(record), 'the record');
        assert.deepEqual(comparable(read), comparable(record));
        assert.deepEqual(await store.readRecord(setup, record.engine.name), record);
        if (record.status === 'failed') {
          assert.equal(record.error.name, 'DivergenceError');
          return;
        }
        assert.ok(record.abridged === undefined);
        for (const kept of [record, abridge(record, false), abridge(record, true)])
          assert.deepEqual(runProblems(kept), []);
        const { passwords, logProbabilities } = record.snapshots[record.snapshots.length - 1].sets.random;
        assert.equal(passwords.length, setup.evaluation.random);
        assert.equal(logProbabilities[0].length, inputLength(setup));
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  ),
];

async function onEveryEngine(setup: Setup, { name: started }: Engine): Promise<void> {
  const examples = buildCorpus(setup).examples('joint', 0);
  const values = initialValues(setup);
  try {
    const [exact, nudged] = await stepAndNudged(await startEngine('cpu'), setup, values, examples);
    // A GPU is tried where it was asked for: elsewhere it may be a program that plays one.
    for (const name of ENGINES.filter((each) => each !== 'webgpu' || each === started)) {
      const engine = await startEngine(name).catch(() => null); // not every engine is on every machine
      if (engine !== null) assertClose(await stepOf(engine, setup, values, examples), exact, name, nudged);
    }
  } finally {
    await startEngine(started);
  }
}

export const TRAINING: PropertyKind = { name: 'training', size: 'tiny', properties: PROPERTIES };
