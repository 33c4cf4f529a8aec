/**
 * A search for setups that show the effect: many are drawn, each is tried on a few tuning seeds, and the better half is tried on more
 * (successive halving, Jamieson & Talwalkar 2016, arXiv 1502.07943). The best one is then judged on seeds that the search never saw:
 * the best of many draws is partly lucky, and its fresh runs say by how much.
 */
import { mean } from 'simple-statistics';
import type { Judgement } from '../claims/claim.ts';
import { main } from '../claims/main.ts';
import { nameOf, type RunRecord } from '../records/record.ts';
import { differences } from '../setup/fields.ts';
import { setupHash } from '../setup/hash.ts';
import { parseSetup, type Setup, SetupError } from '../setup/schema.ts';
import type { Objective } from './objectives.ts';
import { type Dimension, placed, places } from './space.ts';

/** Tuning seeds after each round: the draws that are left are tried on more and more of 1 to 6. */
export const ROUNDS = [1, 2, 4, 6] as const;

/** The first seed of confirmations. Neither tuning nor a claim of the reference report uses it or those that follow. */
export const FIRST_FRESH_SEED = 1001;

/** One drawn setup, and what became of it. */
export interface Draw {
  /** From 1, in the order of drawing. */
  readonly number: number;
  /** What differs from the setup that the search began with, as `--set` takes it. */
  readonly set: readonly string[];
  readonly setupHash: string;
  /** Places in the space, each in [0, 1). */
  readonly place: readonly number[];
  /** The objective of each tuning seed so far; a failed run has none. */
  readonly byRun: readonly number[];
  /** The mean of `byRun`; null where the setup is impossible or a run of it failed. */
  readonly score: number | null;
  /** In how many rounds it took part. */
  readonly rounds: number;
  /** Why it is out, if not for its score. */
  readonly reason: string | null;
}

/** The best draw on fresh seeds. */
export interface Confirmation {
  readonly draw: Draw;
  readonly seeds: readonly number[];
  /** The objective of each fresh run that finished. */
  readonly byRun: readonly number[];
  /** On the main claim. */
  readonly judgement: Judgement;
}

export interface Searched {
  /** Every draw, in the order of drawing. */
  readonly draws: readonly Draw[];
  /** Null where no draw could be scored. */
  readonly confirmation: Confirmation | null;
}

export interface SearchOptions {
  readonly setup: Setup;
  readonly space: readonly Dimension[];
  readonly objective: Objective;
  /** How many setups are drawn. */
  readonly draws: number;
  /** Seeds the draws. */
  readonly seed: number;
  /** Fresh seeds of the confirmation. */
  readonly confirm: number;
  /** Trains setups, or takes their runs from where they are kept; in the order given. */
  readonly train: (setups: readonly Setup[]) => Promise<readonly RunRecord[]>;
  /** How the confirmation is judged. The default is the main claim, which checks the records first. */
  readonly judge?: typeof main.judge;
  /** Told of all draws after each round. */
  readonly onRound?: (draws: readonly Draw[], round: number) => Promise<void> | void;
}

/** The best first; of equal ones the one drawn first. Those without a score come last. */
const byScore = (a: Draw, b: Draw): number =>
  (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY) || a.number - b.number;

/** A drawn setup under a seed. @throws SetupError where no setup can be like this */
const seeded = (wished: Setup, seed: number): Setup =>
  parseSetup({ ...wished, seed, name: `${wished.name}-searched`.slice(0, 64) });

function drawn({ setup, space, draws, seed }: SearchOptions): { draw: Draw; wished: Setup }[] {
  return places(draws, space.length, seed).map((place, index) => {
    const wished = placed(setup, space, place);
    let reason: string | null = null;
    try {
      seeded(wished, 0);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      reason = error.message.replace(/\s+/g, ' ');
    }
    const set = differences(wished, setup);
    const draw = {
      number: index + 1,
      set,
      setupHash: setupHash({ ...wished, seed: 0 }),
      place,
      byRun: [],
      score: null,
      rounds: 0,
      reason,
    };
    return { draw, wished };
  });
}

/** A draw with the runs of one round more. */
function afterRound(draw: Draw, runs: readonly RunRecord[], objective: Objective): Draw {
  const rounds = draw.rounds + 1;
  const failed = runs.find((run) => run.status === 'failed');
  if (failed?.status === 'failed')
    return { ...draw, rounds, score: null, reason: `${nameOf(failed)} failed: ${failed.error.message}` };
  const byRun = [...draw.byRun, ...runs.flatMap((run) => (run.status === 'finished' ? [objective.of(run)] : []))];
  return { ...draw, rounds, byRun, score: mean([...byRun]) };
}

/** How many runs a search trains at most: none of its draws is impossible, and no run fails. */
export function mostRuns(draws: number, confirm: number): number {
  let [left, runs] = [draws, confirm];
  for (const [round, seeds] of ROUNDS.entries()) {
    runs += left * (seeds - (round === 0 ? 0 : ROUNDS[round - 1]));
    left = Math.ceil(left / 2);
  }
  return runs;
}

/** Searches, and confirms the best draw. */
export async function search(options: SearchOptions): Promise<Searched> {
  const { objective, train, confirm, judge = main.judge, onRound } = options;
  const all = drawn(options);
  const draws = all.map(({ draw }) => draw);
  const wishedOf = ({ number }: Draw): Setup => all[number - 1].wished;
  let left = draws.filter(({ reason }) => reason === null);
  for (const [round, seeds] of ROUNDS.entries()) {
    if (left.length === 0) break;
    const before = round === 0 ? 0 : ROUNDS[round - 1];
    const added = Array.from({ length: seeds - before }, (_, index) => before + index + 1);
    // All runs of a round at once: no core waits for the last run of a draw.
    const runs = await train(left.flatMap((draw) => added.map((seed) => seeded(wishedOf(draw), seed))));
    for (const [index, draw] of left.entries()) {
      const own = runs.slice(index * added.length, (index + 1) * added.length);
      draws[draw.number - 1] = afterRound(draw, own, objective);
    }
    await onRound?.(draws, round + 1);
    const scored = left.map(({ number }) => draws[number - 1]).filter(({ score }) => score !== null);
    left = scored.sort(byScore).slice(0, round === ROUNDS.length - 1 ? 1 : Math.ceil(scored.length / 2));
  }
  const [best] = left;
  if (best === undefined) return { draws, confirmation: null };
  const seeds = Array.from({ length: confirm }, (_, index) => FIRST_FRESH_SEED + index);
  const fresh = await train(seeds.map((seed) => seeded(wishedOf(best), seed)));
  const byRun = fresh.flatMap((run) => (run.status === 'finished' ? [objective.of(run)] : []));
  return { draws, confirmation: { draw: best, seeds, byRun, judgement: judge({ main: fresh }) } };
}
