/** Spaces, draws from them, and the search: in made-up worlds whose best setups are known. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/claims/main.ts';
import { OBJECTIVES, type Objective } from '../../src/explore/objectives.ts';
import { type Draw, FIRST_FRESH_SEED, ROUNDS, type SearchOptions, search } from '../../src/explore/search.ts';
import {
  confirmationText,
  drawText,
  effectsFigure,
  parallelFigure,
  searchPage,
} from '../../src/explore/search-page.ts';
import {
  DEFAULT_SPACE,
  type Dimension,
  drawnValue,
  MOST_DIMENSIONS,
  parseDimension,
  placed,
  places,
} from '../../src/explore/space.ts';
import { stream } from '../../src/random/streams.ts';
import type { RunRecord } from '../../src/records/record.ts';
import { viewsOf } from '../../src/records/view.ts';
import { svgOf } from '../../src/report/figures/render.ts';
import { claimSeeds, PRESETS } from '../../src/setup/presets.ts';
import { type Setup, SetupError } from '../../src/setup/schema.ts';
import { effect, failedRun, madeUpRun } from '../helpers/records.ts';

const { pocket } = PRESETS;
const space = (...texts: string[]): Dimension[] => texts.map((text) => parseDimension(text, pocket));

describe('a space', () => {
  it('knows from the setup’s schema which fields are whole, and takes wide ranges above 0 over the logarithm', () => {
    expect(space('optimiser.weightDecay=0.01..2', 'model.layers=2..6', 'beta=0.1..0.5', 'prefixes=true|false')).toEqual(
      [
        { field: 'optimiser.weightDecay', low: 0.01, high: 2, logarithmic: true, whole: false },
        { field: 'model.layers', low: 2, high: 6, logarithmic: false, whole: true },
        { field: 'beta', low: 0.1, high: 0.5, logarithmic: false, whole: false },
        { field: 'prefixes', values: [true, false] },
      ],
    );
    expect(DEFAULT_SPACE.map((text) => parseDimension(text, pocket).field)).toHaveLength(4);
  });

  it.each([
    ['beta', /must look like/],
    ['=1..2', /must look like/],
    ['gamma=1..2', /names no field/],
    ['model=1..2', /names no field/],
    ['model.hidden.x=1..2', /names no field/],
    ['__proto__=1..2', /names no field/],
    ['constructor=1..2', /names no field/],
    ['seed=1..9', /no part of what is searched/],
    ['beta=2..1', /from low to high/],
    ['beta=1..1', /from low to high/],
    ['beta=a..b', /from low to high/],
    ['beta=0..Infinity', /from low to high/],
    ['beta=0.1', /two different values/],
    ['beta=0.1|0.1', /two different values/],
  ])('--vary %s is refused', (text, why) => {
    expect(() => parseDimension(text, pocket)).toThrow(SetupError);
    expect(() => parseDimension(text, pocket)).toThrow(why);
  });

  it('is filled evenly: of any number of draws, each tenth of each field has its share, give or take five', () => {
    fc.assert(
      fc.property(fc.integer({ min: 20, max: 200 }), fc.integer({ min: 0, max: 1000 }), (draws, seed) => {
        const taken = places(draws, 3, seed);
        for (let dimension = 0; dimension < 3; dimension++) {
          for (let tenth = 0; tenth < 10; tenth++) {
            const inside = taken.filter((place) => Math.floor(10 * place[dimension]) === tenth).length;
            expect(Math.abs(inside - draws / 10)).toBeLessThanOrEqual(5);
          }
        }
      }),
      { numRuns: 20 },
    );
    expect(places(5, 2, 1)).not.toEqual(places(5, 2, 2));
    expect(places(5, 2, 1)).toEqual(places(9, 2, 1).slice(0, 5)); // more draws keep the first ones
    expect(() => places(1, MOST_DIMENSIONS + 1, 1)).toThrow(RangeError);
  });

  it('gives values within its range, whole ones alike often, and those of a list alike often', () => {
    const [decay, layers, either] = space('optimiser.weightDecay=0.01..2', 'model.layers=2..6', 'prefixes=true|false');
    const drawn = places(500, 3, 4);
    for (const [place] of drawn) {
      expect(drawnValue(decay, place)).toBeGreaterThanOrEqual(0.01);
      expect(drawnValue(decay, place)).toBeLessThanOrEqual(2);
    }
    expect(drawnValue(decay, 0.5)).toBeCloseTo(Math.sqrt(0.01 * 2), 3);
    const count = (value: unknown, dimension: Dimension, at: number) =>
      drawn.filter((place) => drawnValue(dimension, place[at]) === value).length;
    for (const value of [2, 3, 4, 5, 6]) expect(Math.abs(count(value, layers, 1) - 100)).toBeLessThan(8);
    for (const value of [true, false]) expect(Math.abs(count(value, either, 2) - 250)).toBeLessThan(8);
    const { optimiser, model } = placed(pocket, [decay, layers], [0, 0.99]);
    expect([optimiser.weightDecay, model.layers, pocket.model.layers]).toEqual([0.01, 6, 4]);
  });
});

/** A world in which the objective of a run is `worth` of its setup, and luck of its seed. */
async function inWorld(worth: (setup: Setup) => number, luck: number, change: Partial<SearchOptions> = {}) {
  const trained: Setup[] = [];
  const told: [number, readonly Draw[]][] = [];
  const objective: Objective = {
    id: 'made-up',
    label: 'made up',
    of: ({ setup }) => worth(setup) + stream(setup.seed, `luck/${setup.optimiser.weightDecay}`).normal(luck),
  };
  const options: SearchOptions = {
    setup: pocket,
    space: space('optimiser.weightDecay=0.01..2'),
    objective,
    draws: 16,
    seed: 1,
    confirm: 5,
    train: async (setups) => {
      trained.push(...setups);
      return setups.map((setup): RunRecord => ({ ...madeUpRun(setup.seed, effect), setup }));
    },
    judge: (evidence) => main.weigh(viewsOf(evidence)),
    onRound: (draws, round) => void told.push([round, [...draws]]),
    ...change,
  };
  return { ...(await search(options)), options, trained, told };
}

