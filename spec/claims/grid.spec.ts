import { mean } from 'simple-statistics';
import { describe, expect, it } from 'vitest';
import { ABLATION, type Arm, HELD_OUT_SHARES, MODEL_SIZES, SWEEPS } from '../../src/claims/arms.ts';
import { estimate, guessRatesOf, runMeans } from '../../src/claims/evidence.ts';
import { CLAIMS, findingOf, type Judgement } from '../../src/claims/index.ts';
import { finishedRuns, type Views } from '../../src/records/view.ts';
import { type RunValues, tTestAbove } from '../../src/statistics/index.ts';
import { effect, failedRun, type Knowledge, madeUpView } from '../helpers/records.ts';

const SEEDS = [1, 2, 3, 4, 5, 6];
/** Of eight passwords a set: a grid has many cells to resample. */
const madeUp = (seed: number, knows: Knowledge) => madeUpView(seed, knows, 'main', 8);
/** exp(-0.1^2 / 2) undoes what the made-up spread of the letters adds on average. */
const nothing: Knowledge = { ...effect, joint: { heldOut: Math.exp(-0.005), useful: 2.5, random: 1 } };
const suppressed: Knowledge = { ...effect, joint: { heldOut: 0.8, useful: 2.5, random: 1 } };
const unlearned: Knowledge = { ...effect, joint: { heldOut: 1.12, useful: 1.1, random: 1 } };

/** Evidence in which the cell at `index` of the grid knows `knows(index)`. */
const grid = (arms: readonly Arm[], knows: (index: number) => Knowledge, seeds = SEEDS): Views =>
  Object.fromEntries(arms.map(({ id }, index) => [id, seeds.map((seed) => madeUp(seed, knows(index)))]));

const judge = (id: string, given: Views): Judgement => CLAIMS.find((claim) => claim.id === id)!.weigh(given);

describe.each([
  ['held-out-share', HELD_OUT_SHARES],
  ['model-size', MODEL_SIZES],
] as const)('%s, claimed of every cell', (id, arms) => {
  it('is reproduced where every cell shows the effect', () => {
    expect(
      judge(
        id,
        grid(arms, () => effect),
      ).verdict,
    ).toBe('reproduced');
  });

  it('is inconclusive where all but one cell show it', () => {
    expect(
      judge(
        id,
        grid(arms, (index) => (index === 1 ? nothing : effect)),
      ).verdict,
    ).toBe('inconclusive');
  });

  it('is not reproduced where no cell shows it', () => {
    expect(
      judge(
        id,
        grid(arms, () => nothing),
      ).verdict,
    ).toBe('not reproduced');
  });

  it('is not reproduced where one cell lies below chance', () => {
    const { verdict, reason } = judge(
      id,
      grid(arms, (index) => (index === 1 ? suppressed : effect)),
    );
    expect(verdict, 'a cell below chance').toBe('not reproduced');
    expect(reason).toContain(arms[1].label);
  });

  it('is inconclusive where nothing was learned that could be flipped', () => {
    const { verdict, cells, p } = judge(
      id,
      grid(arms, () => unlearned),
    );
    expect(verdict).toBe('inconclusive');
    expect(cells?.map(({ readable, adjustedP }) => [readable, adjustedP])).toEqual(arms.map(() => [false, 1]));
    expect(p).toBe(1);
  });

  it('is inconclusive on four runs a cell', () => {
    expect(
      judge(
        id,
        grid(arms, () => effect, [1, 2, 3, 4]),
      ).verdict,
    ).toBe('inconclusive');
  });

  it('its p is that of its least sure cell, and its cells are corrected for their number', () => {
    const { p, cells } = judge(
      id,
      grid(arms, (index) => (index === 1 ? nothing : effect)),
    );
    expect(p).toBe(Math.max(...cells!.map((cell) => cell.p)));
    const smallest = cells!.reduce((a, b) => (a.p < b.p ? a : b));
    expect(smallest.adjustedP).toBeCloseTo(arms.length * smallest.p, 15);
  });
});

