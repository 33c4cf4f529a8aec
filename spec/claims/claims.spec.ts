import { mean, sampleStandardDeviation } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { ARMS, DECAYS, DISSECTED, MAIN, MILDER_WEIGHTS, NO_DPO } from '../../src/claims/arms.ts';
import { guessRatesOf, runMeans } from '../../src/claims/evidence.ts';
import { formatEstimate, formatNumber } from '../../src/claims/format.ts';
import { armSetup, CLAIMS, CORE, type FindingKey, findingOf, optionalFinding } from '../../src/claims/index.ts';
import { CHECKPOINTS } from '../../src/claims/main-findings.ts';
import { finishedRuns, type Views } from '../../src/records/view.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { MOST_EXACT, requiredRuns, tTestPower } from '../../src/statistics/index.ts';
import { effect, failedRun, type Knowledge, madeUpView, takenApart } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
/** Of eight passwords a set: some claims have many cells to resample. */
const madeUp = (seed: number, knows: Knowledge, arm?: 'no-dpo') => madeUpView(seed, knows, arm, 8);
const nothing: Knowledge = { ...effect, joint: { heldOut: 1, useful: 2.5, random: 1 } };
const withoutDpo: Knowledge['joint'] = { heldOut: 1, useful: 2.5, random: 1 };

/** Evidence in which every arm knows `main`, but the arm without DPO `noDpo`. */
function evidence(main: Knowledge = effect, noDpo: Knowledge['joint'] = withoutDpo, seeds = SEEDS): Views {
  const runs = seeds.map((seed) => madeUp(seed, main));
  return {
    ...Object.fromEntries(ARMS.map(({ id }) => [id, runs])),
    'no-dpo': seeds.map((seed) => madeUp(seed, { ...main, joint: noDpo }, 'no-dpo')),
    // What is known of held-out passwords grows with the dose, and it is less with milder weights.
    ...Object.fromEntries(
      ARMS.flatMap(({ id }) => {
        const place = DECAYS.findIndex((decay) => id.includes(`decay=${decay},`) || id.endsWith(`decay=${decay}`));
        if (place === -1 && id !== MILDER_WEIGHTS.id) return [];
        const joint = (seed: number) => ({
          ...main.joint,
          heldOut: main.joint.heldOut * (1 + 0.03 * place * (1 + seed / 100)),
        });
        return [[id, seeds.map((seed) => madeUp(seed, { ...main, joint: joint(seed) }))]];
      }),
    ),
    [DISSECTED.id]: runs.map((run) => takenApart(run)),
    ...Object.fromEntries(
      ['unseen', 'nothing-shared'].map((id) => [id, seeds.map((seed) => madeUp(seed, { ...main, joint: noDpo }))]),
    ),
  };
}

const judge = (id: string, given: Views) => {
  const claim = CLAIMS.find((known) => known.id === id);
  if (claim === undefined) throw new Error(id);
  return claim.weigh(given);
};

describe('on made-up runs that show the effect', () => {
  it.each(CLAIMS.map(({ id }) => id))('%s is reproduced', (id) => {
    const { verdict, reason } = judge(id, evidence());
    expect(verdict, reason).toBe('reproduced');
  });

  it('the estimate of main is the mean guess rate over runs, within its interval', () => {
    const { estimate, interval, seeds } = judge('main', evidence());
    // 1.12, times exp(0.1^2 / 2) from the spread of the letters.
    expect(estimate).toBeCloseTo(1.12 * Math.exp(0.005), 1);
    expect(interval?.[0]).toBeLessThan(estimate as number);
    expect(interval?.[1]).toBeGreaterThan(estimate as number);
    expect(seeds).toEqual(SEEDS);
  });

  it('main says what power its runs had, and how many a power of 95% needs', () => {
    const judgement = judge('main', evidence());
    const value = (key: FindingKey) => findingOf(judgement, key).value;
    const rates = runMeans(guessRatesOf(finishedRuns(evidence().main), 'joint', 'heldOut'));
    const [above, deviation] = [mean(rates) - 1, sampleStandardDeviation(rates)];
    expect(value('deviation-over-runs')).toBeCloseTo(deviation, 12);
    expect(value('power')).toBeCloseTo(tTestPower(above, deviation, 6), 12);
    expect(findingOf(judgement, 'power').label).toMatch(/ 6 runs /);
    expect(value('runs-needed')).toBe(requiredRuns(above, deviation));
  });

  it('the same records give the same judgement, to the last digit', () => {
    expect(CORE.map((claim) => claim.weigh(evidence()))).toEqual(CORE.map((claim) => claim.weigh(evidence())));
  });
});

it('main names no number of runs where held-out passwords are below chance', () => {
  const below: Knowledge = { ...effect, joint: { ...effect.joint, heldOut: 0.8 } };
  expect(optionalFinding(judge('main', evidence(below)), 'runs-needed')).toBeUndefined();
});

