import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { main } from '../../src/claims/main.ts';
import { coarseToFine, type ExploreOptions, explore, type Point, spread } from '../../src/explore/explore.ts';
import { KNOBS, type Knob } from '../../src/explore/knobs.ts';
import { boundaryText, mapFigure } from '../../src/explore/page.ts';
import { viewsOf } from '../../src/records/view.ts';
import { svgOf } from '../../src/report/figures/render.ts';
import { differences } from '../../src/setup/fields.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup, SetupError } from '../../src/setup/schema.ts';
import { effect, madeUpRun } from '../helpers/records.ts';

const { 'pocket-memorising': pocket } = PRESETS;
const knob = (id: string) => KNOBS.find((known) => known.id === id) as Knob;
const nothing = { ...effect, joint: { ...effect.joint, heldOut: 0.99 } };

/** Explores a world in which a setup shows the effect if `shows` says so. */
async function inWorld(
  shows: (setup: Setup) => boolean,
  knobs: readonly Knob[],
  map: readonly [Knob, Knob] | null = null,
  most = Number.POSITIVE_INFINITY,
) {
  const points: Point[] = [];
  const options: ExploreOptions = {
    setup: pocket,
    seeds: [1, 2, 3, 4, 5],
    train: async (setups) =>
      setups.map((setup) => ({ ...madeUpRun(setup.seed, shows(setup) ? effect : nothing), setup })),
    judge: (evidence) => main.weigh(viewsOf(evidence)),
    more: () => points.length < most,
    onPoint: (point) => void points.push(point),
  };
  return { ...(await explore(knobs, map, options)), points };
}

describe('the knobs', () => {
  it.each(KNOBS)('$id: the ladder begins at the setup itself and moves one thing away from it', (which) => {
    const rungs = which.rungs(pocket);
    expect(which.apply(pocket, rungs[0])).toEqual(pocket);
    expect(rungs.length).toBeGreaterThan(2);
    expect(new Set(rungs).size).toBe(rungs.length);
    const fields = rungs
      .slice(1)
      .map((rung) => differences(which.apply(pocket, rung), pocket).map((field) => field.split('=')[0]));
    for (const changed of fields) expect(changed).toEqual(fields[0]);
    expect(rungs).toEqual(rungs.toSorted((a, b) => (rungs[1] > rungs[0] ? a - b : b - a)));
    expect(pocket.passwords.heldBatches).toBe(4); // nothing was changed in place
  });

  it('give setups that are valid, or refused as such', () => {
    for (const which of KNOBS) {
      for (const rung of which.rungs(pocket)) {
        try {
          parseSetup(which.apply(pocket, rung));
        } catch (error) {
          expect(error).toBeInstanceOf(SetupError);
        }
      }
    }
  });
});

describe('a boundary', () => {
  it('is found wherever it lies, with few verdicts', async () => {
    for (const last of [4, 9, 14, 15]) {
      const { boundaries, points } = await inWorld(({ passwords }) => passwords.heldBatches <= last, [knob('share')]);
      expect(boundaries).toEqual([
        {
          knob: 'share',
          question: 'the largest held-out share',
          last,
          first: last === 15 ? null : last + 1,
          complete: true,
        },
      ]);
      expect(points.length).toBeLessThanOrEqual(6); // of 12 rungs
      expect(new Set(points.map(({ setupHash }) => setupHash)).size).toBe(points.length);
    }
  });

  it('of a setup that does not show the effect is the setup itself', async () => {
    const { boundaries, points } = await inWorld(() => false, [knob('beta'), knob('share')]);
    expect(boundaries.map(({ last, first }) => [last, first])).toEqual([
      [null, 0.3],
      [null, 4],
    ]);
    expect(points).toHaveLength(1); // both begin at the same setup, which is judged once
    expect(boundaryText(boundaries[0])).toBe(
      'the weakest beta: the setup itself, at 0.3 beta, does not show the effect',
    );
  });

  it('lies before setups that are impossible, which are told as such', async () => {
    const { boundaries, points } = await inWorld(() => true, [knob('length')]);
    expect(boundaries[0]).toMatchObject({ last: 4, first: 3, complete: true });
    expect(points.find(({ at }) => at.length === 2)).toMatchObject({
      verdict: null,
      reason: expect.stringMatching(/make only 676 passwords/),
    });
    expect(boundaryText(boundaries[0])).toBe(
      'the shortest password: 4 letters in a password; at 3 the claim is no longer reproduced',
    );
  });

  it('that the budget cuts short says how far it came', async () => {
    for (const most of [0, 1, 2, 3]) {
      const { boundaries } = await inWorld(({ beta }) => beta > 0.02, [knob('beta')], null, most);
      expect(boundaries[0].complete).toBe(false);
      expect(boundaryText(boundaries[0])).toContain('the budget ended the search');
    }
  });
});

describe('a map', () => {
  it('is drawn from the corners inwards, each cell once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (columns, rows) => {
        const order = coarseToFine(columns, rows);
        expect(order).toHaveLength(columns * rows);
        expect(new Set(order.map(String)).size).toBe(columns * rows);
        for (const [column, row] of order)
          expect([column >= 0 && column < columns, row >= 0 && row < rows]).toEqual([true, true]);
      }),
    );
    expect(coarseToFine(5, 5).slice(0, 5)).toEqual([
      [0, 0],
      [0, 4],
      [4, 0],
      [4, 4],
      [0, 2],
    ]);
  });

  it('shows at most so many rungs of a ladder, its ends among them', () => {
    expect(spread([1, 2, 3, 4, 5, 6, 7, 8, 9], 5)).toEqual([1, 3, 5, 7, 9]);
    expect(spread([4, 2], 5)).toEqual([4, 2]);
  });

  it('has a cell for every pair of rungs, uses what the boundaries have judged, and is drawn', async () => {
    const pair = [knob('share'), knob('beta')] as const;
    const { map, points } = await inWorld(
      ({ passwords, beta }) => passwords.heldBatches * (0.3 / beta) < 40,
      pair,
      pair,
    );
    expect(map?.complete).toBe(true);
    const cells = points.filter(({ at }) => 'share' in at && 'beta' in at);
    expect(cells.length).toBeGreaterThan(15);
    if (map === null) throw new Error('there is a map');
    const figure = mapFigure(map, points);
    expect(figure.rows).toHaveLength(cells.filter(({ estimate }) => estimate !== null).length);
    expect(await svgOf(figure)).toMatch(/<svg.*batches held out/s);
  });

  it('that the budget cuts short is told as such', async () => {
    const pair = [knob('share'), knob('beta')] as const;
    expect((await inWorld(() => true, [], pair, 3)).map?.complete).toBe(false);
  });
});