describe.each([
  ['lrbeta', SWEEPS.lrbeta],
  ['weights', SWEEPS.weights],
] as const)('%s, claimed on average', (id, arms) => {
  it('is reproduced where every other cell shows the effect', () => {
    expect(
      judge(
        id,
        grid(arms, (index) => (index % 2 === 0 ? effect : nothing)),
      ).verdict,
    ).toBe('reproduced');
  });

  it('is not reproduced where no cell shows it', () => {
    expect(
      judge(
        id,
        grid(arms, () => nothing),
      ).verdict,
    ).toBe('not reproduced');
  });

  it('is inconclusive where most cells cannot be read', () => {
    const { verdict, estimate, cells } = judge(
      id,
      grid(arms, (index) => (index % 3 === 0 ? effect : unlearned)),
    );
    expect(verdict).toBe('inconclusive');
    expect(cells?.filter(({ readable }) => readable)).toHaveLength(Math.ceil(arms.length / 3));
    expect(estimate).toBeGreaterThan(1);
  });

  it('averages the readable cells', () => {
    const given = grid(arms, (index) => (index % 2 === 0 ? effect : unlearned));
    const readable = arms.filter((_, index) => index % 2 === 0);
    const rates = readable.flatMap((arm) => runMeans(guessRatesOf(finishedRuns(given[arm.id]), 'joint', 'heldOut')));
    expect(judge(id, given).estimate).toBeCloseTo(mean(rates), 12);
  });
});

describe.each([
  ['freeze-and-prefix', ABLATION.both],
  ['freeze', ABLATION.noFreeze],
  ['prefix', ABLATION.noPrefix],
  ['neither', ABLATION.neither],
] as const)('%s, claimed of one cell', (id, { id: own }) => {
  const arms = Object.values(ABLATION);
  const cell = (mine: Knowledge, others: Knowledge) =>
    judge(
      id,
      grid(arms, (index) => (arms[index].id === own ? mine : others)),
    );

  it('is reproduced where that cell shows the effect, whatever the others show', () => {
    expect(cell(effect, nothing).verdict).toBe('reproduced');
  });

  it('is not reproduced where that cell does not, whatever the others show', () => {
    expect(cell(nothing, effect).verdict).toBe('not reproduced');
  });

  it('is inconclusive where that cell learned nothing that could be flipped', () => {
    expect(cell(unlearned, effect).verdict).toBe('inconclusive');
  });
});

it('without freezing, the difference to the cell with both is that of the same seeds', () => {
  const arms = Object.values(ABLATION);
  const given = grid(arms, (index) => (arms[index].id === ABLATION.noFreeze.id ? effect : nothing));
  const rates = (arm: Arm) => runMeans(guessRatesOf(finishedRuns(given[arm.id]), 'joint', 'heldOut'));
  const difference = findingOf(judge('freeze', given), 'minus-baseline');
  expect(difference.label).toContain('seed by seed');
  expect(difference.value).toBeCloseTo(mean(rates(ABLATION.noFreeze)) - mean(rates(ABLATION.both)), 12);
});

it('the cell with both is not compared with itself, and its numbers are those of the claim', () => {
  const {
    findings,
    estimate: value,
    interval,
    cells,
  } = judge(
    'freeze-and-prefix',
    grid(Object.values(ABLATION), () => effect),
  );
  expect(findings.map(({ key }) => key)).toEqual(['useful']);
  const own = cells?.find(({ arm }) => arm === ABLATION.both.id);
  expect([value, interval]).toEqual([own?.estimate, own?.interval]);
  expect(interval?.every(Number.isFinite)).toBe(true);
});

it.each([
  'held-out-share',
  'weights',
  'freeze',
])('the rule of %s says what a cell has to have, and how it is tested', (id) => {
  const { rule } = CLAIMS.find((claim) => claim.id === id)!;
  expect(rule).toContain(
    'if at least 5 of its runs finished and its useful negatives reached a mean guess rate of 1.3;',
  );
  expect(rule).toContain('a one-sided t-test over runs of the held-out guess rate against 1, with the Holm correction');
});

