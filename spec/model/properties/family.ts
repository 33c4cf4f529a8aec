/** What is true of every family of models. Whoever adds a family applies them to it. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Engine, tf } from '../../../src/engine/engine.ts';
import { forward, inputsAndLabels, labelLogProbabilities, logProbabilities } from '../../../src/model/model.ts';
import {
  initialValues,
  type LoadedModel,
  loadParameters,
  type ParameterValues,
  parameterSpecifications,
  trainableNames,
  valuesOf,
} from '../../../src/model/parameters.ts';
import { assertSameShape, loadValues, readConfig, saveModel } from '../../../src/model/pretrained.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import type { Example } from '../../../src/passwords/roles.ts';
import { scratchTokenIds, type TokenBatch, tokenBatch } from '../../../src/passwords/tokens.ts';
import { setups } from '../../../src/properties/arbitraries.ts';
import { lossesAndGradients } from '../../../src/properties/gradients.ts';
import { stream } from '../../../src/random/streams.ts';
import type { Family, Setup } from '../../../src/setup/schema.ts';
import { vocabulary } from '../../../src/setup/sizes.ts';
import { newOptimiser } from '../../../src/training/optimiser.ts';
import { lens, score } from '../../../src/training/scoring.ts';
import { PreparedStep, type StepInput } from '../../../src/training/step.ts';
import { temporaryFolder } from '../../helpers/folder.ts';
import { valuesFrom, valuesOfOne } from '../../helpers/reading.ts';
import { referenceLogProbabilities } from '../../helpers/reference-model.ts';

/** Trains only first halves, where there are two. */
const isHalved = ({ model }: Setup) => model.layers > 1;

/** The sequences that phase 3 begins with, as their next tokens are predicted and nothing else. */
function imitated(setup: Setup): StepInput {
  const examples: Example[] = buildCorpus(setup)
    .examples('joint', 0)
    .map(({ password, prefix }) => ({ password, prefix, role: 'joint-random', reward: 'imitated' }));
  return {
    examples,
    batch: tokenBatch(examples, scratchTokenIds(setup)),
    weights: { dpo: 0, useful: 0, random: 1, randomReverse: 0 },
    objective: setup.objective,
    beta: setup.beta,
    margin: setup.margin,
    reference: () => [0],
  };
}

/** Minus the mean log-probability that the formulas give the tokens of a batch, in double precision. */
function lossByFormulas(values: Map<string, ArrayLike<number>>, { model }: Setup, batch: TokenBatch): number {
  const { tokens, rows, length } = batch;
  const logP = Array.from({ length: rows }, (_, row) =>
    referenceLogProbabilities(values, model, [...tokens.subarray(row * length, (row + 1) * length)]),
  ).flat();
  return -logP.reduce((sum, value) => sum + value, 0) / logP.length;
}

/**
 * @param family of the models
 * @param start starts the engine: other engines may have run since
 */
