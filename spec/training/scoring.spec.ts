import { mean, sampleStandardDeviation } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { guessRates, measure } from '../../src/measure/measures.ts';
import { initialValues, loadParameters } from '../../src/model/parameters.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { stream } from '../../src/random/streams.ts';
import { lens, letterLogits, score } from '../../src/training/scoring.ts';
import { referenceLogits, referenceLogProbabilities } from '../helpers/reference-model.ts';
import { tinySetup } from '../helpers/setups.ts';

const setup = tinySetup((draft) => {
  draft.model.initialDeviation = 0.4; // far from uniform, so that the likeliest token is never in doubt
  draft.passwords.length = 3;
});
const ids = scratchTokenIds(setup);
const values = initialValues(setup);
const source = stream(4, 'scored');
const { alphabet } = setup.passwords;
// Two whole chunks of 128 and a rest.
const passwords = Array.from({ length: 2 * 128 + 5 }, () =>
  Array.from({ length: 3 }, () => alphabet[source.below(alphabet.length)]).join(''),
);

const engine = await startEngine();

describe.each(['regular', 'reverse', 'none'] as const)('score under the prefix %s', (prefix) => {
  it('gives each password, in order, its letters by the formulas, and counts the tokens that are likelier', async () => {
    const parameters = loadParameters(setup, values);
    const { logProbabilities, ranks } = await score({ engine, parameters, model: setup.model, ids }, passwords, prefix);
    tf.dispose([...parameters.values()]);
    expect(logProbabilities).toHaveLength(passwords.length);
    expect(ranks).toHaveLength(passwords.length);
    let hits = 0;
    passwords.forEach((password, index) => {
      if (index % 9 > 0 && index !== passwords.length - 1) return; // every ninth keeps the oracle quick
      const tokens = [...tokenBatch([{ prefix, password }], ids).tokens];
      const expected = referenceLogProbabilities(values, setup.model, tokens);
      expect(logProbabilities[index]).toHaveLength(expected.length);
      // Float32, some tens of roundings of values up to ten nats.
      expected.forEach((value, t) => {
        expect(Math.abs(logProbabilities[index][t] - value)).toBeLessThan(1e-5);
      });
      const likelier = referenceLogits(values, setup.model, tokens.slice(0, -1)).map(
        (logits, t) => logits.filter((logit) => logit > logits[tokens[t + 1]]).length,
      );
      expect(ranks[index], password).toEqual(likelier);
      hits += likelier.filter((rank) => rank === 0).length;
    });
    expect(hits).toBeGreaterThan(0); // 30 passwords of up to 3 letters: one hit in 28 tokens by chance
  });
});

describe('score', () => {
  it('keeps every bit of a float32', async () => {
    const parameters = loadParameters(setup, values);
    const { logProbabilities } = await score(
      { engine, parameters, model: setup.model, ids },
      passwords.slice(0, 20),
      'regular',
    );
    tf.dispose([...parameters.values()]);
    // A decimal of 9 digits determines a float32 (IEEE 754), and is no longer than that.
    for (const value of logProbabilities.flat()) {
      expect(Number(Math.fround(value).toPrecision(9))).toBe(value);
    }
  });

  it('leaves no tensor and no byte behind', async () => {
    const parameters = loadParameters(setup, values);
    const { numTensors, numBytes } = tf.memory();
    await score({ engine, parameters, model: setup.model, ids }, passwords, 'regular');
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    tf.dispose([...parameters.values()]);
  });
});

describe('the letters’ share of the softmax', () => {
  /** A model with tokens beside letters and prefixes, whose logits are far apart. */
  const wide = tinySetup(({ model }) => Object.assign(model, { vocabulary: 40, initialDeviation: 0.7 }));
  const given = initialValues(wide);
  const wideIds = scratchTokenIds(wide);

  it('is the sum of the letters’ probabilities, after the model’s own logits', async () => {
    const parameters = loadParameters(wide, given);
    const { letterShares } = await score({ engine, parameters, model: wide.model, ids: wideIds }, ['abcd'], 'reverse');
    tf.dispose([...parameters.values()]);
    const tokens = [...tokenBatch([{ prefix: 'reverse', password: 'abcd' }], wideIds).tokens];
    referenceLogits(given, wide.model, tokens.slice(0, -1)).forEach((logits, place) => {
      const total = (of: readonly number[]) => of.reduce((sum, token) => sum + Math.exp(logits[token]), 0);
      const share = Math.log(total([...wideIds.letters.values()]) / total(logits.map((_, token) => token)));
      expect(letterShares[0][place]).toBeCloseTo(share, 5);
      expect(share).toBeLessThan(-0.01);
    });
  });

  it('makes the expected guess rate of random passwords 1, whatever else the model would say', async () => {
    const parameters = loadParameters(wide, given);
    const source = stream(3, 'passwords');
    const drawn = Array.from({ length: 4_000 }, () =>
      Array.from({ length: 4 }, () => alphabet[source.below(26)]).join(''),
    );
    const scores = await score({ engine, parameters, model: wide.model, ids: wideIds }, drawn, 'reverse');
    tf.dispose([...parameters.values()]);
    const { letterShares: _, ...amongAll } = scores;
    const [rates, tooLow] = [guessRates(scores, 26), guessRates(amongAll, 26)];
    const error = sampleStandardDeviation(rates) / Math.sqrt(rates.length);
    expect(Math.abs(mean(rates) - 1)).toBeLessThan(4 * error);
    expect(mean(tooLow)).toBeLessThan(1 - 8 * error);
  });
});