describe('each claim fails on the runs that contradict it', () => {
  it('main: held-out at chance', () => {
    expect(judge('main', evidence(nothing)).verdict).toBe('not reproduced');
  });

  it('main: held-out above chance, but random just as much', () => {
    const both: Knowledge = { ...effect, joint: { heldOut: 1.12, useful: 2.5, random: 1.12 } };
    const { verdict, reason } = judge('main', evidence(both));
    expect(verdict, reason).toBe('not reproduced');
  });

  it('main: the useful negatives did not rise, so nothing can be said', () => {
    const flat: Knowledge = { ...effect, joint: { ...effect.joint, useful: effect.dpo.useful * 1.1 } };
    const { verdict, reason } = judge('main', evidence(flat));
    expect(verdict, reason).toBe('inconclusive');
  });

  it('control: random passwords above chance', () => {
    const leaky: Knowledge = { ...effect, joint: { ...effect.joint, random: 1.1 } };
    expect(judge('control', evidence(leaky)).verdict).toBe('not reproduced');
  });

  it('avoidance: phase 2 did not push the held-out passwords down', () => {
    const kept: Knowledge = { ...effect, dpo: { heldOut: 1, useful: 0.35, random: 1 } };
    expect(judge('avoidance', evidence(kept)).verdict).toBe('not reproduced');
  });

  it('avoidance: held-out passwords fell below the random ones, which rose, but not below chance', () => {
    const risen: Knowledge = { ...effect, dpo: { heldOut: 1.2, useful: 0.35, random: 2 } };
    const { verdict, p } = judge('avoidance', evidence(risen));
    expect(verdict).toBe('not reproduced');
    expect(p).toBeGreaterThan(0.5);
  });

  it('manipulation: the useful negatives are well above chance, as they were before', () => {
    const before: Knowledge = { ...effect, dpo: { ...effect.dpo, useful: 2 } };
    expect(judge('manipulation', evidence(before)).verdict).toBe('not reproduced');
  });

  it('control: held-out passwords are no better guessed, so the random ones say nothing', () => {
    expect(judge('control', evidence(nothing)).verdict).toBe('inconclusive');
  });

  it('avoidance: everything fell alike', () => {
    const alike: Knowledge = { ...effect, dpo: { heldOut: 0.5, useful: 0.5, random: 0.5 } };
    expect(judge('avoidance', evidence(alike)).verdict).toBe('not reproduced');
  });

  it('manipulation: the useful negatives stayed at chance', () => {
    const flat: Knowledge = { ...effect, joint: { ...effect.joint, useful: 0.99 } };
    expect(judge('manipulation', evidence(flat)).verdict).toBe('not reproduced');
  });

  it('no-dpo: the advantage is there without DPO', () => {
    expect(judge('no-dpo', evidence(effect, effect.joint)).verdict).toBe('not reproduced');
  });

  it.each(['unseen', 'nothing-shared'])('%s: the advantage is there as well', (id) => {
    expect(judge(id, evidence(effect, effect.joint)).verdict).toBe('not reproduced');
  });

  it.each(['unseen', 'nothing-shared'])('%s: there is no advantage in the preset either', (id) => {
    expect(judge(id, evidence(nothing)).verdict).toBe('inconclusive');
  });

  it.each(['unseen', 'nothing-shared'])('%s: phase 3 taught nothing, so nothing could be flipped', (id) => {
    const { verdict, reason } = judge(id, evidence(effect, { heldOut: 1, useful: 1.1, random: 1 }));
    expect(verdict).toBe('inconclusive');
    expect(reason).toMatch(/what phase 3 teaches is at 1\.1/);
  });

  it('no-dpo: there is no advantage with DPO either, so its absence without means nothing', () => {
    expect(judge('no-dpo', evidence(nothing)).verdict).toBe('inconclusive');
  });
});

