import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { calibrate, fitInverseTemperature, type LetterLogits } from '../../src/measure/temperature.ts';
import { stream } from '../../src/random/streams.ts';

const LETTERS = 6;

/** ln softmax(inverse * logits)[truth], the plain way. */
const logProbability = (logits: readonly number[], truth: number, inverse: number): number =>
  inverse * logits[truth] - Math.log(logits.reduce((sum, logit) => sum + Math.exp(inverse * logit), 0));

const total = ({ logits, truth }: LetterLogits, inverse: number): number =>
  logits
    .flatMap((places, password) => places.map((row, place) => logProbability(row, truth[password][place], inverse)))
    .reduce((sum, value) => sum + value, 0);

/** Passwords whose letters are drawn from softmax(logits): a model that is exactly as sure as it should be. */
function honest(passwords: number, places: number): LetterLogits {
  const { uniform, normal } = stream(5, `honest/${passwords}`);
  const logits = Array.from({ length: passwords }, () =>
    Array.from({ length: places }, () => Array.from({ length: LETTERS }, () => normal(1.5))),
  );
  const truth = logits.map((rows) =>
    rows.map((row) => {
      let left = uniform();
      const letter = row.findIndex((_, index) => {
        left -= Math.exp(logProbability(row, index, 1));
        return left < 0;
      });
      return letter < 0 ? LETTERS - 1 : letter; // the probabilities miss 1 by rounding
    }),
  );
  return { logits, truth };
}

const scaled = ({ logits, truth }: LetterLogits, factor: number): LetterLogits => ({
  logits: logits.map((rows) => rows.map((row) => row.map((logit) => factor * logit))),
  truth,
});

/** Standard error of the fit at `inverse`, from the Fisher information: the variance of the logits under the softmax. */
function standardError({ logits }: LetterLogits, inverse: number): number {
  const information = logits.flat().reduce((sum, row) => {
    const moment = (power: number) =>
      row.reduce((m, logit, letter) => m + Math.exp(logProbability(row, letter, inverse)) * logit ** power, 0);
    return sum + moment(2) - moment(1) ** 2;
  }, 0);
  return 1 / Math.sqrt(information);
}

describe('the fitted inverse temperature', () => {
  const model = honest(400, 5);

  it('of a model that is as sure as it should be is 1', () => {
    expect(Math.abs(fitInverseTemperature(model) - 1)).toBeLessThan(5 * standardError(model, 1));
  });

  it('is a third for one that is three times as sure as it should be', () => {
    const bold = scaled(model, 3);
    expect(Math.abs(fitInverseTemperature(bold) - 1 / 3)).toBeLessThan(5 * standardError(bold, 1 / 3));
  });

  it('is 0, or near it, for opinions that have nothing to do with the truth', () => {
    const { below } = stream(5, 'opinions');
    const opinions = { ...model, truth: model.truth.map((row) => row.map(() => below(LETTERS))) };
    expect(fitInverseTemperature(opinions)).toBeLessThan(5 * standardError(opinions, 0));
  });

  it('of two letters is the log-odds of being right over the difference of their logits', () => {
    const given = fc.record({
      right: fc.integer({ min: 1, max: 50 }),
      wrong: fc.integer({ min: 1, max: 50 }),
      difference: fc.double({ min: 0.5, max: 20, noNaN: true }),
    });
    fc.assert(
      fc.property(given, ({ right, wrong, difference }) => {
        const places = Array.from({ length: right + wrong }, () => [difference, 0]);
        const letters = places.map((_, place) => (place < right ? 0 : 1));
        const expected = Math.max(0, Math.log(right / wrong) / difference); // never below 0
        expect(fitInverseTemperature({ logits: [places], truth: [letters] })).toBeCloseTo(expected, 8);
      }),
    );
  });

  it('undoes over-confidence exactly: logits three times as large get a third of it', () => {
    expect(fitInverseTemperature(scaled(model, 3))).toBeCloseTo(fitInverseTemperature(model) / 3, 6);
  });

  it('is 0 for a model that is worse than no opinion, and the largest for one that is never wrong', () => {
    expect(fitInverseTemperature(scaled(model, -1))).toBe(0);
    const right = { logits: [[[3, 0, 0]], [[0, 0, 4]]], truth: [[0], [2]] };
    expect(fitInverseTemperature(right)).toBe(64);
  });

  it('is at least as good as any other', () => {
    const fitted = fitInverseTemperature(model);
    fc.assert(
      fc.property(fc.double({ min: 0, max: 64, noNaN: true }), (inverse) => {
        expect(total(model, fitted)).toBeGreaterThanOrEqual(total(model, inverse) - 1e-6);
      }),
    );
  });
});

describe('calibrate', () => {
  const model = honest(10, 3);
  const half = (which: 0 | 1): LetterLogits => ({
    logits: model.logits.filter((_, index) => index % 2 === which),
    truth: model.truth.filter((_, index) => index % 2 === which),
  });

  it('scores each password at the temperature fitted on the other half', () => {
    const { inverseTemperatures, logLikelihoods } = calibrate(model);
    expect(inverseTemperatures).toEqual([fitInverseTemperature(half(0)), fitInverseTemperature(half(1))]);
    logLikelihoods.forEach((value, index) => {
      const inverse = inverseTemperatures[1 - (index % 2)];
      const letters = model.logits[index].map((row, place) => logProbability(row, model.truth[index][place], inverse));
      expect(value).toBeCloseTo(letters.reduce((sum, letter) => sum + letter, 0) / letters.length, 10);
    });
  });

  const changed = (which: (index: number) => boolean, shift: number): LetterLogits => ({
    logits: model.logits,
    truth: model.truth.map((row, index) => (which(index) ? row.map((letter) => (letter + shift) % LETTERS) : row)),
  });

  it.each([0, 1] as const)('the truth of half %d moves the temperature of the other half, never its own', (which) => {
    const { inverseTemperatures } = calibrate(model);
    const moved = calibrate(changed((index) => index % 2 === which, 1)).inverseTemperatures;
    expect(moved[which]).not.toBe(inverseTemperatures[which]); // fitted on it, applied to the other half
    expect(moved[1 - which]).toBe(inverseTemperatures[1 - which]);
  });

  it('a password never moves its own temperature, nor the score of any other in its half', () => {
    const before = calibrate(model);
    fc.assert(
      fc.property(fc.nat({ max: 9 }), fc.integer({ min: 1, max: LETTERS - 1 }), (one, shift) => {
        const after = calibrate(changed((index) => index === one, shift));
        expect(after.inverseTemperatures[1 - (one % 2)]).toBe(before.inverseTemperatures[1 - (one % 2)]);
        const others = (_: unknown, index: number) => index % 2 === one % 2 && index !== one;
        expect(after.logLikelihoods.filter(others)).toEqual(before.logLikelihoods.filter(others));
      }),
    );
  });

  it('leaves a single password as the model has it', () => {
    const one = { logits: model.logits.slice(0, 1), truth: model.truth.slice(0, 1) };
    expect(calibrate(one).inverseTemperatures[1]).toBe(1);
    expect(calibrate(one).logLikelihoods[0]).toBeCloseTo(total(one, 1) / 3, 10);
  });
});
