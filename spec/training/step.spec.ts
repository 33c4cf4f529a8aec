import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { initialValues, loadParameters, type ParameterValues, trainableNames } from '../../src/model/parameters.ts';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import type { Example } from '../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { lossesAndGradients } from '../../src/properties/gradients.ts';
import { stream } from '../../src/random/streams.ts';
import type { PerLoss } from '../../src/recipe/recipe.ts';
import { dpoLoss, nextTokenLoss } from '../../src/training/objectives.ts';
import { newOptimiser } from '../../src/training/optimiser.ts';
import { PreparedStep } from '../../src/training/step.ts';
import { referenceLogProbabilities } from '../helpers/reference-model.ts';
import { tinySetup } from '../helpers/setups.ts';

const setup = tinySetup((draft) => {
  Object.assign(draft.model, { hidden: 8, heads: 2, layers: 2, rotaryFraction: 0.5, initialDeviation: 0.4 });
  draft.beta = 0.3;
  draft.batch = 2; // the oracle is slow
  draft.phases.joint.weights.randomReverse = 0.3;
});
const constants = { objective: setup.objective, beta: setup.beta, margin: setup.margin };
const ids = scratchTokenIds(setup);
const corpus = buildCorpus(setup);
const values = initialValues(setup);
const everything = trainableNames(setup, 'all');
const examples = corpus.examples('joint', 0);
const weights: PerLoss<number> = { dpo: 1, useful: 0.5, random: 0.2, randomReverse: 0.3 };
// Any fixed reference will do here, as long as it differs from the policy.
const reference = (password: string): number[] => [-10 - (password.charCodeAt(0) % 7) / 3];

const engine = await startEngine();

/** Loss and gradients of given examples and weights, as plain numbers. */
async function evaluate(given: readonly Example[], weightsOf: PerLoss<number>, trainable = everything) {
  const parameters = loadParameters(setup, values);
  const input = { examples: given, batch: tokenBatch(given, ids), weights: weightsOf, ...constants, reference };
  const model = { engine, parameters, model: setup.model };
  const { losses, gradients } = await lossesAndGradients(model, trainable, input);
  const plain = new Map([...gradients].map(([name, gradient]) => [name, [...gradient]]));
  tf.dispose([...parameters.values()]);
  return { losses, gradients: plain };
}

/** The weighted loss by the formulas of the paper, in double precision. */
function referenceLoss(at: Map<string, ArrayLike<number>>): number {
  const logP = (example: Example) => {
    const { tokens } = tokenBatch([example], ids);
    return referenceLogProbabilities(at, setup.model, [...tokens]);
  };
  const sum = (list: number[]) => list.reduce((total, value) => total + value, 0);
  const mean = (list: number[]) => sum(list) / list.length;
  const of = (is: (example: Example) => boolean) => examples.filter(is);
  const chosen = of(({ reward }) => reward === 'chosen');
  const rejected = of(({ reward }) => reward === 'rejected');
  const dpo = mean(
    chosen.map((example, row) => {
      const margin =
        sum(logP(example)) -
        reference(example.password)[0] -
        (sum(logP(rejected[row])) - reference(rejected[row].password)[0]);
      return Math.log(1 + Math.exp(-setup.beta * margin));
    }),
  );
  const useful = -mean(of(({ reward, role }) => reward === 'imitated' && role === 'useful').flatMap(logP));
  const random = -mean(of(({ role }) => role === 'joint-random').flatMap(logP));
  const randomReverse = -mean(of(({ role }) => role === 'joint-random-reverse').flatMap(logP));
  return weights.dpo * dpo + weights.useful * useful + weights.random * random + weights.randomReverse * randomReverse;
}

