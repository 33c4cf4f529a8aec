/** The optimiser follows the documented algorithm, goes on from its state, and changes nothing that it was given. */
import { beforeAll, expect, it } from 'vitest';
import { type Engine, tf } from '../../../src/engine/engine.ts';
import { type Parameters, valuesOf } from '../../../src/model/parameters.ts';
import { stream } from '../../../src/random/streams.ts';
import { DivergenceError, newOptimiser, type Optimiser } from '../../../src/training/optimiser.ts';
import { documentedAdamw, optimiser } from '../../helpers/adamw.ts';
import type { Start } from './engine.ts';

export function optimiserProperties(start: Start): void {
  let engine: Engine;
  beforeAll(async () => {
    engine = await start();
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

  /** Takes a step whose gradients are given. @returns their norm */
  const apply = async (one: Optimiser, gradients: Map<string, Float32Array>, update: number): Promise<number> => {
    const inputs = [...loaded(gradients).values()];
    const body = (...tensors: tf.Tensor[]) => [
      tf.sum(tensors[0]),
      ...tensors.slice(0, inputs.length).map((gradient) => tf.mul(gradient, 1)),
    ];
    try {
      const { scalars, norm } = await one.step([{ key: 'given', body, scalars: 1, inputs }], 1e-2, update);
      expect(scalars).toEqual([
        [
          expect.closeTo(
            (gradients.get('matrix') as Float32Array).reduce((a, b) => a + b),
            3,
          ),
        ],
      ]);
      return norm;
    } finally {
      one.publish();
      tf.dispose(inputs);
    }
  };

  it('clips all gradients by one norm, then follows the documented algorithm', async () => {
    const values = drawn(1);
    const parameters = loaded(values);
    const all = await newOptimiser({ engine, parameters }, TRAINABLE, optimiser);
    // Some below the bound of 1, some far above it; each parameter's history is what documentedAdamw is given.
    const history = [0.01, 3, 0.1, 200, 1, 0.05, 2].map((scale) => drawn(scale, TRAINABLE));
    const clipped: Map<string, Float32Array>[] = [];
    for (const [index, gradients] of history.entries()) {
      const exact = Math.hypot(...[...gradients.values()].flatMap((data) => [...data]));
      const norm = await apply(all, gradients, index + 1);
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
    const step = (which: typeof first, index: number) => apply(which, gradients[index], index + 1);
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
    await apply(one, drawn(1, TRAINABLE), 1);
    const before = {
      values: await valuesOf({ engine, parameters }),
      state: await one.state(),
      tensors: tf.memory().numTensors,
    };
    const gradients = drawn(1, TRAINABLE);
    gradients.get('vector')?.fill(bad, 3, 4);
    await expect(apply(one, gradients, 2)).rejects.toThrow(DivergenceError);
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
    for (const update of [1, 2]) await apply(one, drawn(1, TRAINABLE), update);
    (await newOptimiser({ engine, parameters }, TRAINABLE, optimiser, await one.state())).dispose();
    one.dispose();
    expect(tf.memory().numTensors).toBe(before + SHAPES.size);
    tf.dispose([...parameters.values()]);
  });
}
