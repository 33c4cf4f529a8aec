/** Grids: many setups as one file. What a grid asks for is planned here; nothing is trained. */
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as z from 'zod';
import { CLAIMS, type Claim } from '../claims/index.ts';
import { ExplainedError } from '../explained-error.ts';
import { drawnValue, parseDimension, places } from '../explore/space.ts';
import { type Plan, planSetups } from '../lab/job.ts';
import { setupHash } from '../setup/hash.ts';
import { assignmentsOf, readStructured, resolveSetup } from '../setup/overrides.ts';
import { claimSeeds, PRESETS, type PresetName } from '../setup/presets.ts';
import { type Setup, SetupError } from '../setup/schema.ts';
import { didYouMean } from '../suggestion.ts';

/** A grid that cannot be carried out; the message names its file and the field. */
export class GridError extends ExplainedError {
  override name = 'GridError';
}

const value = z.json();
const changes = z.record(z.string(), value);
/** `8` (so many of the seeds that are kept for claims), `[201, 202]`, or `201-208`. */
const seeds = z.union([
  z.number().int().min(1).max(1000),
  z.array(z.number().int().min(0).max(0xffffffff)).min(1).max(1000),
  z.string().regex(/^\d{1,9}-\d{1,9}$/),
]);

export const gridSchema = z.strictObject({
  /** The setup that cells change. */
  preset: z.enum(Object.keys(PRESETS) as [PresetName, ...PresetName[]]).default('pocket'),
  /** Fields that all cells have otherwise than the preset, by their paths. */
  set: changes.default({}),
  /** Cells: every combination of these values. */
  vary: z.record(z.string(), z.array(value).min(1)).optional(),
  /** Or cells: one for each of these changes. */
  cells: z.array(changes).min(1).optional(),
  /**
   * Or cells: drawn within ranges (`low..high`) or among values (`a|b`), which they fill evenly; or whole setups, of any size or
   * of tiny ones, as properties draw them.
   */
  draw: z
    .strictObject({
      count: z.number().int().min(1).max(100_000),
      seed: z.number().int().min(0).default(1),
      from: z.union([z.enum(['setups', 'tiny-setups']), z.record(z.string(), z.string())]),
    })
    .optional(),
  /** Ids of the claims that each cell is judged by. */
  claims: z.array(z.string()).min(1).default(['main']),
  seeds: seeds.default(8),
});
export type Grid = z.infer<typeof gridSchema>;

/** One setup of a grid, under all its seeds. */
export interface Cell {
  /** The fields in which it differs from the grid's preset and from other cells, as `path=value`. */
  readonly label: string;
  readonly setup: Setup;
}

/** What a grid asks for. */
export interface SweepPlan {
  readonly name: string;
  readonly cells: readonly Cell[];
  readonly claims: readonly Claim[];
  readonly seeds: readonly number[];
}

const FOLDER = fileURLToPath(new URL('./grids', import.meta.url));

/** Grids that come with the program: the paper's. */
export const GRIDS: readonly string[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => path.parse(name).name)
  .sort();

/** The file of a grid. @throws GridError where there is none */
function fileOf(grid: string): string {
  if (GRIDS.includes(grid)) return path.join(FOLDER, `${grid}.yaml`);
  if (existsSync(grid)) return grid;
  throw new GridError(
    `there is no file ${grid}, and no grid of that name${didYouMean(grid, GRIDS)}; grids are ${GRIDS.join(', ')}`,
  );
}

