/** What the runs of an arm leak of their held-out passwords, by the measures of neighbouring work. */
import { chanceExposure, exposure, logProbabilityOf, ranksAmong } from '../../measure/exposure.ts';
import { blindSamplesNeeded, extractableShare, samplesNeeded } from '../../measure/extraction.ts';
import { chanceLine, guessRates, logLikelihoods, topRate } from '../../measure/measures.ts';
import { auc } from '../../measure/membership.ts';
import type { RunView } from '../../records/view.ts';
import { estimate } from '../evidence.ts';
import type { Claimed } from '../family.ts';
import { kept, type Sets, type Snapshot, snapshotsOf } from './snapshots.ts';

/** Share of blind guessing's budget at which extraction is asked for. */
const BUDGET_SHARE = 0.5;
export const EXTRACTION_P = 0.5;

const countOf = ({ random }: Sets): number => random.logProbabilities.length;

const ranks = ({ heldOut, random }: Sets): number[] => ranksAmong(logProbabilityOf(heldOut), logProbabilityOf(random));

/** How many of the control passwords are likelier than each held-out one, as a share. */
const ranksAsShares = (sets: Sets): number[] => ranks(sets).map((rank) => (rank - 1) / countOf(sets));

interface Measure {
  /** Its part of the names of streams, which are not reworded: see {@link estimate}. */
  readonly source: string;
  /** What a model that knows nothing scores: 0 unless told. @param references how many control passwords there are */
  readonly chance?: (references: number) => number;
  /**
   * One number for each held-out password, or one for all.
   * @param letters size of the alphabet
   * @param length of a password, in letters that are scored
   */
  readonly values: (sets: Sets, letters: number, length: number) => number[];
  /** The claims that have estimated it. */
  readonly claims?: Partial<Record<Snapshot['key'], string>>;
}

const MEASURES = {
  'guess-rate': {
    source: 'guess rate',
    chance: () => 1,
    values: ({ heldOut }, letters) => guessRates(heldOut, letters),
    claims: { 'after phase 2, regular': 'avoidance', 'after phase 3, reverse': 'main' },
  },
  'top-1-rate': {
    source: 'top-1 rate',
    chance: () => 1,
    values: ({ heldOut }, letters) => [topRate({ ranks: kept(heldOut.ranks, 'ranks') }, letters, 1)],
  },
  'top-5-rate': {
    source: 'top-5 rate',
    chance: () => 1,
    values: ({ heldOut }, letters) => [topRate({ ranks: kept(heldOut.ranks, 'ranks') }, letters, 5)],
  },
  'log-likelihood': {
    source: 'log-likelihood (nats a letter, relative to chance)',
    values: ({ heldOut }, letters) => logLikelihoods(heldOut).map((value) => value - chanceLine(letters)),
  },
  'calibrated-log-likelihood': {
    source: 'the same at a fitted temperature',
    values: ({ heldOut }, letters) =>
      kept(heldOut.calibrated?.logLikelihoods, 'log-likelihoods at a fitted temperature').map(
        (value) => value - chanceLine(letters),
      ),
  },
  'password-probability': {
    source: 'exact-password probability (log2, relative to chance)',
    values: ({ heldOut }, letters, length) =>
      logProbabilityOf(heldOut).map((value) => (value + length * Math.log(letters)) / Math.LN2),
  },
  rank: {
    source: 'rank among fresh random passwords (share above)',
    chance: () => 0.5,
    values: ranksAsShares,
  },
  exposure: {
    source: 'exposure (bits)',
    chance: chanceExposure,
    values: (sets) => ranks(sets).map((rank) => exposure(rank, countOf(sets))),
  },
  'negative-exposure': {
    source: 'negative exposure (bits)',
    chance: chanceExposure,
    values: (sets) => ranks(sets).map((rank) => exposure(rank, countOf(sets), 'unlikely')),
  },
  'membership-auc': {
    source: 'membership AUC against random',
    chance: () => 0.5,
    values: ({ heldOut, random }) => [auc(logProbabilityOf(heldOut), logProbabilityOf(random))],
  },
  'extraction-budget': {
    source: 'extraction budget for p = 0.5 (log2, relative to blind guessing)',
    values: ({ heldOut }, letters, length) =>
      logProbabilityOf(heldOut).map((value) =>
        Math.log2(blindSamplesNeeded(letters, length, EXTRACTION_P) / samplesNeeded(value, EXTRACTION_P)),
      ),
  },
  'extractable-share': {
    source: '(n, p)-discoverably extractable share, p = 0.5, n = half of the blind budget',
    values: ({ heldOut }, letters, length) => {
      const budget = BUDGET_SHARE * blindSamplesNeeded(letters, length, EXTRACTION_P);
      return logProbabilityOf(heldOut).map((value) => extractableShare([value], budget, EXTRACTION_P));
    },
  },
} as const satisfies Record<string, Measure>;

export type LeakageKey = keyof typeof MEASURES;

/**
 * Held-out passwords by every measure, in each snapshot that the runs keep: means over runs with 95% intervals, and what a
 * model that knows nothing scores. Ranks are among so many `references`, the control passwords of a run. Null where there
 * is no run.
 * @param claimed what claims have estimated, which is not estimated again
 */
export function leakageOf(runs: readonly RunView[], claimed: (claim: string) => Claimed | null) {
  const snapshots = snapshotsOf(runs);
  if (snapshots.length === 0) return null;
  const [first] = snapshots[0].scored;
  const references = countOf(first);
  const letters = runs[0].setup.passwords.alphabet.length;
  const { length } = first.heldOut.logProbabilities[0];
  return {
    references,
    snapshots: snapshots.map(({ snapshot }) => snapshot),
    measures: Object.entries<Measure>(MEASURES).map(([key, { source, chance = () => 0, values, claims = {} }]) => ({
      key: key as LeakageKey,
      chance: chance(references),
      estimates: snapshots.map(({ snapshot, scored }): Claimed => {
        const claim = claims[snapshot.key];
        const known = claim === undefined ? null : claimed(claim);
        const own = scored.map((sets) => values(sets, letters, length));
        return known ?? estimate(`leakage/${source}/${snapshot.key}`, own);
      }),
    })),
  };
}

/** The share of held-out passwords of all runs in each of so many classes of rank, the likeliest first. */
export function rankShares(runs: readonly RunView[], classes: number): { snapshot: Snapshot; shares: number[] }[] {
  return snapshotsOf(runs).map(({ snapshot, scored }) => {
    const places = scored.flatMap(ranksAsShares);
    // A rank right at the end belongs to the last class.
    const classOf = (place: number) => Math.min(classes - 1, Math.floor(place * classes));
    const share = (own: number) => places.filter((place) => classOf(place) === own).length / places.length;
    return { snapshot, shares: Array.from({ length: classes }, (_, own) => share(own)) };
  });
}