describe('every number of a grid', () => {
  const seeds = [9, 2, 10, 4, 3, 1, 12, 15, 6, 7, 8, 11];
  const given = grid(MODEL_SIZES, (index) => (index === 1 ? nothing : effect), seeds);
  const judged = judge('model-size', given);
  const rates = (runs: Views[string], set: 'heldOut' | 'random') => guessRatesOf(finishedRuns(runs), 'joint', set);
  /** The estimate whose bootstrap has a name, which another name does not give. */
  const named = (name: string, values: RunValues) => {
    const { value, interval } = estimate(name, values);
    expect(estimate('', values).interval).not.toEqual(interval);
    return { value, interval };
  };

  it('says which seeds it is of', () => {
    expect(judged.cells?.map((cell) => cell.seeds)).toEqual(MODEL_SIZES.map(() => seeds));
    expect(judged.seeds).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 15]);
  });

  it('says how far one run would scatter that knows nothing, from how sure it is of the control', () => {
    for (const { arm, expectedScatter } of judged.cells ?? []) {
      const scatters = finishedRuns(given[arm]).map((run) => {
        const at = (set: 'heldOut' | 'random') => run.at('joint', 'reverse', set).logProbabilities.flat();
        const variance = mean(at('random').map((logP) => (26 * Math.exp(logP) - 1) ** 2));
        return Math.sqrt(variance / at('heldOut').length);
      });
      expect(expectedScatter).toBeCloseTo(mean(scatters), 12);
    }
  });

  it('has a bootstrap that is named after it', () => {
    for (const cell of judged.cells ?? []) {
      const heldOut = named(`cell/${cell.arm}`, rates(given[cell.arm], 'heldOut'));
      expect([cell.estimate, cell.interval]).toEqual([heldOut.value, heldOut.interval]);
      const control = named(`cell/${cell.arm}/random`, rates(given[cell.arm], 'random'));
      expect([cell.random, cell.randomInterval]).toEqual([control.value, control.interval]);
    }
    const perSeed = seeds.map((_, run) => [
      mean(MODEL_SIZES.map(({ id }) => runMeans(rates(given[id], 'heldOut'))[run])),
    ]);
    const average = named('model-size/average', perSeed);
    expect(judged.estimate).toBeCloseTo(average.value, 12);
    expect(judged.interval?.map((end) => end.toFixed(12))).toEqual(average.interval.map((end) => end.toFixed(12)));
    const arms = Object.values(ABLATION);
    const ablated = grid(arms, (index) => (arms[index] === ABLATION.noFreeze ? effect : nothing), seeds);
    const [own, both] = [ABLATION.noFreeze, ABLATION.both].map(({ id }) => runMeans(rates(ablated[id], 'heldOut')));
    const apart = named(
      'freeze/difference',
      own.map((rate, run) => [rate - both[run]]),
    );
    expect(findingOf(judge('freeze', ablated), 'minus-baseline')).toMatchObject(apart);
  });

  it('is said in words as well: cells above chance, and cells that can be read', () => {
    expect(judged.reason).toBe('above chance after correction in 3 of 4 cells, 4 of them readable');
  });
});

it('an average over cells is as sure as a test of each seed’s average', () => {
  const given = grid(SWEEPS.lrbeta, () => effect, [1, 2, 3, 4, 5]);
  const rates = SWEEPS.lrbeta.map(({ id }) => runMeans(guessRatesOf(finishedRuns(given[id]), 'joint', 'heldOut')));
  const { p } = judge('lrbeta', given);
  expect(p).toBeCloseTo(
    tTestAbove(
      [0, 1, 2, 3, 4].map((run) => mean(rates.map((own) => own[run]))),
      1,
    ).p,
    12,
  );
  expect(p).toBeLessThan(0.05);
});

it('only seeds that every cell was run with count, so that a cell with more of them does not outweigh the others', () => {
  const given = grid(HELD_OUT_SHARES, () => effect);
  const more = { ...given, 'held-out-4': [...given['held-out-4'], madeUp(7, nothing), madeUp(8, nothing)] };
  expect(judge('held-out-share', more)).toEqual(judge('held-out-share', given));
});

