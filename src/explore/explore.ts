/**
 * Where the effect ends. For each knob, bisection finds the last rung at which the main claim is still reproduced. Then
 * a map shows the guess rate over two knobs, coarse first. A verdict costs several trained runs, so the search asks for
 * few. It assumes that the verdict changes once along a ladder. Every verdict that was found is reported.
 */

import type { Judgement, Verdict } from '../claims/index.ts';
import { main } from '../claims/main.ts';
import { PlanError } from '../lab/plan.ts';
import type { RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import { parseSetup, type Setup, SetupError } from '../setup/schema.ts';
import type { Knob } from './knobs.ts';

/** What the runs of one setup came to. */
export interface Point extends Pick<Judgement, 'estimate' | 'interval' | 'seeds' | 'failed'> {
  /** Rungs by knob; a knob that is not named stands at the setup's own value. */
  readonly at: Readonly<Record<string, number>>;
  readonly setupHash: string;
  /** Null where no setup can be like this; `reason` says why. */
  readonly verdict: Verdict | null;
  readonly reason: string;
}

/** The end of the effect along one knob. */
export interface Boundary {
  readonly knob: string;
  readonly question: string;
  /** The hardest rung known to be reproduced, and the easiest known not to be. */
  readonly last: number | null;
  readonly first: number | null;
  /** False where the budget ended the search. */
  readonly complete: boolean;
}

export interface ExploreOptions {
  readonly setup: Setup;
  readonly seeds: readonly number[];
  /** Trains the runs of a setup, or takes them from where they are kept. */
  readonly train: (setups: readonly Setup[]) => Promise<readonly RunRecord[]>;
  /** How runs are judged. The default is the main claim, which checks the records first. */
  readonly judge?: typeof main.judge;
  /** Whether a further point may begin. */
  readonly more: () => boolean;
  /** Told of every point as soon as it is judged. */
  readonly onPoint: (point: Point) => Promise<void> | void;
}

/** Trains and judges a point. Impossible setups are points too: a map has holes. */
async function tryPoint(
  wished: Setup,
  { seeds, train, judge = main.judge }: ExploreOptions,
): Promise<Omit<Point, 'at'>> {
  const hash = setupHash(wished);
  try {
    const name = `${wished.name}-explored`.slice(0, 64);
    const setups = seeds.map((seed) => parseSetup({ ...wished, seed, name }));
    const { verdict, reason, estimate, interval, seeds: judged, failed } = judge({ main: await train(setups) });
    return { setupHash: hash, verdict, reason, estimate, interval, seeds: judged, failed };
  } catch (error) {
    if (!(error instanceof SetupError || error instanceof PlanError)) throw error;
    const reason = error.message.replace(/\s+/g, ' ');
    return { setupHash: hash, verdict: null, reason, estimate: null, interval: null, seeds: [], failed: 0 };
  }
}

type JudgePoint = (at: Record<string, number>) => Promise<Point | null>;

/** Judges points, none twice; gives null for a new point after the budget ended. */
function remembered(knobs: readonly Knob[], options: ExploreOptions): JudgePoint {
  const points = new Map<string, Point>();
  return async (at) => {
    const apply = (draft: Setup, knob: Knob) => (knob.id in at ? knob.apply(draft, at[knob.id]) : draft);
    const wished = { ...knobs.reduce(apply, options.setup), seed: 0 };
    const key = setupHash(wished);
    const known = points.get(key);
    if (known !== undefined) return known;
    if (!options.more()) return null;
    const point = { at, ...(await tryPoint(wished, options)) };
    await options.onPoint(point);
    points.set(key, point);
    return point;
  };
}

/** Bisects each knob's ladder, the others at the setup's own values. */
async function boundaryOf(knob: Knob, setup: Setup, judge: JudgePoint): Promise<Boundary> {
  const rungs = knob.rungs(setup);
  const known = { knob: knob.id, question: knob.question };
  const own = await judge({ [knob.id]: rungs[0] });
  if (own === null) return { ...known, last: null, first: null, complete: false };
  // A setup that does not show the effect has no boundary.
  if (own.verdict !== 'reproduced') return { ...known, last: null, first: rungs[0], complete: true };
  let [inside, outside] = [0, rungs.length];
  while (outside - inside > 1) {
    // The hardest rung comes first: if it is reproduced, the search is over.
    const middle = outside === rungs.length ? rungs.length - 1 : Math.floor((inside + outside) / 2);
    const point = await judge({ [knob.id]: rungs[middle] });
    if (point === null) return { ...known, last: rungs[inside], first: rungs[outside] ?? null, complete: false };
    if (point.verdict === 'reproduced') inside = middle;
    else outside = middle;
  }
  return { ...known, last: rungs[inside], first: rungs[outside] ?? null, complete: true };
}

/** The cells of a grid, corners first, then ever finer: if the search ends early, it still covers the whole grid. */
export function coarseToFine(columns: number, rows: number): [column: number, row: number][] {
  const order: [number, number][] = [];
  const seen = new Set<string>();
  for (let parts = 1; parts < 2 * Math.max(columns, rows); parts *= 2) {
    for (let i = 0; i <= parts; i++) {
      for (let j = 0; j <= parts; j++) {
        const cell: [number, number] = [Math.round((i * (columns - 1)) / parts), Math.round((j * (rows - 1)) / parts)];
        if (!seen.has(cell.join())) order.push(cell);
        seen.add(cell.join());
      }
    }
  }
  return order;
}

/** At most `most` rungs of a ladder, evenly spread, its ends among them. */
export const spread = (rungs: readonly number[], most: number): number[] =>
  rungs.length <= most
    ? [...rungs]
    : Array.from({ length: most }, (_, index) => rungs[Math.round((index * (rungs.length - 1)) / (most - 1))]);

/** Rungs of a map's side. */
const SIDE = 5;

export interface Exploration {
  readonly boundaries: readonly Boundary[];
  /** The two knobs of the map with the rungs that it shows, and whether every cell was judged. */
  readonly map: {
    readonly knobs: readonly [Knob, Knob];
    readonly rungs: readonly [number[], number[]];
    readonly complete: boolean;
  } | null;
}

/**
 * Searches the boundaries of `knobs`, then maps two of them.
 * @param mapped the knobs of the map, or null for none
 */
export async function explore(
  knobs: readonly Knob[],
  mapped: readonly [Knob, Knob] | null,
  options: ExploreOptions,
): Promise<Exploration> {
  const judge = remembered(
    [...knobs, ...(mapped ?? [])].filter((knob, index, all) => all.indexOf(knob) === index),
    options,
  );
  const boundaries: Boundary[] = [];
  for (const knob of knobs) boundaries.push(await boundaryOf(knob, options.setup, judge));
  if (mapped === null) return { boundaries, map: null };
  const [x, y] = mapped;
  const rungs: [number[], number[]] = [spread(x.rungs(options.setup), SIDE), spread(y.rungs(options.setup), SIDE)];
  let complete = true;
  for (const [column, row] of coarseToFine(rungs[0].length, rungs[1].length)) {
    if ((await judge({ [x.id]: rungs[0][column], [y.id]: rungs[1][row] })) === null) {
      complete = false;
      break;
    }
  }
  return { boundaries, map: { knobs: mapped, rungs, complete } };
}