describe('the logit lens', () => {
  it('reads the embedding and every block, and at the last of them what the model says', async () => {
    const parameters = loadParameters(setup, values);
    const reader = { engine, parameters, model: setup.model, ids };
    const layers = await lens(reader, passwords, 'reverse');
    const { logProbabilities, letterShares, ranks } = await score(reader, passwords, 'reverse');
    tf.dispose([...parameters.values()]);
    expect(layers).toHaveLength(setup.model.layers + 1);
    for (const { logProbabilities: rows } of layers)
      expect(rows.map((row) => row.length)).toEqual(passwords.map(({ length }) => length));
    const last = layers[setup.model.layers];
    last.logProbabilities.flat().forEach((value, index) => {
      expect(Math.abs(value - logProbabilities.flat()[index])).toBeLessThan(1e-5);
    });
    const said = measure({ logProbabilities, letterShares, ranks }, alphabet.length);
    const read = measure({ ...last, ranks }, alphabet.length);
    expect(read.logLikelihood).toBeCloseTo(said.logLikelihood, 5);
    expect(read.guessRate).toBeCloseTo(said.guessRate, 5);
    // Earlier layers say something else: the lens does look at them.
    const apart = layers[0].logProbabilities
      .flat()
      .map((value, index) => Math.abs(value - logProbabilities.flat()[index]));
    expect(Math.max(...apart)).toBeGreaterThan(0.1);
  });

  it('before any block knows a token by itself only: equal letters after equal letters are equally likely', async () => {
    const parameters = loadParameters(setup, values);
    const [a, b, c] = alphabet;
    const [embedded, ...blocks] = (
      await lens({ engine, parameters, model: setup.model, ids }, [a + b + c, c + b + c], 'regular')
    ).map(({ logProbabilities }) => logProbabilities);
    tf.dispose([...parameters.values()]);
    expect(embedded[0][2]).toBeCloseTo(embedded[1][2], 5); // c after b, whatever came first
    expect(Math.abs(blocks[0][0][2] - blocks[0][1][2])).toBeGreaterThan(1e-4);
  });
});

describe.each(['regular', 'reverse', 'none'] as const)('the logits of the letters under the prefix %s', (prefix) => {
  it('are the model’s, letters in the order of the alphabet and passwords in the order given', async () => {
    const parameters = loadParameters(setup, values);
    const logits = await letterLogits({ engine, parameters, model: setup.model, ids }, passwords, prefix);
    tf.dispose([...parameters.values()]);
    expect(logits).toHaveLength(passwords.length);
    // The edges of chunks.
    for (const index of [0, 127, 128, passwords.length - 1]) {
      const tokens = [...tokenBatch([{ prefix, password: passwords[index] }], ids).tokens];
      expect(logits[index]).toHaveLength(tokens.length - 1);
      referenceLogits(values, setup.model, tokens.slice(0, -1)).forEach((expected, place) => {
        expect(logits[index][place]).toHaveLength(alphabet.length);
        [...ids.letters.values()].forEach((token, letter) => {
          expect(Math.abs(logits[index][place][letter] - expected[token])).toBeLessThan(1e-5);
        });
      });
    }
  });

  it('have the softmax that scores have among the letters of the alphabet', async () => {
    const parameters = loadParameters(setup, values);
    const reader = { engine, parameters, model: setup.model, ids };
    const stem = passwords[0].slice(0, -1);
    const endings = [...alphabet].map((letter) => stem + letter);
    const [ending] = (await letterLogits(reader, endings.slice(0, 1), prefix)).map(
      (places) => places[places.length - 1],
    );
    const { logProbabilities } = await score(reader, endings, prefix);
    tf.dispose([...parameters.values()]);
    const softmax = (logs: readonly number[]) => {
      const total = logs.reduce((sum, value) => sum + Math.exp(value), 0);
      return logs.map((value) => Math.exp(value) / total);
    };
    const expected = softmax(logProbabilities.map((row) => row[row.length - 1]));
    softmax(ending).forEach((probability, letter) => {
      expect(probability).toBeCloseTo(expected[letter], 5);
    });
  });
});

it.each([
  ['lens', lens],
  ['letterLogits', letterLogits],
] as const)('%s leaves no tensor and no byte behind', async (_, read) => {
  const parameters = loadParameters(setup, values);
  const { numTensors, numBytes } = tf.memory();
  await read({ engine, parameters, model: setup.model, ids }, passwords, 'regular');
  expect(tf.memory()).toMatchObject({ numTensors, numBytes });
  tf.dispose([...parameters.values()]);
});
