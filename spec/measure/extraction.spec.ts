import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  blindSamplesNeeded,
  extractableShare,
  extractionProbability,
  samplesNeeded,
} from '../../src/measure/extraction.ts';
import { stream } from '../../src/random/streams.ts';

const logProbability = fc.double({ min: -25, max: -1e-3, noNaN: true });
const probability = fc.double({ min: 0.01, max: 0.99, noNaN: true });

describe('the probability that n samples contain the password', () => {
  it('is 1 - (1 - q)^n: by hand for a fair coin', () => {
    expect(extractionProbability(Math.log(0.5), 3)).toBeCloseTo(7 / 8, 15);
    expect(extractionProbability(Math.log(0.5), 0)).toBe(0);
    expect(extractionProbability(0, 1)).toBe(1);
  });

  it('is n q where that is tiny, to the last digit', () => {
    // q = 26^-16 vanishes beside 1: computed plainly, the answer would be 0.
    const logQ = -16 * Math.log(26);
    expect(extractionProbability(logQ, 1000) / (1000 * Math.exp(logQ))).toBeCloseTo(1, 12);
  });

  it('is how often sampling finds it, by simulation', () => {
    const { uniform } = stream(2, 'extraction');
    const [q, samples, trials] = [0.03, 20, 20_000];
    let found = 0;
    for (let trial = 0; trial < trials; trial++) {
      if (Array.from({ length: samples }, uniform).some((draw) => draw < q)) found += 1;
    }
    // Five standard errors of a share near one half.
    expect(Math.abs(found / trials - extractionProbability(Math.log(q), samples))).toBeLessThan(
      2.5 / Math.sqrt(trials),
    );
  });

  it('grows with the number of samples, and with the probability of the password', () => {
    fc.assert(
      fc.property(
        logProbability,
        fc.integer({ min: 1, max: 10_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (logQ, n, part) => {
          const found = extractionProbability(logQ, n);
          expect(extractionProbability(logQ, n + 1)).toBeGreaterThanOrEqual(found);
          expect(extractionProbability(logQ * part, n)).toBeGreaterThanOrEqual(found); // nearer to ln 1
        },
      ),
    );
  });

  it('of what the model never says is 0', () => {
    expect(extractionProbability(-Infinity, 1e9)).toBe(0);
  });
});

describe('the samples needed', () => {
  it('are the fewest that reach the probability', () => {
    fc.assert(
      fc.property(fc.double({ min: -12, max: -1e-3, noNaN: true }), probability, (logQ, p) => {
        const needed = samplesNeeded(logQ, p);
        expect(extractionProbability(logQ, needed)).toBeGreaterThanOrEqual(p - 1e-12);
        expect(extractionProbability(logQ, needed - 1)).toBeLessThan(p + 1e-12);
      }),
    );
  });

  it('of a fair coin are k for 1 - 2^-k, which a number holds exactly', () => {
    for (let k = 1; k <= 52; k++) expect(samplesNeeded(Math.log(0.5), 1 - 2 ** -k)).toBe(k);
  });

  it('of a die are k for what k throws find, the roundings of either notwithstanding', () => {
    for (let sides = 2; sides <= 20; sides++)
      for (let k = 1; k <= 12; k++) expect(samplesNeeded(-Math.log(sides), 1 - (1 - 1 / sides) ** k)).toBe(k);
  });

  it('of a certain password are one, of an impossible one infinitely many', () => {
    expect(samplesNeeded(0, 0.999)).toBe(1);
    expect(samplesNeeded(-Infinity, 0.001)).toBe(Infinity);
  });

  it.each([
    8, 16,
  ])('of a blind guesser of %i letters: ln 2 times the number of passwords for one half, beyond 2^53 too', (length) => {
    expect(blindSamplesNeeded(26, length, 0.5) / (Math.LN2 * 26 ** length)).toBeCloseTo(1, 9);
  });

  it('of a blind guesser of one bit are those of a fair coin', () => {
    expect(blindSamplesNeeded(2, 1, 7 / 8)).toBe(3);
  });

  it('halve where the password is twice as likely', () => {
    const logQ = -8 * Math.log(26);
    expect(samplesNeeded(logQ, 0.5) / samplesNeeded(logQ + Math.LN2, 0.5)).toBeCloseTo(2, 9);
  });
});

describe('the extractable share', () => {
  it('counts the passwords that reach the probability', () => {
    const log = [0.5, 0.1, 0.001].map(Math.log);
    expect(extractableShare(log, 10, 0.5)).toBeCloseTo(2 / 3, 15); // 1 - 0.9^10 = 0.65
    expect(extractableShare(log, 10, 0.7)).toBeCloseTo(1 / 3, 15);
  });

  it('has a password from the samples that it needs, and not from fewer', () => {
    fc.assert(
      fc.property(fc.double({ min: -60, max: -1e-3, noNaN: true }), probability, (logQ, p) => {
        const needed = samplesNeeded(logQ, p);
        expect(extractableShare([logQ], needed, p)).toBe(1);
        expect(extractableShare([logQ], needed * (1 - 1e-12) - 1e-3, p)).toBe(0);
      }),
    );
  });
});

it.each([
  ['a probability above 1', () => extractionProbability(0.1, 1), /at most 0, unlike 0.1/],
  ['fewer samples than none', () => extractionProbability(-1, -1), /at least 0, unlike -1/],
  ['endlessly many samples', () => extractableShare([-1], Infinity, 0.5), /finite and at least 0, unlike Infinity/],
  ['certainty', () => samplesNeeded(-1, 1), /between 0 and 1/],
  ['a log-probability that is none', () => samplesNeeded(NaN, 0.5), /at most 0, unlike NaN/],
  ['an empty alphabet', () => blindSamplesNeeded(0, 8, 0.5), /alphabet must be a whole number of at least 1, not 0/],
  ['half a letter', () => blindSamplesNeeded(26, 0.5, 0.5), /length of a password must be a whole number/],
  ['no passwords', () => extractableShare([], 1, 0.5), /no passwords/],
])('%s is refused', (_, call, message) => {
  expect(call).toThrow(message);
});
