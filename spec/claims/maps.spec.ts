/** Whether the maps of the weight decay read each row by itself. */
import { describe, expect, it } from 'vitest';
import { MAPS, MILDER_WEIGHTS } from '../../src/claims/arms.ts';
import { findingOf } from '../../src/claims/index.ts';
import { lossWeights } from '../../src/claims/loss-weights.ts';
import { decayRepeats, decayUseful, decayWidth } from '../../src/claims/maps.ts';
import type { RunView, Views } from '../../src/records/view.ts';
import { effect, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];

/** A run whose best evaluation has a perf of its own. */
function runOf(seed: number, perf: number): RunView {
  const run = madeUpView(seed, effect, undefined, 4);
  return {
    ...run,
    evaluations: run.evaluations.map((evaluation) => ({
      ...evaluation,
      sets: { ...evaluation.sets, heldOut: { ...evaluation.sets.heldOut, perf } },
    })),
  };
}

describe.each([
  ['width', decayWidth],
  ['useful', decayUseful],
  ['repeats', decayRepeats],
] as const)('the map of decay and %s', (name, claim) => {
  const rows = MAPS[name];
  /** @param slope nats with every tenfold, by row and seed */
  const views = (slope: (row: number, seed: number) => number, seeds = SEEDS): Views =>
    Object.fromEntries(
      rows.flatMap(({ cells }, row) =>
        cells.map(({ decay, arm }) => [
          arm.id,
          seeds.map((seed) => runOf(seed, slope(row, seed) * Math.log10(decay) + seed / 10)),
        ]),
      ),
    );

  it('is reproduced where the statistic rises in every row, by as much as it does on average', () => {
    const judgement = claim.weigh(views((row, seed) => 0.1 * (row + 1) + seed / 1000));
    expect(judgement.verdict, judgement.reason).toBe('reproduced');
    const expected = (0.1 * (rows.length + 1)) / 2 + 0.0035;
    expect(judgement.estimate).toBeCloseTo(expected, 10);
    expect(judgement.cells).toHaveLength(3 * rows.length);
    for (const { label } of rows) expect(judgement.reason).toContain(`${label} `);
  });

  it('is inconclusive where it rises in some rows, and not reproduced where in none', () => {
    const some = claim.weigh(views((row, seed) => (row === 0 ? 0.1 : -0.1) + seed / 1000));
    expect(some.verdict, some.reason).toBe('inconclusive');
    expect(some.p).toBeGreaterThan(0.9);
    expect(claim.weigh(views((_, seed) => -0.1 + seed / 1000)).verdict).toBe('not reproduced');
  });

  it('corrects for the number of rows', () => {
    // Alone, each row has a p of about 0.04.
    const slope = (_: number, seed: number) => 0.02 + [-0.02, 0.05, -0.01, 0.04, -0.02, 0.03][seed - 1];
    const { verdict, p } = claim.weigh(views(slope));
    expect(p).toBeLessThan(0.05);
    expect(p).toBeGreaterThan(0.05 / rows.length);
    expect(verdict).toBe('not reproduced');
  });

  it('is inconclusive with four seeds, or without a run in every cell', () => {
    const rising = (_: number, seed: number) => 0.1 + seed / 1000;
    expect(claim.weigh(views(rising, [1, 2, 3, 4])).verdict).toBe('inconclusive');
    const given = views(rising);
    const lacking = { ...given, [rows[0].cells[1].arm.id]: [] };
    expect(claim.weigh(lacking)).toMatchObject({ verdict: 'inconclusive', estimate: null });
  });
});

describe('loss weights', () => {
  const views = (difference: (seed: number) => number): Views => ({
    main: SEEDS.map((seed) => runOf(seed, seed / 10 + difference(seed))),
    [MILDER_WEIGHTS.id]: SEEDS.map((seed) => runOf(seed, seed / 10)),
  });

  it('are compared seed by seed', () => {
    const judgement = lossWeights.weigh(views((seed) => 0.1 + seed / 1000));
    expect(judgement.verdict, judgement.reason).toBe('reproduced');
    expect(judgement.estimate).toBeCloseTo(0.1035, 10);
    expect(findingOf(judgement, 'minus-milder-weights').value).toBeGreaterThan(1.1);
    expect(lossWeights.weigh(views((seed) => -0.1 + seed / 1000)).verdict).toBe('not reproduced');
    expect(lossWeights.weigh(views((seed) => (seed % 2 === 0 ? 0.1 : -0.1))).verdict).toBe('inconclusive');
  });
});
