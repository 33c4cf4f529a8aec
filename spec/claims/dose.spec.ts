/** Whether the claim on weight decay reads the dose, seed by seed. */
import { mean } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { armSetup, DECAYS, DOSE } from '../../src/claims/arms.ts';
import { dose } from '../../src/claims/dose.ts';
import { formatNumber } from '../../src/claims/format.ts';
import { findingOf } from '../../src/claims/index.ts';
import type { RunView, Views } from '../../src/records/view.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { tTestAbove } from '../../src/statistics/index.ts';
import { effect, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];

/** A run whose best evaluation has a perf of its own. */
function runOf(seed: number, perf: number, knows = effect): RunView {
  const run = madeUpView(seed, knows, undefined, 8);
  return {
    ...run,
    evaluations: run.evaluations.map((evaluation) => ({
      ...evaluation,
      sets: { ...evaluation.sets, heldOut: { ...evaluation.sets.heldOut, perf } },
    })),
  };
}

/** Runs of each seed at each decay. @param perf by the place of the decay and the seed */
const views = (perf: (place: number, seed: number) => number, seeds = SEEDS, knows = effect): Views =>
  Object.fromEntries(DOSE.map(({ id }, place) => [id, seeds.map((seed) => runOf(seed, perf(place, seed), knows))]));

/** A rise of `slope` nats with every tenfold, and something of the seed's own. */
const rising = (slope: number) => (place: number, seed: number) =>
  slope * Math.log10(DECAYS[place]) + seed / 10 + (place % 2 === 0 ? 1e-3 * seed : 0);

describe('the claim on weight decay', () => {
  it('has cells that differ in the decay alone, and at the decay of the preset is the preset', () => {
    const preset = PRESETS.pocket;
    DOSE.forEach((arm, place) => {
      const setup = armSetup(preset, arm);
      expect(setup.optimiser.weightDecay).toBe(DECAYS[place]);
      expect({ ...setup, name: preset.name, optimiser: preset.optimiser }).toEqual(preset);
    });
    expect(armSetup(preset, DOSE[DECAYS.indexOf(1)])).toBe(preset);
  });

  it('is reproduced where the statistic rises with the dose, by the slope of each seed up to a decay of 1', () => {
    const given = views((place, seed) => (DECAYS[place] > 1 ? -9 : rising(0.1 + seed / 100)(place, seed)));
    const { verdict, reason, estimate } = dose.weigh(given);
    expect(verdict, reason).toBe('reproduced');
    const slopes = SEEDS.map((seed) => {
      const places = DECAYS.map((_, place) => place).filter((place) => DECAYS[place] <= 1);
      const x = places.map((place) => Math.log10(DECAYS[place]));
      const y = places.map((place) => rising(0.1 + seed / 100)(place, seed));
      const [mx, my] = [mean(x), mean(y)];
      return (
        x.reduce((sum, value, at) => sum + (value - mx) * (y[at] - my), 0) /
        x.reduce((sum, value) => sum + (value - mx) ** 2, 0)
      );
    });
    expect(findingOf(dose.weigh(given), 'rise').value).toBeCloseTo(mean(slopes), 10);
    expect(reason).toContain(`p ${formatNumber(tTestAbove(slopes, 0).p)}, over 6 seeds`);
    expect(estimate).toBeGreaterThan(1.1);
  });

  it('is not reproduced where it falls, or where seeds disagree', () => {
    expect(dose.weigh(views(rising(-0.1))).verdict).toBe('not reproduced');
    const disagreeing = views((place, seed) => rising(seed % 2 === 0 ? 0.1 : -0.1)(place, seed));
    expect(dose.weigh(disagreeing).verdict).toBe('not reproduced');
  });

  it('is inconclusive where it rises, and nothing is above chance at a decay of 1', () => {
    const nothing = { ...effect, joint: { heldOut: 1, useful: 2.5, random: 1 } };
    expect(dose.weigh(views(rising(0.1), SEEDS, nothing)).verdict).toBe('inconclusive');
  });

  it('is inconclusive with fewer than five seeds that have a run at every decay', () => {
    expect(dose.weigh(views(rising(0.1), [1, 2, 3, 4])).verdict).toBe('inconclusive');
    const given = views(rising(0.1));
    const lacking = { ...given, [DOSE[2].id]: given[DOSE[2].id].slice(0, 3) };
    expect(dose.weigh(lacking)).toMatchObject({ verdict: 'inconclusive' });
    expect(dose.weigh({})).toMatchObject({ verdict: 'inconclusive', estimate: null });
  });
});
