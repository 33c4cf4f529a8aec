/** What an experiment predicts of another one, and how it is told. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { predicted } from '../../src/claims/prediction.ts';
import { stream } from '../../src/random/streams.ts';
import { foundOf, predictedText } from '../../src/report/prediction.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { predictionInterval, SampleError } from '../../src/statistics/index.ts';
import { temporaryFolder } from '../helpers/folder.ts';

describe('the prediction interval', () => {
  it('is the mean +- t(n - 1) x deviation x sqrt(1/n + 1/m), as printed tables of t have it', () => {
    // t(0.975, 3) = 3.182, t(0.975, 63) = 1.998.
    const [low, high] = predictionInterval({ mean: 2, deviation: 0.5, runs: 4 }, 4);
    expect(high - 2).toBeCloseTo(3.182 * 0.5 * Math.sqrt(1 / 2), 3);
    expect(2 - low).toBeCloseTo(high - 2, 12);
    expect(predictionInterval({ mean: 2, deviation: 0.5, runs: 64 }, 8)[1] - 2).toBeCloseTo(
      1.998 * 0.5 * Math.sqrt(1 / 64 + 1 / 8),
      3,
    );
  });

  it('holds the mean of other runs as often as it says', () => {
    const source = stream(11, 'prediction');
    const draw = (runs: number) => Array.from({ length: runs }, () => 3 + source.normal(0.6));
    const experiments = 2_000;
    let within = 0;
    for (let experiment = 0; experiment < experiments; experiment++) {
      const [own, other] = [draw(6), draw(8)];
      const of = { mean: mean(own), deviation: sampleStandardDeviation(own), runs: own.length };
      const [low, high] = predictionInterval(of, other.length);
      if (mean(other) >= low && mean(other) <= high) within += 1;
    }
    // Four standard errors of a rate of 0.95.
    expect(Math.abs(within / experiments - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / experiments));
  });

  it.each([
    [{ mean: Number.NaN, deviation: 1, runs: 8 }, 8],
    [{ mean: 1, deviation: 1, runs: 1 }, 8],
    [{ mean: 1, deviation: 1, runs: 8 }, 0],
  ])('of %j for %i others is refused', (sample, others) => {
    expect(() => predictionInterval(sample, others)).toThrow(SampleError);
  });
});

describe('an experiment beside what was found before', () => {
  const found = { mean: 3.2, deviation: 0.6, runs: 64, seeds: Array.from({ length: 64 }, (_, index) => 201 + index) };
  const [low, high] = predictionInterval(found, 5);
  const fresh = [301, 302, 303, 304, 305];

  it.each([
    [low + 0.001, true],
    [high - 0.001, true],
    [low - 0.001, false],
    [high + 0.001, false],
  ])('of mean %f is within the interval for as many runs: %s', (estimate, within) => {
    const judgement = { estimate, seeds: fresh };
    const of = predicted(judgement, found)!;
    expect(of.within, 'whether it lies within').toBe(within);
    expect(of).toEqual({ interval: [low, high], within, runs: 64, shared: 0 });
    expect(predictedText(judgement, of)).toContain(within ? ' lies within [' : ' lies OUTSIDE [');
    expect(predictedText(judgement, of)).not.toContain('fresh ones say more');
  });

  it('counts the seeds that were known before: of those nothing new is predicted', () => {
    const some = { estimate: 3.2, seeds: [201, 202, 303, 304, 305] };
    expect(predicted(some, found)?.shared).toBe(2);
    expect(predictedText(some, predicted(some, found)!)).toContain('2 of these seeds are seeds of that report');
    const all = { estimate: 3.2, seeds: [201, 202, 203, 204, 205] };
    expect(predictedText(all, predicted(all, found)!)).toContain('These seeds are seeds of that report');
  });

  it('is not compared where there is nothing to compare', () => {
    expect(predicted({ estimate: null, seeds: [] }, found)).toBeNull();
    expect(predicted({ estimate: 3, seeds: fresh }, null)).toBeNull();
  });

  it('is compared with the same setup alone, whatever its seed and name, in a report that can be read', () => {
    const file = path.join(temporaryFolder(), 'claims.json');
    const write = (value: unknown) => writeFileSync(file, typeof value === 'string' ? value : JSON.stringify(value));
    const { pocket } = PRESETS;
    expect(foundOf(pocket, file)).toBeNull();
    const statement = { statement: '', rule: '', verdict: 'reproduced', reason: '', measure: '', failed: 0, p: null };
    const main = {
      ...{ id: 'main', ...statement, adjustedP: null, estimate: 3.2, interval: [3, 3.4], seeds: [201, 202] },
      findings: [{ key: 'deviation-over-runs', label: '', value: 0.6 }],
    };
    const document = (claims: unknown[]) => ({
      command: 'mine',
      studies: [{ name: 'pocket', setupHash: setupHash(pocket), judgedOn: null, claims }],
    });
    write(document([main]));
    const expected = { mean: 3.2, deviation: 0.6, runs: 2, seeds: [201, 202] };
    expect(foundOf({ ...pocket, seed: 7, name: 'mine' }, file)).toEqual(expected);
    expect(foundOf({ ...pocket, beta: 0.2 }, file)).toBeNull();
    write(document([{ ...main, findings: [] }]));
    expect(foundOf(pocket, file)).toBeNull();
    for (const other of ['', '{', '[]', { studies: [{ name: 'pocket', claims: [] }] }]) {
      write(other);
      expect(foundOf(pocket, file)).toBeNull();
    }
  });

  it('of the preset `pocket` is compared with the committed report', () => {
    expect(foundOf(PRESETS.pocket)?.runs).toBeGreaterThanOrEqual(24);
  });
});