it('a failed run of a cell is counted, and leaves the cell unreadable when too few finished', () => {
  const given = grid(MODEL_SIZES, () => effect, [1, 2, 3, 4, 5]);
  const { verdict, failed, cells } = judge('model-size', {
    ...given,
    'size-3': [...given['size-3'].slice(0, 4), failedRun(5)],
  });
  expect(verdict).toBe('inconclusive');
  expect(failed, 'failed runs of a cell').toBe(1);
  expect(cells?.map(({ readable, failed: lost }) => [readable, lost])).toEqual([
    [true, 0],
    [true, 0],
    [false, 1],
    [true, 0],
  ]);
});

it('a grid that was never run is inconclusive, with no number made up', () => {
  expect(judge('weights', {})).toMatchObject({
    verdict: 'inconclusive',
    estimate: null,
    interval: null,
    seeds: [],
    p: 1,
  });
});

describe('what a grid does not let pass', () => {
  it('seeds that only its first cell was run with', () => {
    const given = grid(HELD_OUT_SHARES, () => effect);
    const more: Views = {
      ...given,
      'held-out-1': [...given['held-out-1'], madeUp(7, nothing), madeUp(8, nothing)],
    };
    expect(judge('held-out-share', more)).toEqual(judge('held-out-share', given));
    // A seed that some of the other cells have is not one that all have.
    const some: Views = { ...more, 'held-out-2': [...more['held-out-2'], madeUp(7, nothing)] };
    expect(judge('held-out-share', some)).toEqual(judge('held-out-share', given));
  });

  it('a cell below chance of which the useful negatives learned nothing counts neither for nor against', () => {
    const lost: Knowledge = { ...effect, joint: { heldOut: 0.8, useful: 1.05, random: 1 } };
    const { verdict, reason } = judge(
      'model-size',
      grid(MODEL_SIZES, (index) => (index === 1 ? lost : effect)),
    );
    expect(verdict).toBe('inconclusive');
    expect(reason).not.toContain('below chance');
  });

  it('a cell whose runs all failed is not readable, and has no number', () => {
    const given = { ...grid(MODEL_SIZES, () => effect), 'size-2': SEEDS.map(failedRun) };
    const { verdict, cells } = judge('model-size', given);
    expect(verdict).toBe('inconclusive');
    expect(cells?.[1]).toMatchObject({ readable: false, estimate: null, interval: null, failed: 6, p: 1 });
  });

  it('an average over half of the cells can be read, over fewer it cannot', () => {
    const learned = (count: number) => grid(SWEEPS.weights, (index) => (index < count ? effect : unlearned));
    expect(judge('weights', learned(SWEEPS.weights.length / 2)).verdict).toBe('reproduced');
    expect(judge('weights', learned(SWEEPS.weights.length / 2 - 1)).verdict).toBe('inconclusive');
  });

  it('a claim of one cell says nothing where no run of it finished, nor compares it with a cell of which none did', () => {
    const given = grid(Object.values(ABLATION), () => effect);
    const lost = judge('freeze', { ...given, [ABLATION.noFreeze.id]: SEEDS.map(failedRun) });
    expect(lost).toMatchObject({
      verdict: 'inconclusive',
      reason: 'no run finished',
      estimate: null,
      interval: null,
      findings: [],
    });
    const alone = judge('freeze', { ...given, [ABLATION.both.id]: SEEDS.map(failedRun) });
    expect(alone.verdict).toBe('reproduced');
    expect(alone.findings.map(({ key }) => key)).toEqual(['useful']);
    // A seed of which one of the two failed is left out of the difference.
    const partly = judge('freeze', {
      ...given,
      [ABLATION.both.id]: [...given[ABLATION.both.id].slice(1), failedRun(1)],
    });
    expect(partly.findings.map(({ key }) => key)).toEqual(['useful', 'minus-baseline']);
  });
});
