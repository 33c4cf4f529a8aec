/** Where runs without DPO are read, and how far a guess rate scatters that means nothing. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { expectedScatter } from '../../src/claims/evidence.ts';
import { atSameRise } from '../../src/claims/no-dpo.ts';
import { stream } from '../../src/random/streams.ts';
import type { Evaluation, RunView } from '../../src/records/view.ts';
import { effect, madeUpView } from '../helpers/records.ts';

/** A run whose useful passwords rise step by step in phase 3, after an evaluation of phase 2 that must not be read. */
function rising(seed: number, rates: readonly number[]): RunView {
  const run = madeUpView(seed, effect, 'no-dpo');
  const [pattern] = run.evaluations.slice(-1);
  const at = (phase: Evaluation['phase'], rate: number, index: number): Evaluation => ({
    phase,
    step: index + 1,
    sets: { ...pattern.sets, useful: { ...pattern.sets.useful, guessRate: rate } },
  });
  return {
    ...run,
    setup: { ...run.setup, seed },
    evaluations: [at('dpo', 99, 0), ...rates.map((rate, index) => at('joint', rate, index))],
  };
}

/** A run with DPO whose useful passwords end at a rate. */
function ended(seed: number, rate: number): RunView {
  const run = madeUpView(seed, effect);
  const letters = run.setup.passwords.alphabet.length;
  return {
    ...run,
    setup: { ...run.setup, seed },
    at: (phase, prefix, set) =>
      set === 'useful' ? { logProbabilities: [[Math.log(rate / letters)]] } : run.at(phase, prefix, set),
  };
}

describe('a run without DPO is read', () => {
  const read = (rates: readonly number[], seed = 1) =>
    atSameRise([rising(seed, rates)], [ended(1, 3), ended(2, 5)])[0].sets.useful.guessRate;

  it('where its useful passwords first are as far as those of the same seed with DPO', () => {
    expect(read([1, 2, 3.5, 3.1, 9])).toBe(3.5);
    expect(read([1, 2, 3.5, 5.5, 9], 2)).toBe(5.5);
  });

  it('at its last evaluation where they never are', () => {
    expect(read([1, 2, 2.5, 2.2])).toBe(2.2);
  });

  it('by the mean of all runs where there is none of its seed', () => {
    expect(read([1, 3.9, 4.1, 6], 7)).toBe(4.1);
  });
});

describe('the expected scatter', () => {
  /** A model that is sure of letters that it cannot know. */
  function guesses(source: ReturnType<typeof stream>, passwords: number, letters: number): number[][] {
    return Array.from({ length: passwords }, () =>
      Array.from({ length: letters }, () => {
        const weights = Array.from({ length: 26 }, () => Math.exp(source.normal(2)));
        const truth = source.below(26);
        return Math.log(weights[truth] / weights.reduce((sum, weight) => sum + weight, 0));
      }),
    );
  }
  const run = madeUpView(1, effect);
  const withScores = (heldOut: number[][], random: number[][]): RunView => ({
    ...run,
    at: (_, __, set) => ({ logProbabilities: set === 'random' ? random : heldOut }),
  });

  it('is how far guess rates of unknown passwords lie from 1, from run to run', () => {
    const source = stream(1, 'scatter');
    const [passwords, letters] = [16, 8];
    const trials = Array.from({ length: 400 }, () => {
      const heldOut = guesses(source, passwords, letters);
      const control = guesses(source, 64, letters);
      return {
        rate: 26 * mean(heldOut.flat().map(Math.exp)),
        scatter: expectedScatter(withScores(heldOut, control), 'joint', 'heldOut'),
      };
    });
    const deviation = sampleStandardDeviation(trials.map(({ rate }) => rate));
    expect(deviation).toBeGreaterThan(0.1);
    // A deviation of 400 draws is known to 4%.
    expect(Math.abs(mean(trials.map(({ scatter }) => scatter)) / deviation - 1)).toBeLessThan(0.15);
  });

  it('is 0 for a model that gives every letter the same probability', () => {
    const chance = [[Math.log(1 / 26)], [Math.log(1 / 26)]];
    expect(expectedScatter(withScores(chance, chance), 'joint', 'heldOut')).toBeCloseTo(0, 12);
  });

  it('halves with four times as many letters', () => {
    const control = guesses(stream(2, 'scatter'), 64, 8);
    const of = (passwords: number) =>
      expectedScatter(withScores(control.slice(0, passwords), control), 'joint', 'heldOut');
    expect(of(8) / of(32)).toBeCloseTo(2, 12);
  });
});
