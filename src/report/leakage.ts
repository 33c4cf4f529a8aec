/** What the runs of the main arm leak, by the measures of neighbouring work. */
import { estimate } from '../claims/evidence.ts';
import { chanceExposure, exposure, logProbabilityOf, ranksAmong } from '../measure/exposure.ts';
import { blindSamplesNeeded, extractableShare, samplesNeeded } from '../measure/extraction.ts';
import { chanceLine, guessRates, logLikelihoods, topRate } from '../measure/measures.ts';
import { auc } from '../measure/membership.ts';
import type { FinishedRun } from '../runs/record.ts';
import type { SetName } from '../runs/view.ts';
import { claimed, runsOf, type StudyReport } from './study-report.ts';

export interface LeakageTable {
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

type Snapshot = FinishedRun['snapshots'][number];
type Sets = Snapshot['sets'];

export const MOMENTS = [
  { moment: 'after phase 2, regular', is: ({ phase }: Snapshot) => phase === 'dpo' },
  { moment: 'after phase 3, reverse', is: ({ phase, prefix }: Snapshot) => phase === 'joint' && prefix === 'reverse' },
  { moment: 'after phase 3, regular', is: ({ phase, prefix }: Snapshot) => phase === 'joint' && prefix === 'regular' },
] as const;

/** Three decimals, without the minus of a negative zero. */
const decimal = (value: number): string => value.toFixed(3).replace(/^-(0\.000)$/, '$1');

/** Share of blind guessing's budget at which extraction is asked for. */
const BUDGET_SHARE = 0.5;
const EXTRACTION_P = 0.5;

interface Measure {
  readonly name: string;
  readonly meaning: string;
  /** What a model that knows nothing scores. */
  readonly chance: (letters: number, length: number, references: number) => number;
  /** One number for each password of the set, or one for the set. */
  readonly values: (sets: Sets, set: SetName, letters: number) => number[];
}

const references = (sets: Sets): number[] => logProbabilityOf(sets.random);

const MEASURES: readonly Measure[] = [
  {
    name: 'guess rate',
    meaning: 'Probability that one sampled letter is right, as a multiple of chance.',
    chance: () => 1,
    values: (sets, set, letters) => guessRates(sets[set], letters),
  },
  {
    name: 'top-1 rate',
    meaning: 'How often the likeliest letter is right, as a multiple of chance.',
    chance: () => 1,
    values: (sets, set, letters) => [topRate(sets[set], letters, 1)],
  },
  {
    name: 'top-5 rate',
    meaning: 'How often the right letter is among the five likeliest, as a multiple of chance.',
    chance: () => 1,
    values: (sets, set, letters) => [topRate(sets[set], letters, 5)],
  },
  {
    name: 'log-likelihood (nats a letter, relative to chance)',
    meaning: 'The paper’s perf: wrong confidence costs dearly.',
    chance: () => 0,
    values: (sets, set, letters) => logLikelihoods(sets[set]).map((value) => value - chanceLine(letters)),
  },
  {
    name: 'the same at a fitted temperature',
    meaning: 'As sure of itself as it should be: the temperature is fitted on the other half of the set.',
    chance: () => 0,
    values: (sets, set, letters) => sets[set].calibrated.logLikelihoods.map((value) => value - chanceLine(letters)),
  },
  {
    name: 'exact-password probability (log2, relative to chance)',
    meaning: 'Bits by which a whole password is likelier than a blind guess of it.',
    chance: () => 0,
    values: (sets, set, letters) =>
      logProbabilityOf(sets[set]).map(
        (value, index) => (value + sets[set].logProbabilities[index].length * Math.log(letters)) / Math.LN2,
      ),
  },
  {
    name: 'rank among fresh random passwords (share above)',
    meaning: 'Share of fresh random passwords that are likelier; half where nothing is known.',
    chance: () => 0.5,
    values: (sets, set) =>
      ranksAmong(logProbabilityOf(sets[set]), references(sets)).map(
        (rank) => (rank - 1) / sets.random.logProbabilities.length,
      ),
  },
  {
    name: 'exposure (bits)',
    meaning: 'How far up the list of fresh random passwords it stands.',
    chance: (_, __, count) => chanceExposure(count),
    values: (sets, set) =>
      ranksAmong(logProbabilityOf(sets[set]), references(sets)).map((rank) =>
        exposure(rank, sets.random.logProbabilities.length),
      ),
  },
  {
    name: 'negative exposure (bits)',
    meaning: 'How far down: abnormally low probabilities give a password away as well.',
    chance: (_, __, count) => chanceExposure(count),
    values: (sets, set) =>
      ranksAmong(logProbabilityOf(sets[set]), references(sets)).map((rank) =>
        exposure(rank, sets.random.logProbabilities.length, 'unlikely'),
      ),
  },
  {
    name: 'membership AUC against random',
    meaning: 'Probability that it is likelier than a fresh random one: an attacker’s success at telling them apart.',
    chance: () => 0.5,
    values: (sets, set) => [auc(logProbabilityOf(sets[set]), references(sets))],
  },
  {
    name: `extraction budget for p = ${EXTRACTION_P} (log2, relative to blind guessing)`,
    meaning:
      'Bits saved in the number of samples that contain the password with probability one half; above 0, sampling the model beats guessing.',
    chance: () => 0,
    values: (sets, set, letters) =>
      logProbabilityOf(sets[set]).map((value, index) =>
        Math.log2(
          blindSamplesNeeded(letters, sets[set].logProbabilities[index].length, EXTRACTION_P) /
            samplesNeeded(value, EXTRACTION_P),
        ),
      ),
  },
  {
    name: `(n, p)-discoverably extractable share, p = ${EXTRACTION_P}, n = half of the blind budget`,
    meaning: 'Share of passwords that half the samples of a blind guesser would give up.',
    chance: () => 0,
    values: (sets, set, letters) => {
      const [first] = sets[set].logProbabilities;
      const budget = BUDGET_SHARE * blindSamplesNeeded(letters, first.length, EXTRACTION_P);
      return logProbabilityOf(sets[set]).map((value) => extractableShare([value], budget, EXTRACTION_P));
    },
  },
];

/** What a claim has estimated already. */
const CLAIMED: Readonly<Record<string, string>> = {
  'guess rate, after phase 2, regular': 'avoidance',
  'guess rate, after phase 3, reverse': 'main',
};

/** Held-out passwords by every measure at the three moments that records keep, means over runs with 95% intervals. */
export function leakage(report: StudyReport): LeakageTable | null {
  const runs = runsOf(report, 'main');
  if (runs.length === 0) return null;
  const { alphabet, length } = runs[0].setup.passwords;
  const moments = MOMENTS.map(({ moment, is }) => ({
    moment,
    snapshots: runs.map((run) => run.snapshots.find(is)).filter((found) => found !== undefined),
  })).filter(({ snapshots }) => snapshots.length > 0);
  const count = moments[0].snapshots[0].sets.random.logProbabilities.length;
  const rows = MEASURES.map(({ name, meaning, chance, values }) => [
    name,
    decimal(chance(alphabet.length, length, count)),
    ...moments.map(({ moment, snapshots }) => {
      const { value, interval } =
        (CLAIMED[`${name}, ${moment}`] === undefined ? null : claimed(report, CLAIMED[`${name}, ${moment}`])) ??
        estimate(
          `leakage/${name}/${moment}`,
          snapshots.map(({ sets }) => values(sets, 'heldOut', alphabet.length)),
        );
      return `${decimal(value)} [${decimal(interval[0])}, ${decimal(interval[1])}]`;
    }),
    meaning,
  ]);
  return {
    note:
      `Held-out passwords at the preset ${report.name}, means over ${runs.length} runs with 95% intervals, beside what a model that knows nothing would score. ` +
      `Ranks and exposures are among ${count} fresh random passwords of the same run.`,
    head: ['measure', 'chance', ...moments.map(({ moment }) => moment), 'what it says'],
    rows,
  };
}
