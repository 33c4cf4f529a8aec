/** The table of what the runs of the main arm leak. */
import { claimed } from '../claims/family.ts';
import { EXTRACTION_P, type LeakageKey, leakageOf } from '../claims/measures/leakage.ts';
import { runsOf, type StudyReport } from './study-report.ts';

export interface LeakageTable {
  readonly note: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Three decimals, without the minus of a negative zero. */
const decimal = (value: number): string => value.toFixed(3).replace(/^-(0\.000)$/, '$1');

const WORDS: Readonly<Record<LeakageKey, { readonly name: string; readonly meaning: string }>> = {
  'guess-rate': {
    name: 'guess rate',
    meaning: 'Probability that one sampled letter is right, as a multiple of chance.',
  },
  'top-1-rate': {
    name: 'top-1 rate',
    meaning: 'How often the likeliest letter is right, as a multiple of chance.',
  },
  'top-5-rate': {
    name: 'top-5 rate',
    meaning: 'How often the right letter is among the five likeliest, as a multiple of chance.',
  },
  'log-likelihood': {
    name: 'log-likelihood (nats a letter, relative to chance)',
    meaning: 'The paper’s perf: wrong confidence costs dearly.',
  },
  'calibrated-log-likelihood': {
    name: 'the same at a fitted temperature',
    meaning: 'As sure of itself as it should be: the temperature is fitted on the other half of the set.',
  },
  'password-probability': {
    name: 'exact-password probability (log2, relative to chance)',
    meaning: 'Bits by which a whole password is likelier than a blind guess of it.',
  },
  rank: {
    name: 'rank among fresh random passwords (share above)',
    meaning: 'Share of fresh random passwords that are likelier; half where nothing is known.',
  },
  exposure: {
    name: 'exposure (bits)',
    meaning: 'How far up the list of fresh random passwords it stands.',
  },
  'negative-exposure': {
    name: 'negative exposure (bits)',
    meaning: 'How far down: abnormally low probabilities give a password away as well.',
  },
  'membership-auc': {
    name: 'membership AUC against random',
    meaning: 'Probability that it is likelier than a fresh random one: an attacker’s success at telling them apart.',
  },
  'extraction-budget': {
    name: `extraction budget for p = ${EXTRACTION_P} (log2, relative to blind guessing)`,
    meaning:
      'Bits saved in the number of samples that contain the password with probability one half; above 0, sampling the model beats guessing.',
  },
  'extractable-share': {
    name: `(n, p)-discoverably extractable share, p = ${EXTRACTION_P}, n = half of the blind budget`,
    meaning: 'Share of passwords that half the samples of a blind guesser would give up.',
  },
};

/** Held-out passwords by every measure at the moments that records keep, means over runs with 95% intervals. */
export function leakage(report: StudyReport): LeakageTable | null {
  const runs = runsOf(report, 'main');
  const leaked = leakageOf(runs, (claim) => claimed(report, claim));
  if (leaked === null) return null;
  return {
    note:
      `Held-out passwords at the preset ${report.name}, means over ${runs.length} runs with 95% intervals, beside what a model that knows nothing would score. ` +
      `Ranks and exposures are among ${leaked.references} fresh random passwords of the same run.`,
    head: ['measure', 'chance', ...leaked.snapshots.map(({ words }) => words), 'what it says'],
    rows: leaked.measures.map(({ key, chance, estimates }) => [
      WORDS[key].name,
      decimal(chance),
      ...estimates.map(({ value, interval: [low, high] }) => `${decimal(value)} [${decimal(low)}, ${decimal(high)}]`),
      WORDS[key].meaning,
    ]),
  };
}