const nearOne = ({ optimiser }: Setup): number => -Math.abs(Math.log(optimiser.weightDecay));

describe('a search', () => {
  it('finds the best of its draws, with few runs, on the tuning seeds alone', async () => {
    const { draws, confirmation, trained, told } = await inWorld(nearOne, 0);
    const worths = draws.map(({ place }) => nearOne(placed(pocket, space('optimiser.weightDecay=0.01..2'), place)));
    expect(confirmation?.draw.number).toBe(1 + worths.indexOf(Math.max(...worths)));
    // 16 draws on one seed, 8 on a second, 4 on two more, 2 on two more; then the confirmation.
    expect(trained.map(({ seed }) => seed).filter((seed) => seed <= 6)).toHaveLength(16 + 8 + 8 + 4);
    expect(trained.slice(36).map(({ seed }) => seed)).toEqual([1001, 1002, 1003, 1004, 1005]);
    expect(told.map(([round]) => round)).toEqual([1, 2, 3, 4]);
    expect(draws.map(({ rounds }) => rounds).sort()).toEqual([...Array(8).fill(1), 2, 2, 2, 2, 3, 3, 4, 4]);
    for (const { byRun, rounds } of draws) expect(byRun).toHaveLength(ROUNDS[rounds - 1]);
  });

  it('confirms on seeds that neither tuning nor a claim has used, which show the winner’s luck', async () => {
    expect(claimSeeds(FIRST_FRESH_SEED - claimSeeds(1)[0])).not.toContain(FIRST_FRESH_SEED);
    // Nothing matters but luck: what chose the winner says too much of it, nearly always.
    const unjudged = main.weigh({ main: [] });
    const lost: number[] = [];
    for (let seed = 1; seed <= 20; seed++) {
      const { confirmation } = await inWorld(() => 0, 1, { seed, confirm: 20, judge: () => unjudged });
      const { draw, byRun } = confirmation!;
      expect(byRun).toHaveLength(20);
      lost.push(draw.score! - byRun.reduce((sum, one) => sum + one, 0) / byRun.length);
    }
    expect(lost.filter((one) => one > 0).length).toBeGreaterThanOrEqual(16);
  });

  it('keeps impossible draws and failed runs in its report, and goes on without them', async () => {
    const failing = (setup: Setup): RunRecord =>
      setup.model.layers === 2 && setup.seed > 1
        ? { ...failedRun(setup.seed), setup }
        : { ...madeUpRun(setup.seed, effect), setup };
    const { draws, confirmation, options } = await inWorld(({ model }) => -model.layers, 0, {
      space: space('model.layers=1..4'), // a model of one layer has no half to freeze
      train: async (setups) => setups.map(failing),
    });
    const layers = (draw: Draw) => drawnValue(options.space[0], draw.place[0]);
    for (const draw of draws) {
      if (layers(draw) === 1)
        expect(draw).toMatchObject({ score: null, rounds: 0, reason: expect.stringContaining('first half') });
      else if (layers(draw) === 2)
        expect(draw).toMatchObject({ score: null, reason: expect.stringContaining('failed: ') });
      else expect(draw.reason).toBeNull();
    }
    expect(layers(confirmation!.draw)).toBe(3);
    const page = searchPage({ draws, confirmation }, { ...options, command: 'search' });
    expect(page.match(/^\| \d+ \|/gm)).toHaveLength(16);
    expect(page).toContain('no first half to train');
    expect(page).toContain('failed: ');
  });

  it('of impossible draws alone confirms nothing, and says so', async () => {
    const { draws, confirmation, trained, options } = await inWorld(nearOne, 0, {
      setup: { ...pocket, model: { ...pocket.model, layers: 1 } },
    });
    expect(confirmation).toBeNull();
    expect(trained).toEqual([]);
    expect(searchPage({ draws, confirmation }, { ...options, command: 'search' })).toContain(
      'No draw could be scored.',
    );
  });

  it('tells the loss from tuning to fresh seeds, and draws every draw', async () => {
    const { draws, confirmation, options } = await inWorld(nearOne, 0.1, {
      space: space('optimiser.weightDecay=0.01..2', 'beta=0.05|0.1'),
    });
    const asked = { ...options, command: 'search' };
    expect(confirmationText(confirmation!, options.objective)).toMatch(
      /^The best draw is number \d+: .*tuning seeds that chose it; is .* over 5 fresh ones \(1001 to 1005\): [\d.]+ (less|more)\. The claim `main` on the fresh seeds: reproduced, guess rate 1\.1/,
    );
    expect(drawText(draws[0])).toMatch(/^draw 1 \(.*optimiser.weightDecay=.*\): -?\d/);
    for (const figure of [parallelFigure(draws, asked), effectsFigure(draws, asked)]) {
      expect(figure.rows).toHaveLength(2 * 16);
      expect(await svgOf(figure)).toMatch(/^<svg/);
    }
  });
});

describe('the objective', () => {
  const run = madeUpRun(1, effect);

  it.each(
    OBJECTIVES.map((objective) => [objective.id, objective] as const),
  )('%s is larger where held-out passwords are guessed better', (_, objective) => {
    const better = madeUpRun(1, { ...effect, joint: { ...effect.joint, heldOut: 2 * effect.joint.heldOut } });
    expect(objective.of(better)).toBeGreaterThan(objective.of(run));
  });

  it('sensitivity falls with the time that a run takes', () => {
    const sensitivity = OBJECTIVES.find(({ id }) => id === 'sensitivity')!;
    const slower = { ...run, times: { ...run.times, cpuSeconds: 4 * run.times.cpuSeconds } };
    expect(sensitivity.of(slower)).toBeCloseTo(sensitivity.of(run) / 2, 12);
  });
});
