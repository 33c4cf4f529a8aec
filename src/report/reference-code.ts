/** `fixtures/reference-code/own-seeds.json`: runs of the paper's own code at a setup of ours, beside the runs of a study. */
import * as z from 'zod';
import { formatEstimate, formatNumber } from '../claims/format.ts';
import {
  type Comparison,
  compareWithReference,
  type LastGuessRates,
  MARGIN,
  meanLastGuessRate,
} from '../claims/measures/reference-code.ts';
import { readTextIfThere } from '../records/bounded.ts';
import { jsonOf, parseAs } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import { runsOf, type StudyReport } from './study-report.ts';
import type { Table } from './table.ts';

const finite = z.number();
const ownRunsSchema = z.object({
  /** How the runs were made, in a paragraph. */
  how: z.string(),
  /** Hash of the setup that they were run at, with the seed left at 0. */
  setupHash: z.string(),
  runs: z
    .array(
      z.object({
        seed: z.number().int(),
        /** The highest evaluation of phase 3: log-likelihood relative to chance, nats a letter. */
        best: z.object({ heldOut: finite, random: finite }),
        /** After the last step, among the letters alone; as a multiple of chance. */
        lastGuessRate: z.object({ heldOut: finite, random: finite }),
      }),
    )
    .min(2),
});
export type OwnRuns = z.infer<typeof ownRunsSchema>;

export const OWN_RUNS_FILE = 'fixtures/reference-code/own-seeds.json';

/** Reads the runs, or null where there is no file. @throws RecordError when the file is damaged */
export function readOwnRuns(file = OWN_RUNS_FILE): OwnRuns | null {
  const text = readTextIfThere(file);
  return text === null
    ? null
    : parseAs(ownRunsSchema, jsonOf(text, file), `${file} has no runs of the paper's own code`);
}

export interface ReferenceCode extends Comparison {
  readonly study: string;
  readonly own: OwnRuns;
}

/** Of the first study at the setup of those runs; null where there is none, or it has fewer than two runs of its own. */
export function referenceCode(reports: readonly StudyReport[], own: OwnRuns | null): ReferenceCode | null {
  const report = reports.find(({ study }) => own !== null && setupHash({ ...study.setup, seed: 0 }) === own.setupHash);
  if (report === undefined || own === null) return null;
  const runs = runsOf(report, 'main');
  if (runs.length < 2) return null;
  const compared = compareWithReference(
    runs,
    own.runs.map(({ best }) => best.heldOut),
  );
  return { ...compared, study: report.name, own };
}

const lastOf = ({ runs }: OwnRuns, set: keyof LastGuessRates): string =>
  formatNumber(
    meanLastGuessRate(
      runs.map(({ lastGuessRate }) => lastGuessRate),
      set,
    ),
  );

export const referenceCodeNote = ({ verdict, equivalence: { difference, interval, p }, own }: ReferenceCode): string =>
  `The paper's statistic, the best evaluation of phase 3 in nats a letter above chance, of the paper's own code and of ours at the same setup. Ours minus theirs: ${formatEstimate({ value: difference, interval })}. ` +
  `By two one-sided Welch t-tests with a margin of ${MARGIN} nats, fixed beforehand, they are ${verdict} (p ${formatNumber(p)}). ` +
  `After the last step the paper's own code gives the letters of held-out passwords ${lastOf(own, 'heldOut')} times the probability of chance, and those of random ones ${lastOf(own, 'random')} times, on average over its seeds. ${own.how}`;

export const referenceCodeTable = ({ study, ours, theirs }: ReferenceCode): Table => {
  const row = (program: string, { runs, mean, deviation }: Comparison['ours']) => [
    program,
    `${runs}`,
    mean.toFixed(3),
    deviation.toFixed(3),
  ];
  return {
    head: ['program', 'seeds', 'mean (nats/letter)', 'deviation over seeds'],
    rows: [row(`ours, ${study}`, ours), row("the paper's own code", theirs)],
  };
};