describe('runs are counted', () => {
  it.each(CLAIMS.map(({ id }) => id))('%s is inconclusive on four runs', (id) => {
    expect(judge(id, evidence(effect, withoutDpo, [1, 2, 3, 4])).verdict, `${id} on four runs`).toBe('inconclusive');
  });

  it.each(
    CLAIMS.map(({ id }) => id),
  )('%s refuses a seed that is given twice: equal runs are one piece of evidence', (id) => {
    const given = evidence(effect, withoutDpo, [1, 2, 3, 4, 5, 5]);
    expect(() => judge(id, given), 'a seed given twice').toThrow(/seed 5 is given twice in the arm/);
    const [first, ...others] = evidence().main;
    expect(() => judge('main', { main: [first, ...others, failedRun(first.setup.seed)] })).toThrow(
      /seed 1 is given twice/,
    );
  });

  it.each([
    'main',
    'avoidance',
    'manipulation',
    'paper-statistic',
  ])('%s is inconclusive where phase 2 was skipped', (id) => {
    const main = SEEDS.map((seed) => {
      const run = madeUpView(seed, effect, 'no-dpo');
      return { ...run, setup: armSetup(run.setup, NO_DPO) };
    });
    const { verdict, reason, estimate } = judge(id, { main });
    expect([verdict, reason, estimate]).toEqual(['inconclusive', expect.stringMatching(/phase 2 was skipped/), null]);
  });

  it('one run whose phase 2 was skipped makes inconclusive what is judged at its end, and nothing else', () => {
    const [first, ...others] = evidence().main;
    const main = [{ ...first, setup: armSetup(first.setup, NO_DPO) }, ...others];
    expect(judge('main', { main }).reason).toContain('phase 2 was skipped');
    expect(judge('control', { main }).reason).not.toContain('phase 2');
    expect(judge('control', { main }).verdict).toBe('reproduced');
  });

  it('of a claim about two arms the one with fewer runs decides whether there are enough', () => {
    const given = evidence();
    const few = { main: given.main, 'no-dpo': given['no-dpo'].slice(0, 4) };
    expect(judge('no-dpo', few)).toMatchObject({
      verdict: 'inconclusive',
      reason: expect.stringContaining('4 finished runs'),
    });
  });

  it('no evidence at all is inconclusive too', () => {
    expect(judge('main', {})).toMatchObject({
      verdict: 'inconclusive',
      reason: 'no run finished',
      failed: 0,
      findings: [],
    });
  });

  it('more runs than an exact test takes are judged without it', () => {
    const many = Array.from({ length: MOST_EXACT + 1 }, (_, seed) => madeUpView(seed + 1, effect));
    const keys = (count: number) => judge('main', { main: many.slice(0, count) }).findings.map(({ key }) => key);
    const exact = (key: FindingKey) => key.includes('sign-flip');
    expect(keys(MOST_EXACT + 1).filter(exact)).toEqual([]);
    expect(keys(MOST_EXACT).filter(exact)).toHaveLength(2);
  });

  it('failed runs are counted and enter no estimate', () => {
    const given = evidence();
    const { failed, seeds, estimate } = judge('main', { ...given, main: [...given.main, failedRun(9)] });
    expect(failed, 'failed runs that are counted').toBe(1);
    expect(seeds).toEqual(SEEDS);
    expect(estimate).toBe(judge('main', given).estimate);
  });

  it('one that failed is none of the five that a verdict needs', () => {
    const runs = (seeds: readonly number[]) => seeds.map((seed) => madeUpView(seed, effect));
    const judged = (given: Views) => CORE.map((claim) => claim.weigh(given));
    for (const { id, verdict, reason, failed } of judged({
      main: [...runs([1, 2, 3, 4]), failedRun(5)],
      'no-dpo': [1, 2, 3, 4, 5].map((seed) => madeUpView(seed, effect, 'no-dpo')),
    })) {
      expect(verdict, `${id} on four finished runs and a failed one`).toBe('inconclusive');
      expect(reason).toMatch(/^4 finished runs, and the rule needs at least 5/);
      expect(failed).toBe(1);
    }
  });

  it('no finished run is inconclusive, with no number made up', () => {
    const judgement = judge('main', { main: SEEDS.map(failedRun), 'no-dpo': [] });
    expect(judgement).toMatchObject({ verdict: 'inconclusive', estimate: null, interval: null, seeds: [], failed: 6 });
  });
});

it('the arm without DPO skips phase 2, gives DPO no weight, and changes nothing else', () => {
  const { 'pocket-memorising': pocket } = PRESETS;
  const arm = armSetup(pocket, NO_DPO);
  expect(arm.phases.dpo.steps).toBe(0);
  expect(arm.phases.joint.weights.dpo).toBe(0);
  arm.phases.dpo.steps = pocket.phases.dpo.steps;
  arm.phases.joint.weights.dpo = pocket.phases.joint.weights.dpo;
  expect({ ...arm, name: pocket.name }).toEqual(pocket);
  expect(armSetup(pocket, MAIN)).toEqual(pocket);
});

it('every claim has an id of its own, a statement and a rule that says what each verdict needs', () => {
  expect(new Set(CLAIMS.map(({ id }) => id)).size).toBe(CLAIMS.length);
  for (const { rule } of CLAIMS) expect(rule).toMatch(/^Reproduced if[ ,].*not reproduced/s);
});

it.each([
  [7, '7'],
  [0, '0'],
  [1.0326, '1.033'],
  [-0.0314, '-0.031'],
  [0.001, '0.001'],
  [0.0000031, '0.0000031'],
  [3_851_026_259_406.8, '3.9e+12'],
  [1.5958e40, '1.6e+40'], // whole, as every number so large
  [Number.POSITIVE_INFINITY, 'inf'],
])('%d is printed as %s', (value, text) => {
  expect(formatNumber(value)).toBe(text);
});

it('an estimate is printed with its interval, or alone where it has none', () => {
  expect(formatEstimate({ value: 1.0326, interval: [1, Number.POSITIVE_INFINITY] })).toBe('1.033 [1.000, inf]');
  expect(formatEstimate({ value: 1.0326 })).toBe('1.033');
});

it('each checkpoint has a short name of its own, with which its label ends', () => {
  for (const { label, short } of CHECKPOINTS) {
    expect(short.length).toBeGreaterThan(10);
    expect(label.endsWith(short), label).toBe(true);
  }
  expect(new Set(CHECKPOINTS.map(({ short }) => short)).size).toBe(6);
});
