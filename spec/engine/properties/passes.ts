/** A step in passes is the step at once. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, tf } from '../../../src/engine/engine.ts';
import { initialValues, loadParameters, trainableNames, valuesOf } from '../../../src/model/parameters.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import { PHASES, type Phase } from '../../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../../src/passwords/tokens.ts';
import { lossesAndGradients } from '../../../src/properties/gradients.ts';
import type { PerLoss } from '../../../src/recipe/recipe.ts';
import { trainToEnd } from '../../../src/training/trainer.ts';
import { tinySetup } from '../../helpers/setups.ts';
import type { Start } from './engine.ts';

const setup = tinySetup((draft) => {
  draft.batch = 6;
  draft.model.initialDeviation = 0.3;
  draft.phases.joint.weights.randomReverse = 0.4;
});
const ids = scratchTokenIds(setup);
const corpus = buildCorpus(setup);
const values = initialValues(setup);
const WEIGHTS: Record<Phase, PerLoss<number>> = {
  pretrain: { dpo: 0, useful: 0, random: 1, randomReverse: 0 },
  dpo: { dpo: 1, useful: 0, random: 0, randomReverse: 0 },
  joint: { dpo: 1, useful: 0.5, random: 0.2, randomReverse: 0.4 },
};

async function step(engine: Engine, phase: Phase, microBatch: number | null) {
  const parameters = loadParameters(setup, values);
  const graphs = engine.newGraphs();
  const examples = corpus.examples(phase, 0);
  const input = {
    examples,
    batch: tokenBatch(examples, ids),
    weights: WEIGHTS[phase],
    objective: setup.objective,
    beta: setup.beta,
    margin: setup.margin,
    reference: (password: string) => [-10 - (password.charCodeAt(0) % 7) / 3],
  };
  const before = tf.memory().numTensors;
  const result = await lossesAndGradients(
    { engine, parameters, model: setup.model, graphs },
    trainableNames(setup, 'all'),
    input,
    microBatch,
  );
  expect(tf.memory().numTensors).toBe(before);
  expect(await valuesOf({ engine, parameters })).toEqual(values); // the step that it is changes nothing
  tf.dispose([...parameters.values()]);
  graphs.dispose();
  return result;
}

const largest = (array: Float32Array): number => array.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

export function passesProperties(start: Start): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });

  // 6 of each kind: 1 at a time, 2, 4 and then a short pass of 2, 5 and then one of 1.
  describe.each(PHASES)('of %s', (phase) => {
    it.each([
      1, 2, 4, 5,
    ])('of %i sequences of each kind has the losses and gradients of the whole', async (microBatch) => {
      const whole = await step(engine, phase, null);
      const parts = await step(engine, phase, microBatch);
      for (const [part, loss] of Object.entries(whole.losses)) {
        const summed = parts.losses[part as keyof typeof parts.losses];
        if (loss === null) expect(summed, part).toBeNull();
        // A mean of six numbers of float32, taken in another order.
        else
          expect(Math.abs((summed as number) - loss), part).toBeLessThanOrEqual(
            8 * 2 ** -24 * Math.max(1, Math.abs(loss)),
          );
      }
      // A sum over some hundred positions in another order: rounding of the largest gradient, a few dozen times.
      const scale = Math.max(...[...whole.gradients.values()].map(largest));
      for (const [name, gradient] of whole.gradients) {
        const other = parts.gradients.get(name) as Float32Array;
        expect(largest(gradient.map((value, index) => value - other[index])), name).toBeLessThan(64 * 2 ** -24 * scale);
      }
    });
  });

  it('of the whole or more is the step at once, to the last bit', async () => {
    expect(await step(engine, 'joint', 6)).toEqual(await step(engine, 'joint', null));
    expect(await step(engine, 'joint', 100)).toEqual(await step(engine, 'joint', null));
  });

  it('trains a run that ends where one at once does, but for rounding, and repeats itself bit for bit', async () => {
    const inPasses = () => trainToEnd(setup, { engine, execution: { microBatch: 4 } });
    const [whole, parts, again] = [await trainToEnd(setup, { engine }), await inPasses(), await inPasses()];
    expect(again).toEqual(parts);
    expect(parts.ledger).toEqual(whole.ledger);
    expect(parts.parametersDigest).not.toBe(whole.parametersDigest);
    const rates = (outcome: typeof whole) => outcome.evaluations.map(({ sets }) => sets.heldOut.guessRate);
    rates(parts).forEach((rate, index) => {
      expect(Math.abs(rate - rates(whole)[index])).toBeLessThan(1e-3);
    });
  });
}
