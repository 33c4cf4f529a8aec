/** A function that runs as a graph gives what it gives operation by operation. */
import { beforeAll, expect, it } from 'vitest';
import { type Engine, tf } from '../../../src/engine/engine.ts';
import { type Graphs, OPERATION_BY_OPERATION } from '../../../src/engine/graphs.ts';
import { initialValues, loadParameters, trainableNames } from '../../../src/model/parameters.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import { scratchTokenIds, tokenBatch } from '../../../src/passwords/tokens.ts';
import { PreparedStep } from '../../../src/training/step.ts';
import { valuesOfOne } from '../../helpers/reading.ts';
import { tinySetup } from '../../helpers/setups.ts';
import type { Start } from './engine.ts';

export function graphProperties(start: Start): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
  });

  const largest = async (x: tf.Tensor) => (await valuesOfOne(engine, () => tf.max(tf.abs(x))))[0];

  it('give what the function gives, for every shape of its inputs', async () => {
    const graphs = engine.newGraphs();
    const body = (a: tf.Tensor, b: tf.Tensor) => [tf.add(tf.matMul(a, b), 1), tf.softmax(a), tf.scalar(7)];
    for (const [rows, inner] of [
      [2, 3],
      [1, 1],
      [4, 2],
      [2, 3],
    ]) {
      const inputs = [tf.randomNormal([rows, inner]), tf.randomNormal([inner, 3])];
      const [actual, expected] = [graphs, OPERATION_BY_OPERATION].map((how) => how.run('body', body, inputs));
      for (const [index, tensor] of actual.entries()) {
        expect(tensor.shape).toEqual(expected[index].shape);
        // A graph's operations may be fused: a rounding or two of numbers around 1.
        expect(await largest(tf.sub(tensor, expected[index]))).toBeLessThan(1e-6);
      }
    }
    graphs.dispose();
  });

  it('are told apart by their keys', async () => {
    const graphs = engine.newGraphs();
    const x = tf.scalar(5);
    const plus = (by: number) =>
      valuesOfOne(engine, () => graphs.run(`plus ${by}`, (value) => [tf.add(value, by)], [x])[0]);
    expect([await plus(1), await plus(2), await plus(1)].flat()).toEqual([6, 7, 6]);
    graphs.dispose();
  });

  it('leave no tensor behind but what they return, and none once disposed of', () => {
    const x = tf.ones([3, 3]);
    const before = tf.memory().numTensors;
    const graphs = engine.newGraphs();
    for (let call = 0; call < 3; call++) {
      const outputs = graphs.run('square', (value) => [tf.square(tf.matMul(value, value))], [x]);
      expect(tf.memory().numTensors).toBe(before + 1);
      tf.dispose(outputs);
    }
    graphs.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('of a training step have its losses and gradients, whatever the weights and the batch', async () => {
    const graphs = engine.newGraphs();
    const setup = tinySetup((draft) => Object.assign(draft.model, { initialDeviation: 0.3 }));
    const ids = scratchTokenIds(setup);
    const parameters = loadParameters(setup, initialValues(setup));
    const corpus = buildCorpus(setup);
    for (const [phase, trainable] of [
      ['pretrain', 'all'],
      ['dpo', 'first-half'],
      ['joint', 'all'],
    ] as const) {
      for (const step of [0, 1]) {
        const examples = corpus.examples(phase, step);
        const input = {
          examples,
          batch: tokenBatch(examples, ids),
          weights: { dpo: 1, useful: 0.5, random: 0.2, randomReverse: 0 },
          objective: 'dpo' as const,
          beta: 0.3,
          margin: 0,
          reference: (password: string) => [-12 - password.charCodeAt(step) / 100],
        };
        const prepared = new PreparedStep(
          { parameters, model: setup.model },
          trainableNames(setup, trainable),
          input,
          null,
        );
        const [{ key, body, scalars, inputs }] = prepared.passes;
        const stepWith = (how: Graphs) => how.run(key, body, [...inputs, ...parameters.values()]);
        const [actual, expected] = [stepWith(graphs), stepWith(OPERATION_BY_OPERATION)];
        expect(actual.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
        for (const [index, exact] of expected.entries()) {
          const difference = await largest(tf.sub(actual[index], exact));
          // Losses: nats, tens of float32 roundings. Gradients: as between engines.
          const most = index < scalars ? 5e-6 : 1e-5 * Math.max(0.01, await largest(exact));
          expect(difference, `${phase}, step ${step}, output ${index}`).toBeLessThan(most);
        }
        prepared.dispose();
        tf.dispose([...actual, ...expected]);
      }
    }
    graphs.dispose();
  });
}