/** @throws GridError naming the file and the field */
export function readGrid(grid: string): { name: string; grid: Grid } {
  const file = fileOf(grid);
  const { name } = path.parse(file);
  let content: unknown;
  try {
    content = readStructured(file);
  } catch (error) {
    throw new GridError(`${file}: ${(error as Error).message}`);
  }
  const parsed = gridSchema.safeParse(content);
  if (parsed.success) return { name, grid: parsed.data };
  const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || 'the grid'}: ${issue.message}`);
  throw new GridError([`${file} is no grid:`, ...problems].join('\n'));
}

/** Every combination of values, the last field changing quickest. */
const product = (vary: NonNullable<Grid['vary']>): Record<string, unknown>[] =>
  Object.entries(vary).reduce<Record<string, unknown>[]>(
    (all, [field, values]) => all.flatMap((one) => values.map((each) => ({ ...one, [field]: each }))),
    [{}],
  );

/** Draws fill their ranges evenly. */
function drawn({ count, seed, from }: NonNullable<Grid['draw']>, base: Setup): Record<string, unknown>[] {
  if (typeof from === 'string') return [];
  const space = Object.entries(from).map(([field, range]) => parseDimension(`${field}=${range}`, base));
  return places(count, space.length, seed).map((place) =>
    Object.fromEntries(space.map((dimension, index) => [dimension.field, drawnValue(dimension, place[index])])),
  );
}

function seedsOf(given: Grid['seeds']): number[] {
  if (typeof given === 'number') return claimSeeds(given);
  if (typeof given !== 'string') return given;
  const [first, last] = given.split('-').map(Number);
  if (last < first || last - first >= 1000)
    throw new GridError(`seeds: "${given}" must be at most 1,000 seeds, the smallest first`);
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

const textOf = (changed: Record<string, unknown>): string =>
  Object.entries(changed)
    .map(([field, each]) => `${field}=${typeof each === 'string' ? each : JSON.stringify(each)}`)
    .join(' ');

/** The claims that a grid is judged by. @throws GridError where there is no such claim */
export const claimsOf = ({ name, grid }: ReturnType<typeof readGrid>): Claim[] =>
  grid.claims.map((id) => {
    const claim = CLAIMS.find((each) => each.id === id);
    if (claim !== undefined) return claim;
    const known = CLAIMS.map((each) => each.id);
    throw new GridError(`${name}: there is no claim "${id}"${didYouMean(id, known)}; claims are ${known.join(', ')}`);
  });

/**
 * Works out what a grid asks for.
 * @param whole setups that were drawn for it
 * @param instead what a command line says instead of the grid
 * @throws GridError or SetupError where it cannot be; the message names the cell
 */
export function planSweep(
  given: ReturnType<typeof readGrid>,
  instead: Partial<Pick<Grid, 'seeds'>> & { readonly preset?: string; readonly set?: readonly string[] } = {},
  whole: readonly Setup[] = [],
): SweepPlan {
  const { name, grid } = given;
  const { preset, seeds: which, set, vary, cells: list, draw } = { ...grid, ...instead, set: grid.set };
  if ([vary, list, draw].filter((each) => each !== undefined).length > 1)
    throw new GridError(`${name}: cells are given by one of vary, cells and draw`);
  const all = seedsOf(which);
  if (new Set(all).size < all.length) throw new GridError(`${name}: a seed is named twice`);
  const claims = claimsOf(given);
  const common = [...assignmentsOf(set), ...(instead.set ?? [])];
  if (whole.length > 0 && (common.length > 0 || instead.preset !== undefined))
    throw new GridError(`${name}: draw: whole setups are drawn, of which a preset and what is set change nothing`);
  const base = resolveSetup({ preset, set: common });
  const differing = vary !== undefined ? product(vary) : draw !== undefined ? drawn(draw, base) : (list ?? [{}]);
  const drawnWhole = whole.map((setup, index): Cell => {
    const label = `draw ${index + 1}`;
    return { label, setup: named({ ...setup, seed: 0 }, name, label) };
  });
  const varied = differing.map((changed): Cell => {
    const label = textOf(changed);
    try {
      const setup = resolveSetup({ preset, set: [...common, ...assignmentsOf(changed)] });
      return { label: label || setup.name, setup: named(setup, name, label) };
    } catch (error) {
      if (error instanceof SetupError) error.message = `${name}, cell ${label}: ${error.message}`;
      throw error;
    }
  });
  const cells = [...varied, ...drawnWhole];
  const same = cells.find(
    (cell, at) => cells.findIndex(({ setup }) => setupHash(setup) === setupHash(cell.setup)) < at,
  );
  if (same !== undefined) throw new GridError(`${name}: the cell ${same.label} is given twice`);
  return { name, cells, claims, seeds: all };
}

/** A setup named after its cell; that of a cell that changes nothing keeps its name. */
const named = (setup: Setup, grid: string, label: string): Setup =>
  label === ''
    ? setup
    : {
        ...setup,
        name: `${grid}-${label}`
          .toLowerCase()
          .replaceAll(/[^a-z0-9]+/g, '-')
          .slice(0, 64),
      };

/** The setups that a cell's claims need, by arm. @throws SetupError when an arm is impossible for it */
export const armsOf = ({ setup }: Cell, { claims, seeds: all }: SweepPlan): Plan => planSetups(setup, claims, all);

/** Every run of a sweep, once. @throws SetupError when an arm is impossible for a cell */
export function runsOf(plan: SweepPlan): Setup[] {
  const all = plan.cells.flatMap((cell) => [...armsOf(cell, plan).values()].flat());
  return [...new Map(all.map((setup) => [setupHash(setup), setup])).values()];
}
