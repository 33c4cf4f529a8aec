import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { setupHash } from '../../src/setup/hash.ts';
import { claimSeeds, PRESETS } from '../../src/setup/presets.ts';
import { SetupError } from '../../src/setup/schema.ts';
import { drawnSetups } from '../../src/sweep/drawn.ts';
import {
  claimsOf,
  GRIDS,
  type Grid,
  GridError,
  gridSchema,
  planSweep,
  readGrid,
  runsOf,
} from '../../src/sweep/grid.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const planned = (grid: z.input, instead: Parameters<typeof planSweep>[1] = {}) =>
  planSweep({ name: 'mine', grid: gridSchema.parse(grid) }, instead);
declare namespace z {
  type input = Partial<Record<keyof Grid, unknown>>;
}

/** A file with this text. */
function file(text: string, name = 'mine.yaml'): string {
  const folder = temporaryFolder();
  mkdirSync(folder, { recursive: true });
  const at = path.join(folder, name);
  writeFileSync(at, text);
  return at;
}

describe('the cells of a grid', () => {
  it('are every combination of its values, each under all seeds', () => {
    const values = <Value>(of: fc.Arbitrary<Value>) => fc.uniqueArray(of, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(
        values(fc.integer({ min: 1, max: 9 }).map((tenths) => tenths / 10)),
        values(fc.integer({ min: 2, max: 6 })),
        values(fc.nat({ max: 1000 })),
        (decays, layers, seeds) => {
          const plan = planned({ vary: { 'optimiser.weightDecay': decays, 'model.layers': layers }, seeds });
          expect(plan.cells.map(({ setup }) => [setup.optimiser.weightDecay, setup.model.layers])).toEqual(
            decays.flatMap((decay) => layers.map((count) => [decay, count])),
          );
          const runs = runsOf(plan);
          expect(runs).toHaveLength(decays.length * layers.length * seeds.length);
          expect(new Set(runs.map(setupHash)).size).toBe(runs.length);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('are those of a list, and differ in no other field', () => {
    const { cells } = planned({ set: { 'model.layers': 2 }, cells: [{ beta: 0.2 }, { beta: 0.3, 'model.heads': 3 }] });
    const { pocket } = PRESETS;
    const model = { ...pocket.model, layers: 2 };
    expect(cells.map(({ setup }) => ({ ...setup, name: '' }))).toEqual([
      { ...pocket, name: '', beta: 0.2, model },
      { ...pocket, name: '', beta: 0.3, model: { ...model, heads: 3 } },
    ]);
    expect(cells.map(({ label }) => label)).toEqual(['beta=0.2', 'beta=0.3 model.heads=3']);
  });

  it('are drawn within their ranges, the same each time, others with another seed', () => {
    const draw = (seed: number) =>
      planned({ draw: { count: 40, seed, from: { beta: '0.01..1', 'model.layers': '2..5' } } }).cells;
    const betas = draw(1).map(({ setup }) => setup.beta);
    expect(betas).toHaveLength(40);
    for (const beta of betas) expect(beta >= 0.01 && beta <= 1).toBe(true);
    expect(betas.filter((beta) => beta < 0.1).length).toBeGreaterThan(14); // evenly over the logarithm
    expect(new Set(draw(1).map(({ setup }) => setup.model.layers))).toEqual(new Set([2, 3, 4, 5]));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(2)).not.toEqual(draw(1));
  });

  it('are one, the preset itself, where nothing is varied', () => {
    const { cells, seeds, claims } = planned({});
    expect(cells.map(({ setup }) => setup)).toEqual([PRESETS.pocket]);
    expect(seeds).toEqual(claimSeeds(8));
    expect(claims.map(({ id }) => id)).toEqual(['main']);
  });

  it('share the runs that their claims have in common', () => {
    const one = runsOf(planned({ claims: ['main'], seeds: 3 }));
    const both = runsOf(planned({ claims: ['main', 'control', 'avoidance'], seeds: 3 }));
    expect(both.map(setupHash)).toEqual(one.map(setupHash));
  });
});

describe('seeds', () => {
  it.each([
    [3, claimSeeds(3)],
    [
      [7, 5],
      [7, 5],
    ],
    ['11-14', [11, 12, 13, 14]],
    ['9-9', [9]],
  ])('%j', (seeds, expected) => {
    expect(planned({ seeds }).seeds).toEqual(expected);
  });

  it.each([['14-11'], ['1-5000'], [[3, 3]]])('refuses %j', (seeds) => {
    expect(() => planned({ seeds })).toThrow(GridError);
  });
});

describe('whole setups that are drawn', () => {
  const drawn = async (draw: z.input['draw'], more: z.input = {}) => {
    const grid = gridSchema.parse({ draw, claims: ['main', 'no-dpo'], seeds: [201, 202], ...more });
    const given = { name: 'mine', grid };
    return planSweep(given, {}, await drawnSetups(grid, claimsOf(given)));
  };

  it('are as many as asked for, all different, the same for one seed, and each a cell that its claims can be asked of', async () => {
    const plan = await drawn({ count: 20, seed: 3, from: 'tiny-setups' });
    expect(plan.cells.map(({ label }) => label)).toEqual(Array.from({ length: 20 }, (_, index) => `draw ${index + 1}`));
    expect(new Set(plan.cells.map(({ setup }) => setupHash(setup))).size).toBe(20);
    expect(runsOf(plan).length).toBeGreaterThanOrEqual(20 * 2);
    const hashes = ({ cells }: typeof plan) => cells.map(({ setup }) => setupHash(setup));
    expect(hashes(await drawn({ count: 20, seed: 3, from: 'tiny-setups' }))).toEqual(hashes(plan));
    expect(hashes(await drawn({ count: 20, seed: 4, from: 'tiny-setups' }))).not.toEqual(hashes(plan));
  });

  it('leave nothing for a preset and for what is set to change', async () => {
    await expect(drawn({ count: 2, from: 'setups' }, { set: { beta: 0.1 } })).rejects.toThrow('change nothing');
  });
});

describe('a grid that cannot be', () => {
  it.each([
    [{ vary: { beta: [0.1, 0.2] }, cells: [{ beta: 0.3 }] }, GridError, 'one of vary, cells and draw'],
    [{ vary: { beta: [0.1, 0.1] } }, GridError, 'given twice'],
    [{ cells: [{ 'model.width': 3 }] }, SetupError, 'model.width'],
    [{ vary: { 'model.heads': [5] } }, SetupError, 'mine, cell model.heads=5'],
    [{ vary: { seed: [1, 2] } }, SetupError, 'seed'],
    [{ set: { __proto__x: 1 } }, SetupError, '__proto__x'],
    [{ claims: ['mian'] }, GridError, 'did you mean "main"?'],
    [{ draw: { count: 2, from: { beta: 'wide' } } }, SetupError, 'beta=wide'],
  ])('%j is refused with the reason', (grid, Kind, message) => {
    expect(() => planned(grid)).toThrow(Kind);
    expect(() => planned(grid)).toThrow(message);
  });

  it.each([
    ['seeds: []', 'seeds'],
    ['varied: {}', 'varied'],
    ['preset: pockets', 'preset'],
    ['vary: { beta: 0.1 }', 'vary.beta'],
    ['- 1', 'the grid'],
    ['vary: [', 'YAML'],
    ['draw: { count: 0, from: {} }', 'draw.count'],
    [`${'['.repeat(400)}${']'.repeat(400)}`, 'deep'],
  ])('the file %j is refused, with its name and the field', (text, field) => {
    const at = file(text);
    expect(() => readGrid(at)).toThrow(GridError);
    expect(() => readGrid(at)).toThrow(at);
    expect(() => readGrid(at)).toThrow(field);
  });

  it('is refused with a sentence, whatever the file holds', () => {
    const at = file('');
    const fields = fc.constantFrom(...Object.keys(gridSchema.shape), '__proto__', 'constructor', 'toString');
    const anything = fc.anything({ withNullPrototype: false, maxDepth: 3 });
    fc.assert(
      fc.property(
        fc.dictionary(fields, fc.oneof(anything, fc.constantFrom({ beta: [0.1] }, [{}], 3)), { maxKeys: 4 }),
        (grid) => {
          writeFileSync(at, JSON.stringify(grid) ?? 'null');
          try {
            planSweep(readGrid(at));
          } catch (error) {
            expect(['GridError', 'SetupError']).toContain((error as Error).name);
            expect((error as Error).message).not.toBe('');
          }
          expect(({} as Record<string, unknown>).polluted).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is one that is not there: the ones that are, and what may have been meant, are named', () => {
    expect(() => readGrid('smodel')).toThrow(/did you mean "smodels"\?.*grids are .*seeds/);
  });

  it('is read from JSON with comments as well', () => {
    const { name, grid } = readGrid(file('{ "vary": { "beta": [0.1] } /* one */ }', 'one.json'));
    expect({ name, vary: grid.vary }).toEqual({ name: 'one', vary: { beta: [0.1] } });
  });
});

describe("the paper's grids", () => {
  it.each([
    ['seeds', 8, 8],
    ['smodels', 4 * 5, 4 * 5],
    ['helds', 9 * 5, 9 * 5],
    ['freeze', 4 * 5, 4 * 5],
    ['prefix', 4 * 5, 4 * 5],
    ['lrbeta', 24, 24],
    ['weights', 28, 28],
  ])('%s has %i runs at pocket scale, and %i at that of the paper', (name, pocket, paper) => {
    const grid = readGrid(name);
    expect(runsOf(planSweep(grid))).toHaveLength(pocket);
    const runs = runsOf(planSweep(grid, { preset: 'paper' }));
    expect(runs).toHaveLength(paper);
    expect(runs.every(({ batch, model }) => batch === 128 && model.vocabulary === 50_304)).toBe(true);
  });

  it('are all tried here', () => {
    expect([...GRIDS].sort()).toEqual(['freeze', 'helds', 'lrbeta', 'prefix', 'seeds', 'smodels', 'weights']);
  });
});
