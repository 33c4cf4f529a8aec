import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chanceLine, guessRates, half, logLikelihoods, measure } from '../../src/measure/measures.ts';
import { stream } from '../../src/random/streams.ts';

const scores = (logProbabilities: number[][], rank = 1) => ({
  logProbabilities,
  ranks: logProbabilities.map((row) => row.map(() => rank)),
});
const filled = (passwords: number, letters: number, p: number) =>
  scores(Array.from({ length: passwords }, () => Array(letters).fill(Math.log(p))));

describe('measure', () => {
  it('of a uniform scorer: perf 0, guess rate 1', () => {
    const { perf, guessRate, logLikelihood } = measure(filled(3, 8, 1 / 26), 26);
    expect(perf).toBeCloseTo(0, 12);
    expect(guessRate).toBeCloseTo(1, 12);
    expect(logLikelihood).toBeCloseTo(chanceLine(26), 12);
  });

  it('of a perfect scorer: perf ln 26, guess rate and top-1 rate 26', () => {
    const perfect = measure(scores([Array(8).fill(0), Array(8).fill(0)], 0), 26);
    expect(perfect).toEqual({ logLikelihood: 0, perf: Math.log(26), guessRate: 26, topRate: 26 });
  });

  it("the paper's 13% above 1/26 a letter is a perf of 0.122 nats", () => {
    expect(measure(filled(2, 16, 1.13 / 26), 26).perf).toBeCloseTo(0.122, 3);
  });

  it('averages by the letter what is averaged by the password', () => {
    const p = fc.double({ min: 1e-6, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.array(fc.array(p, { minLength: 4, maxLength: 4 }), { minLength: 2, maxLength: 6 }), (table) => {
        const given = scores(table.map((row) => row.map(Math.log)));
        const flat = table.flat();
        const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
        expect(measure(given, 26).guessRate).toBeCloseTo(26 * mean(flat), 9);
        expect(measure(given, 26).logLikelihood).toBeCloseTo(mean(flat.map(Math.log)), 9);
        expect(mean(guessRates(given, 26))).toBeCloseTo(26 * mean(flat), 9);
        expect(mean(logLikelihoods(given))).toBeCloseTo(mean(flat.map(Math.log)), 9);
        const halves = [half(given, 0), half(given, 1)];
        expect(halves.flatMap(({ logProbabilities }) => logProbabilities).sort()).toEqual(
          [...given.logProbabilities].sort(),
        );
      }),
    );
  });

  it('refuses an empty set', () => {
    expect(() => measure(scores([]), 26)).toThrow(RangeError);
  });
});

it('a model that knows nothing of the passwords has guess rate 1 however confident it is, while its log-likelihood falls', () => {
  const source = stream(3, 'confidence');
  const letters = 26;
  const knowing = (confidence: number) => {
    const rows = Array.from({ length: 4000 }, () => {
      const logits = Array.from({ length: letters }, () => confidence * source.normal(1));
      const total = logits.reduce((sum, value) => sum + Math.exp(value), 0);
      return [logits[source.below(letters)] - Math.log(total)]; // the true letter, drawn without regard to the model
    });
    return measure(scores(rows), letters);
  };
  const [timid, bold] = [knowing(0.3), knowing(2)];
  expect(timid.guessRate).toBeCloseTo(1, 1);
  expect(Math.abs(bold.guessRate - 1)).toBeLessThan(0.15); // 4 standard errors: the deviation of 26 p is about 2.3
  expect(bold.perf).toBeLessThan(-1);
  expect(timid.perf).toBeGreaterThan(-0.1);
});
