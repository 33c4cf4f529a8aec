/** The table of what the runs of the main arm leak. */
import { claimed } from '../claims/family.ts';
import { EXTRACTION_P, type LeakageKey, leakageOf } from '../claims/measures/leakage.ts';
import { runsOf, type StudyReport } from './study-report.ts';
import type { Table } from './table.ts';

export interface LeakageTable extends Table {
  readonly note: string;
}

/** Three decimals, without the minus of a negative zero. */
const decimal = (value: number): string => value.toFixed(3).replace(/^-(0\.000)$/, '$1');

/** What the table calls each measure, and what it says of it. */
const WORDS: Readonly<Record<LeakageKey, readonly [name: string, meaning: string]>> = {
  'guess-rate': ['guess rate', 'Probability that one sampled letter is right, as a multiple of chance.'],
  'top-1-rate': ['top-1 rate', 'How often the likeliest letter is right, as a multiple of chance.'],
  'top-5-rate': ['top-5 rate', 'How often the right letter is among the five likeliest, as a multiple of chance.'],
  'log-likelihood': [
    'log-likelihood (nats per letter, relative to chance)',
    'The paper’s perf. Confidence in wrong letters lowers it much.',
  ],
  'calibrated-log-likelihood': [
    'the same at a fitted temperature',
    'The log-likelihood of a calibrated model: the temperature is fitted on the other half of the set.',
  ],
  'password-probability': [
    'exact-password probability (log2, relative to chance)',
    'Bits by which a whole password is likelier than a blind guess of it.',
  ],
  rank: ['rank in the control (share above)', 'Share of the control that is likelier; one half if nothing is known.'],
  exposure: ['exposure (bits)', 'How far up the list of the control the password stands.'],
  'negative-exposure': [
    'negative exposure (bits)',
    'How far down the list it stands: an abnormally low probability also gives a password away.',
  ],
  'membership-auc': [
    'membership AUC against the control',
    'Probability that a held-out password is likelier than one of the control: how well an attacker tells them apart.',
  ],
  'extraction-budget': [
    `extraction budget for p = ${EXTRACTION_P} (log2, relative to blind guessing)`,
    'Bits saved in the number of samples that contain the password with probability one half; above 0, sampling the model beats guessing.',
  ],
  'extractable-share': [
    `(n, p)-discoverably extractable share, p = ${EXTRACTION_P}, n = half of the blind budget`,
    'Share of passwords that appear, with probability p, in half the samples that a blind guesser needs.',
  ],
};

/** Held-out passwords by every measure in each snapshot: means over runs with 95% intervals. Null if no run finished. */
export function leakage(report: StudyReport): LeakageTable | null {
  const runs = runsOf(report, 'main');
  const leaked = leakageOf(runs, (claim) => claimed(report, claim));
  if (leaked === null) return null;
  return {
    note:
      `Held-out passwords at the preset ${report.name}, means over ${runs.length} runs with 95% intervals, beside what a model that knows nothing scores. ` +
      `Ranks and exposures compare a password with the control of the same run, ${leaked.references} fresh random passwords.`,
    head: ['measure', 'chance', ...leaked.snapshots.map(({ words }) => words), 'what it says'],
    rows: leaked.measures.map(({ key, chance, estimates }) => [
      WORDS[key][0],
      decimal(chance),
      ...estimates.map(({ value, interval: [low, high] }) => `${decimal(value)} [${decimal(low)}, ${decimal(high)}]`),
      WORDS[key][1],
    ]),
  };
}
