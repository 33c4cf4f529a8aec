import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { type Parameters, valuesOf } from '../../src/model/parameters.ts';
import { stream } from '../../src/random/streams.ts';
import { adamwStep, clipFactor, globalNorm, stepNumbers } from '../../src/training/adamw.ts';
import { DivergenceError, newOptimiser } from '../../src/training/optimiser.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';

const optimiser = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.01,
  warmupSteps: 100,
  clipNorm: 1,
};

/** AdamW line by line as torch.optim.AdamW documents it, one number at a time, in double precision. */
function documentedAdamw(theta: number, gradients: number[], rate: number): number {
  let [m, v, value] = [0, 0, theta];
  gradients.forEach((g, index) => {
    const t = index + 1;
    value = value - rate * 0.01 * value;
    m = 0.9 * m + (1 - 0.9) * g;
    v = 0.999 * v + (1 - 0.999) * g ** 2;
    const mHat = m / (1 - 0.9 ** t);
    const vHat = v / (1 - 0.999 ** t);
    value = value - (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
  });
  return value;
}

describe('adamwStep', () => {
  it('follows the documented algorithm over many steps', () => {
    const small = fc.double({ min: -2, max: 2, noNaN: true });
    fc.assert(
      fc.property(small, fc.array(small, { minLength: 1, maxLength: 30 }), (theta, gradients) => {
        const parameter = Float32Array.of(theta);
        const moments = { first: new Float32Array(1), second: new Float32Array(1) };
        gradients.forEach((g, index) =>
          adamwStep(parameter, Float32Array.of(g), moments, optimiser, stepNumbers(optimiser, 1e-2, index + 1), 1),
        );
        // State is float32: gradients near 0 make the ratio of two roundings, each step at most the rate.
        const exact = documentedAdamw(Math.fround(theta), gradients.map(Math.fround), 1e-2);
        expect(Math.abs(parameter[0] - exact)).toBeLessThan(2e-6 * gradients.length + 1e-6);
      }),
    );
  });

  it('moves the first step by the learning rate against the gradient, whatever its size', () => {
    for (const g of [1e-3, 1, 50]) {
      const parameter = Float32Array.of(0);
      adamwStep(
        parameter,
        Float32Array.of(g),
        { first: new Float32Array(1), second: new Float32Array(1) },
        optimiser,
        stepNumbers(optimiser, 1e-3, 1),
        1,
      );
      expect(parameter[0]).toBeCloseTo(-1e-3, 7);
    }
  });

  it('decays a weight without gradient by learning rate times weight decay', () => {
    const parameter = Float32Array.of(2);
    adamwStep(
      parameter,
      Float32Array.of(0),
      { first: new Float32Array(1), second: new Float32Array(1) },
      optimiser,
      stepNumbers(optimiser, 0.1, 1),
      1,
    );
    expect(parameter[0]).toBeCloseTo(2 * (1 - 0.1 * 0.01), 6);
  });
});

describe.each(ENGINES_HERE)('an optimiser on %s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine(name);
  });

  const SHAPES = new Map<string, number[]>([
    ['matrix', [3, 5]],
    ['vector', [7]],
    ['frozen', [2]],
  ]);
  const TRAINABLE = ['matrix', 'vector'];
  const draws = stream(1, 'optimiser');
  const drawn = (scale: number, names: Iterable<string> = SHAPES.keys()) =>
    new Map(
      [...names].map((name) => {
        const shape = SHAPES.get(name) as number[];
        const size = tf.util.sizeFromShape(shape);
        return [name, Float32Array.from({ length: size }, () => draws.normal(scale))];
      }),
    );
  const loaded = (values: Map<string, Float32Array>): Parameters =>
    new Map([...values].map(([name, data]) => [name, tf.tensor(data, SHAPES.get(name) as number[])]));

  it('clips all gradients by one norm, then follows the documented algorithm', async () => {
    const values = drawn(1);
    const parameters = loaded(values);
    const all = await newOptimiser({ engine, parameters }, TRAINABLE, optimiser);
    // Some below the bound of 1, some far above it; each parameter's history is what documentedAdamw is given.
    const history = [0.01, 3, 0.1, 200, 1, 0.05, 2].map((scale) => drawn(scale, TRAINABLE));
    const clipped: Map<string, Float32Array>[] = [];
    for (const [index, gradients] of history.entries()) {
      const exact = Math.hypot(...[...gradients.values()].flatMap((data) => [...data]));
      const norm = await all.apply(loaded(gradients), 1e-2, index + 1);
      expect(Math.abs(norm / exact - 1)).toBeLessThan(1e-6); // a few float32 roundings
      clipped.push(new Map([...gradients].map(([name, data]) => [name, data.map((g) => g * Math.min(1, 1 / exact))])));
    }
    const now = await valuesOf({ engine, parameters });
    for (const name of TRAINABLE) {
      now.get(name)?.forEach((value, index) => {
        const theta = values.get(name)?.[index] as number;
        const expected = documentedAdamw(
          theta,
          clipped.map((gradients) => gradients.get(name)?.[index] as number),
          1e-2,
        );
        // Seven steps of at most 1e-2, and values around 1, each rounded to float32 a few times.
        expect(Math.abs(value - expected), `${name}[${index}]`).toBeLessThan(2e-6);
        expect(Math.abs(value - theta)).toBeGreaterThan(1e-3); // it moved, so agreement says something
      });
    }
    expect(now.get('frozen')).toEqual(values.get('frozen'));
    all.dispose();
    tf.dispose([...parameters.values()]);
  });

  it('goes on from its state bit for bit, and neither it nor its updates change what it was given', async () => {
    const given = drawn(1);
    const copies = structuredClone(given);
    const gradients = Array.from({ length: 6 }, () => drawn(1, TRAINABLE));
    const parameters = loaded(given);
    const first = await newOptimiser({ engine, parameters }, TRAINABLE, optimiser);
    const step = (which: typeof first, index: number) => which.apply(loaded(gradients[index]), 1e-2, index + 1);
    for (const index of [0, 1, 2]) await step(first, index);
    const values = await valuesOf({ engine, parameters });
    const state = await first.state();
    const saved = structuredClone({ values, state });

    const resumedParameters = loaded(values);
    const resumed = await newOptimiser({ engine, parameters: resumedParameters }, TRAINABLE, optimiser, state);
    for (const index of [3, 4, 5]) expect(await step(resumed, index)).toBe(await step(first, index));
    expect(await valuesOf({ engine, parameters: resumedParameters })).toEqual(await valuesOf({ engine, parameters }));
    expect(await resumed.state()).toEqual(await first.state());
    expect(given).toEqual(copies);
    expect({ values, state }).toEqual(saved);
    for (const one of [first, resumed]) one.dispose();
    tf.dispose([...parameters.values(), ...resumedParameters.values()]);
  });

  it.each([
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ])('refuses a gradient of %s before it changes anything', async (bad) => {
    const parameters = loaded(drawn(1));
    const one = await newOptimiser({ engine, parameters }, TRAINABLE, optimiser);
    await one.apply(loaded(drawn(1, TRAINABLE)), 1e-2, 1);
    const before = {
      values: await valuesOf({ engine, parameters }),
      state: await one.state(),
      tensors: tf.memory().numTensors,
    };
    const gradients = drawn(1, TRAINABLE);
    gradients.get('vector')?.fill(bad, 3, 4);
    await expect(one.apply(loaded(gradients), 1e-2, 2)).rejects.toThrow(DivergenceError);
    expect({
      values: await valuesOf({ engine, parameters }),
      state: await one.state(),
      tensors: tf.memory().numTensors,
    }).toEqual(before);
    one.dispose();
    tf.dispose([...parameters.values()]);
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const parameters = loaded(drawn(1));
    const one = await newOptimiser({ engine, parameters }, TRAINABLE, optimiser);
    for (const update of [1, 2]) await one.apply(loaded(drawn(1, TRAINABLE)), 1e-2, update);
    (await newOptimiser({ engine, parameters }, TRAINABLE, optimiser, await one.state())).dispose();
    one.dispose();
    expect(tf.memory().numTensors).toBe(before + SHAPES.size);
    tf.dispose([...parameters.values()]);
  });
});

describe('clipping', () => {
  it('takes one norm over all gradients together and never lengthens them', () => {
    const gradients = [Float32Array.of(3, 0), Float32Array.of(0, 4)];
    expect(globalNorm(gradients)).toBe(5);
    expect(clipFactor(5, 1) * 5, 'norm after clipping').toBeCloseTo(1, 5);
    expect(clipFactor(0.5, 1)).toBe(1);
    expect(clipFactor(0, 1)).toBe(1);
  });
});
