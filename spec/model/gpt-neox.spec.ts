import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { logProbabilities } from '../../src/model/model.ts';
import { initialValues, loadParameters, parameterSpecifications, trainableNames } from '../../src/model/parameters.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { vocabulary } from '../../src/setup/sizes.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { referenceLogProbabilities } from '../helpers/reference-model.ts';
import { tinySetup } from '../helpers/setups.ts';

const random = { prefix: 'regular' as const };
const shapes: [string, Partial<Setup['model']>][] = [
  ['a quarter of each head rotary, as in Pythia', { hidden: 32, heads: 4, layers: 3, rotaryFraction: 0.25 }],
  ['the whole head rotary', { hidden: 16, heads: 2, layers: 2, rotaryFraction: 1 }],
  [
    'nothing rotary, and widths that no SIMD register divides',
    { hidden: 15, heads: 3, layers: 1, rotaryFraction: 0, intermediateFactor: 3 },
  ],
];

describe.each(ENGINES_HERE)('GPT-NeoX on %s', (engine) => {
  it.each(shapes)('agrees with the formulas in double precision: %s', async (_, model) => {
    await startEngine(engine);
    const setup = tinySetup((draft) => Object.assign(draft.model, { initialDeviation: 0.3 }, model));
    const values = initialValues(setup);
    const parameters = loadParameters(setup, values);
    const batch = tokenBatch(
      [
        { ...random, password: 'abcd' },
        { prefix: 'reverse', password: 'zzay' },
      ],
      scratchTokenIds(setup),
    );
    const actual = tf.tidy(() => logProbabilities(parameters, setup.model, batch).arraySync()) as number[][];
    for (let row = 0; row < batch.rows; row++) {
      const expected = referenceLogProbabilities(values, setup.model, [
        ...batch.tokens.subarray(row * 5, (row + 1) * 5),
      ]);
      // Float32: 6e-8 a rounding, a few hundred roundings deep, on values of up to ten nats.
      expected.forEach((value, t) => expect(Math.abs(actual[row][t] - value)).toBeLessThan(2e-5));
    }
    tf.dispose([...parameters.values()]);
  });
});

describe('parameters', () => {
  const setup = tinySetup((draft) => Object.assign(draft.model, { layers: 4 }));

  it.each([
    ['paper', 162_322_944, "Pythia-160M's model card"],
    ['pocket', 452_928, 'the README (453,000)'],
  ] as const)('of the preset %s number %i, as says %s', (preset, count, _) => {
    const sizes = parameterSpecifications(PRESETS[preset]).map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(count);
  });

  it('start as N(0, deviation^2), biases 0 and gains 1, each from a stream of its own name', () => {
    const values = initialValues(setup);
    const { initialDeviation } = setup.model;
    for (const { name, initial } of parameterSpecifications(setup)) {
      const data = [...(values.get(name) as Float32Array)];
      if (initial !== 'normal') expect(new Set(data)).toEqual(new Set([initial === 'ones' ? 1 : 0]));
      else {
        const deviation = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / data.length);
        expect(Math.abs(deviation / initialDeviation - 1)).toBeLessThan(4 / Math.sqrt(2 * data.length)); // 4 standard errors
      }
    }
    const deeper = initialValues({ ...setup, model: { ...setup.model, layers: 5 } });
    for (const [name, data] of values) expect(deeper.get(name)).toEqual(data);
  });

  it('initial weights of another seed are other weights', () => {
    const [one, other] = [1, 2].map((seed) => initialValues(tinySetup((draft) => Object.assign(draft, { seed }))));
    for (const [name, values] of one)
      if (values.some((value) => value !== 0 && value !== 1)) expect(other.get(name), name).not.toEqual(values);
  });

  it('of the first half are the embedding, the first half of the layers and the final norm', () => {
    const names = new Set(trainableNames(setup, 'first-half'));
    for (const { name } of parameterSpecifications(setup)) {
      expect(names.has(name), name).toBe(/embed_in|layers\.[01]\.|final_layer_norm/.test(name));
    }
    expect(trainableNames(setup, 'all')).toHaveLength(parameterSpecifications(setup).length);
    expect(vocabulary(setup)).toBe(28);
  });
});