export function familyProperties(family: Family, start: () => Promise<Engine>): void {
  // Weights at which no norm divides by nothing and no score is in the hundreds: float32 tells nearly equal from equal.
  const models = setups({ family }).map(
    (setup): Setup => ({ ...setup, model: { ...setup.model, initialDeviation: 0.3, layerNormEpsilon: 1e-5 } }),
  );
  const check = (numRuns: number, body: (setup: Setup, engine: Engine) => Promise<void>): Promise<void> =>
    start().then((engine) =>
      fc.assert(
        fc.asyncProperty(models, (setup) => body(setup, engine)),
        { numRuns },
      ),
    );

  /** Gives `body` a model with its initial values, and disposes it. */
  async function loaded<Result>(
    engine: Engine,
    setup: Setup,
    body: (model: LoadedModel, values: ParameterValues) => Promise<Result>,
  ): Promise<Result> {
    const values = initialValues(setup);
    const parameters = loadParameters(setup, values);
    try {
      return await body({ engine, parameters, model: setup.model }, values);
    } finally {
      tf.dispose([...parameters.values()]);
    }
  }

  it('is causal: a later token changes no earlier logit, not by one bit, and its own', () =>
    check(15, (setup, engine) =>
      loaded(engine, setup, async ({ parameters, model }) => {
        const tokens = vocabulary(setup);
        const source = stream(setup.seed, 'causal');
        const ids = Int32Array.from({ length: 6 }, () => source.below(tokens));
        const logits = (given: Int32Array) =>
          valuesOfOne(engine, () => forward(parameters, model, tf.tensor1d(given, 'int32'), ids.length));
        const before = await logits(ids);
        for (let at = 1; at < ids.length; at++) {
          const after = await logits(ids.with(at, (ids[at] + 1) % tokens));
          expect(after.slice(0, at * tokens)).toEqual(before.slice(0, at * tokens));
          const own = [at * tokens, (at + 1) * tokens] as const;
          expect(after.slice(...own)).not.toEqual(before.slice(...own));
        }
      }),
    ));

  it('gives the tokens of its vocabulary probabilities that add up to 1', () =>
    check(15, (setup, engine) =>
      loaded(engine, setup, async ({ parameters, model }) => {
        const tokens = vocabulary(setup);
        const source = stream(setup.seed, 'probabilities');
        const ids = Int32Array.from({ length: 4 }, () => source.below(tokens));
        // As many equal sequences as there are tokens: each is asked for another one.
        const [repeated, labels] = [new Int32Array(4 * tokens), new Int32Array(4 * tokens)];
        for (let token = 0; token < tokens; token++) {
          repeated.set(ids, 4 * token);
          labels.fill(token, 4 * token, 4 * (token + 1));
        }
        const logP = await valuesOfOne(engine, () =>
          labelLogProbabilities(parameters, model, tf.tensor1d(repeated, 'int32'), tf.tensor1d(labels, 'int32'), 4),
        );
        for (let place = 0; place < 4; place++) {
          const sum = logP.reduce((total, value, at) => total + (at % 4 === place ? Math.exp(value) : 0), 0);
          expect(Math.abs(sum - 1)).toBeLessThan(1e-5); // float32, some dozens of tokens
        }
      }),
    ));

  it('has the log-probabilities that the formulas give in double precision', () =>
    check(15, (setup, engine) =>
      loaded(engine, setup, async ({ parameters, model }, values) => {
        const { batch } = imitated(setup);
        const logP = await valuesOfOne(engine, () => logProbabilities(parameters, model, batch));
        const expected = Array.from({ length: batch.rows }, (_, row) =>
          referenceLogProbabilities(values, model, [
            ...batch.tokens.subarray(row * batch.length, (row + 1) * batch.length),
          ]),
        ).flat();
        // Float32: 6e-8 a rounding, a few hundred roundings deep, on values of up to ten nats.
        logP.forEach((value, at) => expect(Math.abs(value - expected[at])).toBeLessThan(5e-5));
      }),
    ));

  it('gives every sequence of a batch what it has alone', () =>
    check(15, (setup, engine) =>
      loaded(engine, setup, async ({ parameters, model }) => {
        const { batch } = imitated(setup);
        const { tokens, rows, length } = batch;
        const together = await valuesOfOne(engine, () => logProbabilities(parameters, model, batch));
        for (let row = 0; row < rows; row++) {
          const one = { tokens: tokens.slice(row * length, (row + 1) * length), rows: 1, length };
          const alone = await valuesOfOne(engine, () => logProbabilities(parameters, model, one));
          // Products of other shapes may add up in another order.
          alone.forEach((value, at) => expect(Math.abs(value - together[row * (length - 1) + at])).toBeLessThan(2e-5));
        }
      }),
    ));

  it('has the slope that differences of the formulas give, along a direction of each parameter', () =>
    check(8, (setup, engine) =>
      loaded(engine, setup, async (model, values) => {
        const input = imitated(setup);
        const { gradients } = await lossesAndGradients(model, trainableNames(setup, 'all'), input);
        const step = 1e-4; // the third order of a difference, and the rounding of double precision, are below 1e-7
        for (const [name, gradient] of gradients) {
          const source = stream(setup.seed, `direction/${name}`);
          const own = values.get(name) as Float32Array;
          const direction = Array.from(own, () => source.normal(1 / Math.sqrt(own.length)));
          const lossAt = (distance: number) => {
            const moved = Float64Array.from(own, (value, at) => value + distance * direction[at]);
            return lossByFormulas(new Map<string, ArrayLike<number>>(values).set(name, moved), setup, input.batch);
          };
          const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
          const along = gradient.reduce((sum, value, at) => sum + value * direction[at], 0);
          const largest = Math.max(...gradient.map(Math.abs));
          expect(Math.abs(along - slope), name).toBeLessThan(1e-5 + 1e-4 * largest);
        }
      }),
    ));

  it('is the same model, in every bit, when its files are read again', () =>
    check(10, async (setup) => {
      const folder = temporaryFolder();
      const values = initialValues(setup);
      saveModel(folder, setup, values);
      assertSameShape({ ...setup, passwords: { ...setup.passwords, length: 4 } }, folder);
      expect(readConfig(folder)).toMatchObject({ family, vocabulary: vocabulary(setup) });
      expect(loadValues(setup, folder)).toEqual(values);
    }));

  it('moves all that is trained and nothing that is frozen', () =>
    check(10, async (setup, engine) => {
      fc.pre(isHalved(setup));
      await loaded(engine, setup, async (model, values) => {
        const trainable = trainableNames(setup, 'first-half');
        const optimiser = await newOptimiser(model, trainable, {
          ...setup.optimiser,
          ...{ learningRate: 0.1, epsilon: 1e-8, weightDecay: 0, clipNorm: 1e9, beta1: 0.9, beta2: 0.99 },
        });
        const prepared = new PreparedStep(model, trainable, imitated(setup), null);
        await optimiser.step(prepared.passes, 0.1, 1);
        optimiser.publish();
        const after = await valuesOf(model);
        prepared.dispose();
        optimiser.dispose();
        const moved = [...after].filter(([name, data]) => data.some((value, at) => value !== values.get(name)?.[at]));
        expect(new Set(moved.map(([name]) => name))).toEqual(new Set(trainable));
        const frozen = parameterSpecifications(setup).filter(({ name }) => !trainable.includes(name));
        expect(frozen.length).toBeGreaterThan(0);
      });
    }));

  it('leaves no tensor behind, neither scored nor trained', () =>
    check(5, async (setup, engine) => {
      const before = tf.memory().numTensors;
      await loaded(engine, setup, async (model) => {
        const own = tf.memory().numTensors;
        const ids = scratchTokenIds(setup);
        const passwords = buildCorpus(setup).heldOut;
        await score({ ...model, ids }, passwords, 'regular');
        await lens({ ...model, ids }, passwords, 'regular');
        expect(tf.memory().numTensors).toBe(own);
        await lossesAndGradients(model, trainableNames(setup, 'all'), imitated(setup));
        expect(tf.memory().numTensors).toBe(own);
      });
      expect(tf.memory().numTensors).toBe(before);
    }));

  it('computes as a graph what it computes operation by operation, from the first call on', () =>
    check(5, (setup, engine) =>
      loaded(engine, setup, async ({ parameters, model }) => {
        const { batch } = imitated(setup);
        const { inputs } = inputsAndLabels(batch);
        const graphs = engine.newGraphs();
        const names = [...parameters.keys()];
        const body = (ids: tf.Tensor, ...tensors: tf.Tensor[]) => {
          const given = new Map(names.map((name, index) => [name, tensors[index]]));
          return [forward(given, model, ids as tf.Tensor1D, batch.length - 1)];
        };
        const ids = tf.tensor1d(inputs, 'int32');
        const [plain] = await valuesFrom(engine, () => body(ids, ...parameters.values()));
        for (let call = 0; call < 2; call++) {
          const [logits] = graphs.run('logits', body, [ids, ...parameters.values()]);
          const values = await engine.read(logits);
          plain.forEach((value, at) => expect(Math.abs(value - values[at])).toBeLessThan(2e-5));
          logits.dispose();
        }
        graphs.dispose();
        ids.dispose();
      }),
    ));
}
