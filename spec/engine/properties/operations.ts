/** Operations have a version for each engine, and one composed of TensorFlow.js operations, which they must equal. */
import normalCdf from '@stdlib/stats-base-dists-normal-cdf';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Engine, startEngine, tf } from '../../../src/engine/engine.ts';
import { attention } from '../../../src/engine/operations/attention.ts';
import { embedding } from '../../../src/engine/operations/embedding.ts';
import { gelu, silu } from '../../../src/engine/operations/gelu.ts';
import { layerNorm } from '../../../src/engine/operations/layer-norm.ts';
import { biasedLinear, linear } from '../../../src/engine/operations/linear.ts';
import { residual } from '../../../src/engine/operations/residual.ts';
import { rmsNorm } from '../../../src/engine/operations/rms-norm.ts';
import { tokenLogProbability } from '../../../src/engine/operations/token-log-probability.ts';
import { stream } from '../../../src/random/streams.ts';
import * as composed from '../../helpers/composed.ts';
import { valuesFrom, valuesOfOne } from '../../helpers/reading.ts';
import type { Start } from './engine.ts';

const ours: typeof composed = {
  attention,
  biasedLinear,
  embedding,
  gelu,
  layerNorm,
  linear,
  residual,
  rmsNorm,
  silu,
  tokenLogProbability,
};

interface Case {
  shapes: number[][];
  /** With our operations, or with the composed ones. */
  apply: (operations: typeof composed, ...inputs: tf.Tensor[]) => tf.Tensor;
}

const source = stream(1, 'operations');
const ids = (count: number, bound: number) => Array.from({ length: count }, () => source.below(bound));
const size = fc.integer({ min: 1, max: 9 });

/** Value and gradients of a weighted sum of the outputs, so that every output has a slope of its own. */
function slopes(
  engine: Engine,
  { apply }: Case,
  operations: typeof composed,
  inputs: number[][],
  shapes: number[][],
): Promise<number[][]> {
  return valuesFrom(engine, () => {
    const tensors = inputs.map((data, index) => tf.tensor(data, shapes[index]));
    const loss = (...xs: tf.Tensor[]) => {
      const y = apply(operations, ...xs);
      const weights = tf.tensor(
        Array.from({ length: y.size }, (_, i) => Math.sin(i + 1)),
        y.shape,
      );
      return tf.sum(tf.mul(y, weights)) as tf.Scalar;
    };
    const { grads } = tf.valueAndGrads(loss)(tensors);
    return [apply(operations, ...tensors), ...grads];
  });
}

/** Values and gradients of an engine (in SIMD, loops or TensorFlow's own kernels) are those of the composition on `cpu`. */
async function equalsComposition(start: Start, cases: fc.Arbitrary<Case>): Promise<void> {
  const given = fc.sample(cases, { numRuns: 25, seed: 5 });
  const inputs = given.map(({ shapes }) =>
    shapes.map((shape) => Array.from({ length: tf.util.sizeFromShape(shape) }, () => source.normal(1))),
  );
  const all = async (engine: Engine, operations: typeof composed) => {
    const values: number[][][] = [];
    for (const [index, one] of given.entries()) {
      values.push(await slopes(engine, one, operations, inputs[index], one.shapes));
    }
    return values;
  };
  const expected = await all(await startEngine('cpu'), composed);
  (await all(await start(), ours)).forEach((arrays, index) =>
    arrays.forEach((values, which) => {
      const largest = Math.max(1, ...expected[index][which].map(Math.abs));
      values.forEach((value, i) => {
        // Float32, and 1.5e-7 from the erf of TensorFlow.js: some tens of roundings of the largest entry.
        expect(
          Math.abs(value - expected[index][which][i]),
          `${JSON.stringify(given[index].shapes)}, array ${which}`,
        ).toBeLessThan(5e-6 * largest);
      });
    }),
  );
}

