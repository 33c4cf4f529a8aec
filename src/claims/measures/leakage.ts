/** What the runs of an arm leak of their held-out passwords, by the measures of neighbouring work. */
import { chanceExposure, exposure, logProbabilityOf, ranksAmong } from '../../measure/exposure.ts';
import { blindSamplesNeeded, extractableShare, samplesNeeded } from '../../measure/extraction.ts';
import { chanceLine, guessRates, logLikelihoods, topRate } from '../../measure/measures.ts';
import { auc } from '../../measure/membership.ts';
import type { RunView } from '../../records/view.ts';
import { estimate } from '../evidence.ts';
import type { Claimed } from '../family.ts';
import { kept, type Moment, momentsOf, type Sets } from './moments.ts';

/** Share of blind guessing's budget at which extraction is asked for. */
const BUDGET_SHARE = 0.5;
export const EXTRACTION_P = 0.5;

const references = ({ random }: Sets): number[] => logProbabilityOf(random);

const ranks = (sets: Sets): number[] => ranksAmong(logProbabilityOf(sets.heldOut), references(sets));

/** How many of the control passwords are likelier than each held-out one, as a share. */
const ranksAsShares = (sets: Sets): number[] =>
  ranks(sets).map((rank) => (rank - 1) / sets.random.logProbabilities.length);

interface Measure {
  readonly key: string;
  /** Its part of the names of streams, which are not reworded: see {@link estimate}. */
  readonly source: string;
  /** What a model that knows nothing scores. */
  readonly chance: (letters: number, length: number, references: number) => number;
  /** One number for each held-out password, or one for all. */
  readonly values: (sets: Sets, letters: number) => number[];
  /** The claims that have estimated it. */
  readonly claims?: Partial<Record<Moment['key'], string>>;
}

const MEASURES = [
  {
    key: 'guess-rate',
    source: 'guess rate',
    chance: () => 1,
    values: ({ heldOut }, letters) => guessRates(heldOut, letters),
    claims: { 'dpo/regular': 'avoidance', 'joint/reverse': 'main' },
  },
  {
    key: 'top-1-rate',
    source: 'top-1 rate',
    chance: () => 1,
    values: ({ heldOut }, letters) => [topRate({ ranks: kept(heldOut, 'ranks') }, letters, 1)],
  },
  {
    key: 'top-5-rate',
    source: 'top-5 rate',
    chance: () => 1,
    values: ({ heldOut }, letters) => [topRate({ ranks: kept(heldOut, 'ranks') }, letters, 5)],
  },
  {
    key: 'log-likelihood',
    source: 'log-likelihood (nats a letter, relative to chance)',
    chance: () => 0,
    values: ({ heldOut }, letters) => logLikelihoods(heldOut).map((value) => value - chanceLine(letters)),
  },
  {
    key: 'calibrated-log-likelihood',
    source: 'the same at a fitted temperature',
    chance: () => 0,
    values: ({ heldOut }, letters) =>
      kept(kept(heldOut, 'calibrated'), 'logLikelihoods').map((value) => value - chanceLine(letters)),
  },
  {
    key: 'password-probability',
    source: 'exact-password probability (log2, relative to chance)',
    chance: () => 0,
    values: ({ heldOut }, letters) =>
      logProbabilityOf(heldOut).map(
        (value, index) => (value + heldOut.logProbabilities[index].length * Math.log(letters)) / Math.LN2,
      ),
  },
  {
    key: 'rank',
    source: 'rank among fresh random passwords (share above)',
    chance: () => 0.5,
    values: ranksAsShares,
  },
  {
    key: 'exposure',
    source: 'exposure (bits)',
    chance: (_, __, count) => chanceExposure(count),
    values: (sets) => ranks(sets).map((rank) => exposure(rank, sets.random.logProbabilities.length)),
  },
  {
    key: 'negative-exposure',
    source: 'negative exposure (bits)',
    chance: (_, __, count) => chanceExposure(count),
    values: (sets) => ranks(sets).map((rank) => exposure(rank, sets.random.logProbabilities.length, 'unlikely')),
  },
  {
    key: 'membership-auc',
    source: 'membership AUC against random',
    chance: () => 0.5,
    values: (sets) => [auc(logProbabilityOf(sets.heldOut), references(sets))],
  },
  {
    key: 'extraction-budget',
    source: 'extraction budget for p = 0.5 (log2, relative to blind guessing)',
    chance: () => 0,
    values: ({ heldOut }, letters) =>
      logProbabilityOf(heldOut).map((value, index) =>
        Math.log2(
          blindSamplesNeeded(letters, heldOut.logProbabilities[index].length, EXTRACTION_P) /
            samplesNeeded(value, EXTRACTION_P),
        ),
      ),
  },
  {
    key: 'extractable-share',
    source: '(n, p)-discoverably extractable share, p = 0.5, n = half of the blind budget',
    chance: () => 0,
    values: ({ heldOut }, letters) => {
      const [first] = heldOut.logProbabilities;
      const budget = BUDGET_SHARE * blindSamplesNeeded(letters, first.length, EXTRACTION_P);
      return logProbabilityOf(heldOut).map((value) => extractableShare([value], budget, EXTRACTION_P));
    },
  },
] as const satisfies readonly Measure[];

export type LeakageKey = (typeof MEASURES)[number]['key'];

export interface Leakage {
  /** Control passwords of a run, among which ranks are. */
  readonly references: number;
  readonly moments: readonly Moment[];
  readonly measures: readonly {
    readonly key: LeakageKey;
    /** What a model that knows nothing scores. */
    readonly chance: number;
    /** Means over runs with 95% intervals, one for each moment. */
    readonly estimates: readonly { readonly value: number; readonly interval: readonly [number, number] }[];
  }[];
}

/**
 * Held-out passwords by every measure at the moments that the runs keep; null where there is no run.
 * @param claimed what claims have estimated, which is not estimated again
 */
export function leakageOf(runs: readonly RunView[], claimed: (claim: string) => Claimed | null): Leakage | null {
  const moments = momentsOf(runs);
  if (moments.length === 0) return null;
  const { alphabet, length } = runs[0].setup.passwords;
  const count = moments[0].scored[0].random.logProbabilities.length;
  return {
    references: count,
    moments: moments.map(({ moment }) => moment),
    measures: MEASURES.map(({ key, source, chance, values, claims = {} }: Measure & { key: LeakageKey }) => ({
      key,
      chance: chance(alphabet.length, length, count),
      estimates: moments.map(({ moment, scored }) => {
        const claim = claims[moment.key];
        return (
          (claim === undefined ? null : claimed(claim)) ??
          estimate(
            `leakage/${source}/${moment.source}`,
            scored.map((sets) => values(sets, alphabet.length)),
          )
        );
      }),
    })),
  };
}

/** The share of held-out passwords of all runs in each of so many classes of rank, the likeliest first. */
export function rankShares(runs: readonly RunView[], classes: number): { moment: Moment; shares: number[] }[] {
  return momentsOf(runs).map(({ moment, scored }) => {
    const places = scored.flatMap(ranksAsShares);
    return {
      moment,
      shares: Array.from(
        { length: classes },
        // A rank right at the end belongs to the last class.
        (_, own) =>
          places.filter((place) => Math.min(classes - 1, Math.floor(place * classes)) === own).length / places.length,
      ),
    };
  });
}