describe('the packed step', () => {
  it('has the loss that the formulas give in double precision', async () => {
    expect((await evaluate(examples, weights)).losses.total, 'loss').toBeCloseTo(referenceLoss(values), 4);
  });

  it('has the gradients that finite differences of the formulas give, for entries of every parameter', async () => {
    const { gradients } = await evaluate(examples, weights);
    const source = stream(1, 'entries');
    for (const name of everything) {
      const gradient = gradients.get(name) as number[];
      const scale = Math.max(...gradient.map(Math.abs), 1e-3);
      for (let draw = 0; draw < 2; draw++) {
        const entry = source.below(gradient.length);
        const nudged = (by: number) => {
          const copy: ParameterValues = new Map(values);
          const data = Float64Array.from(values.get(name) as Float32Array);
          data[entry] += by;
          return referenceLoss(new Map<string, ArrayLike<number>>([...copy, [name, data]]));
        };
        const h = 1e-4; // central differences in double precision: error h^2, about 1e-8
        const expected = (nudged(h) - nudged(-h)) / (2 * h);
        // Float32 gradients of a few thousand roundings each: 1e-4 of the parameter's largest gradient.
        expect(Math.abs(gradient[entry] - expected), `${name}[${entry}]`).toBeLessThan(1e-4 * scale);
      }
    }
  });

  it('equals the weighted sum of separate steps for DPO, useful, random and random under `reverse`', async () => {
    const packed = await evaluate(examples, weights);
    const parts = [
      await evaluate(
        examples.filter(({ reward }) => reward !== 'imitated'),
        { dpo: weights.dpo, useful: 0, random: 0, randomReverse: 0 },
      ),
      await evaluate(
        examples.filter(({ reward, role }) => reward === 'imitated' && role === 'useful'),
        { dpo: 0, useful: weights.useful, random: 0, randomReverse: 0 },
      ),
      await evaluate(
        examples.filter(({ role }) => role === 'joint-random'),
        { dpo: 0, useful: 0, random: weights.random, randomReverse: 0 },
      ),
      await evaluate(
        examples.filter(({ role }) => role === 'joint-random-reverse'),
        { dpo: 0, useful: 0, random: 0, randomReverse: weights.randomReverse },
      ),
    ];
    expect(packed.losses.total).toBeCloseTo(
      parts.reduce((sum, { losses }) => sum + losses.total, 0),
      5,
    );
    expect(packed.losses.dpo).toBeCloseTo(parts[0].losses.dpo as number, 6);
    for (const [name, gradient] of packed.gradients) {
      gradient.forEach((value, entry) => {
        const sum = parts.reduce((total, { gradients }) => total + (gradients.get(name) as number[])[entry], 0);
        expect(Math.abs(value - sum), name).toBeLessThan(1e-5 * Math.max(1, Math.abs(sum)));
      });
    }
  });

  it('computes gradients for the trained parameters alone, and they are the same as when all train', async () => {
    const half = trainableNames(setup, 'first-half');
    const { gradients } = await evaluate(examples, weights, half);
    expect([...gradients.keys()]).toEqual(half);
    const all = (await evaluate(examples, weights)).gradients;
    for (const [name, gradient] of gradients) expect(gradient).toEqual(all.get(name));
  });

  it.each([null, 1])('leaves no tensor and no byte behind, in passes of %s', async (microBatch) => {
    const parameters = loadParameters(setup, values);
    const model = { engine, parameters, model: setup.model };
    const before = tf.memory();
    const optimiser = await newOptimiser(model, everything, setup.optimiser);
    const input = { examples, batch: tokenBatch(examples, ids), weights, ...constants, reference };
    for (let update = 1; update <= 3; update++) {
      const step = new PreparedStep(model, everything, input, microBatch);
      await optimiser.step(step.passes, 1e-3, update);
      step.dispose();
      optimiser.publish();
      expect(tf.memory().numTensors).toBe(before.numTensors);
      expect(tf.memory().numBytes).toBe(before.numBytes);
    }
    optimiser.dispose();
    tf.dispose([...parameters.values()]);
  });
});

describe('DPO', () => {
  const source = stream(2, 'margins');
  const vector = () => tf.tensor1d(Array.from({ length: 5 }, () => source.normal(3)));
  const value = (tensor: tf.Tensor) => tensor.dataSync()[0];

  it('is ln 2 where policy and reference agree', () => {
    tf.tidy(() => {
      const [chosen, rejected] = [vector(), vector()];
      expect(value(dpoLoss(chosen, rejected, chosen, rejected, 0.3))).toBeCloseTo(Math.LN2, 6);
    });
  });

  it('is antisymmetric: exchanging the sides turns the margin over, so that the losses differ by beta times its mean', () => {
    tf.tidy(() => {
      const [chosen, rejected, ofChosen, ofRejected] = [vector(), vector(), vector(), vector()];
      const straight = value(dpoLoss(chosen, rejected, ofChosen, ofRejected, 0.3));
      const exchanged = value(dpoLoss(rejected, chosen, ofRejected, ofChosen, 0.3));
      const margin = value(tf.mean(tf.sub(tf.sub(chosen, ofChosen), tf.sub(rejected, ofRejected))));
      expect(straight - exchanged).toBeCloseTo(-0.3 * margin, 5);
    });
  });

  it('falls as the chosen side becomes likelier and rises as the rejected side does', () => {
    tf.tidy(() => {
      const [chosen, rejected] = [vector(), vector()];
      const at = (up: number, down: number) =>
        value(dpoLoss(tf.add(chosen, up), tf.add(rejected, down), chosen, rejected, 0.3));
      expect(at(1, 0)).toBeLessThan(Math.LN2);
      expect(at(0, 1)).toBeGreaterThan(Math.LN2);
      expect(at(1, 0)).toBeCloseTo(Math.log(1 + Math.exp(-0.3)), 6);
    });
  });

  it('stays finite at margins that overflow an exponential', () => {
    tf.tidy(() => {
      const far = (margin: number) =>
        value(dpoLoss(tf.tensor1d([margin]), tf.tensor1d([0]), tf.tensor1d([0]), tf.tensor1d([0]), 1));
      expect(far(-1000)).toBeCloseTo(1000, 2);
      expect(far(1000)).toBeCloseTo(0, 6);
    });
  });
});

it('next-token prediction of a uniform model is minus the chance line', () => {
  tf.tidy(() => {
    const uniform = tf.fill([3, 8], Math.log(1 / 26));
    expect(nextTokenLoss(uniform).dataSync()[0]).toBeCloseTo(Math.log(26), 5);
  });
});