export function operationProperties(start: Start): void {
  it('gelu', () =>
    equalsComposition(
      start,
      fc.tuple(size, size).map((shape) => ({ shapes: [shape], apply: (operations, x) => operations.gelu(x) })),
    ));

  it('gelu of a linear layer, whoever adds its bias', () =>
    equalsComposition(
      start,
      fc.tuple(size, size, fc.integer({ min: 1, max: 40 })).map(([rows, from, to]) => ({
        shapes: [[rows, from], [from, to], [to]],
        apply: (operations, x, weight, bias) => {
          const layer = operations.biasedLinear(x, weight, bias);
          return operations.gelu(layer.x, layer.bias);
        },
      })),
    ));

  it('what one or two linear layers add to the residual stream', () =>
    equalsComposition(
      start,
      fc.tuple(size, size, fc.integer({ min: 1, max: 40 }), fc.boolean()).map(([rows, from, to, both]) => ({
        shapes: [[rows, to], [rows, from], [from, to], [to], [from, to], [to]],
        apply: (operations, x, read, weight, bias, otherWeight, otherBias) => {
          const first = operations.biasedLinear(read, weight, bias);
          const second = operations.biasedLinear(read, otherWeight, otherBias);
          return both
            ? operations.residual(x, first, second)
            : operations.residual(operations.residual(x, first), second);
        },
      })),
    ));

  it('layer norm', () =>
    equalsComposition(
      start,
      fc.tuple(size, fc.integer({ min: 2, max: 19 })).map(([rows, width]) => ({
        shapes: [[rows, width], [width], [width]],
        apply: (operations, x, gain, bias) => operations.layerNorm(x, gain, bias, 1e-2),
      })),
    ));

  it('RMS norm', () =>
    equalsComposition(
      start,
      fc.tuple(size, fc.integer({ min: 1, max: 19 })).map(([rows, width]) => ({
        shapes: [[rows, width], [width]],
        apply: (operations, x, gain) => operations.rmsNorm(x, gain, 1e-2),
      })),
    ));

  it('SiLU', () =>
    equalsComposition(
      start,
      fc.tuple(size, size).map((shape) => ({ shapes: [shape], apply: (operations, x) => operations.silu(x) })),
    ));

  it('linear, with and without bias', () =>
    equalsComposition(
      start,
      fc.tuple(size, size, fc.integer({ min: 1, max: 40 }), fc.boolean()).map(([rows, from, to, biased]) => ({
        shapes: [[rows, from], [from, to], ...(biased ? [[to]] : [])],
        apply: (operations, x, weight, bias) => operations.linear(x, weight, bias),
      })),
    ));

  it('token log-probability', () =>
    equalsComposition(
      start,
      fc.tuple(size, fc.integer({ min: 2, max: 30 })).map(([rows, vocabulary]) => {
        const data = ids(rows, vocabulary);
        return {
          shapes: [[rows, vocabulary]],
          apply: (operations, x) => operations.tokenLogProbability(x, tf.tensor1d(data, 'int32')),
        };
      }),
    ));

  it('embedding', () =>
    equalsComposition(
      start,
      fc.tuple(size, size, size).map(([rows, vocabulary, width]) => {
        const data = ids(rows, vocabulary);
        return {
          shapes: [[vocabulary, width]],
          apply: (operations, table) => operations.embedding(table, tf.tensor1d(data, 'int32')),
        };
      }),
    ));

  it('attention, whatever part of a head is rotary', () =>
    equalsComposition(
      start,
      fc
        .record({
          sequences: fc.integer({ min: 1, max: 3 }),
          time: size,
          heads: fc.integer({ min: 1, max: 3 }),
          width: size,
          part: fc.double({ min: 0, max: 1, noNaN: true }),
          biased: fc.boolean(),
        })
        .map(({ sequences, time, heads, width, part, biased }) => ({
          shapes: [[sequences * time, 3 * heads * width], ...(biased ? [[3 * heads * width]] : [])],
          apply: (operations, qkv, bias) => {
            const rotary = 2 * Math.floor((width * part) / 2);
            return operations.attention(qkv, { time, heads, rotary, rotaryBase: 100 }, bias);
          },
        })),
    ));

  it('GELU is x Phi(x) to float32, far out too', async () => {
    const engine = await start();
    const x = Float32Array.from({ length: 2001 }, (_, index) => (index - 1000) / 80);
    const y = await valuesOfOne(engine, () => gelu(tf.tensor1d(x)));
    x.forEach((value, index) => {
      // 2e-7: the approximation of Phi (1e-7, Abramowitz & Stegun 7.1.26) and a float32 rounding, times |x|.
      expect(Math.abs(y[index] - value * normalCdf(value, 0, 1))).toBeLessThan(2e-7 * Math.max(1, Math.abs(value)));
    });
  });
}
