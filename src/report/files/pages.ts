/** The parts of our pages that hold results: written by `npm run pages`, between markers, from the committed records. */

import { type JudgedClaim, judgementOf } from '../../claims/family.ts';
import { formatNumber } from '../../claims/format.ts';
import { CORE, type FindingKey, optionalFinding, type Verdict } from '../../claims/index.ts';
import { evidenceOf, type Study } from '../../records/study.ts';
import { finishedRuns } from '../../records/view.ts';
import { claimSeeds, DEFAULT_SEEDS } from '../../setup/presets.ts';
import { deviationsMarkdown } from '../deviations.ts';
import { overlapTable } from '../markdown.ts';
import type { Report } from '../report.ts';
import { claimsTable, estimateText, markdownTable, runsText } from '../table.ts';

const block = (name: string) => new RegExp(`(<!-- begin ${name} -->\n)[\\s\\S]*?(<!-- end ${name} -->)`);

/**
 * Puts each text between its markers.
 * @param page names the document in messages
 * @throws Error when a block has no markers
 */
export function fillBlocks(page: string, document: string, blocks: Readonly<Record<string, string>>): string {
  return Object.entries(blocks).reduce((text, [name, content]) => {
    if (!block(name).test(text)) throw new Error(`${page} has no markers of the block "${name}"`);
    return text.replace(block(name), (_, begin: string, end: string) => `${begin}${content}\n${end}`);
  }, document);
}

/** What `npm run reproduce` prints for the study: the core claims under the default seeds. */
function printed(study: Study): string {
  const seeds = new Set(claimSeeds(DEFAULT_SEEDS));
  const evidence = evidenceOf({ ...study, records: study.records.filter(({ setup }) => seeds.has(setup.seed)) });
  return ['```', claimsTable(CORE.map((claim) => claim.judge(evidence))), '```'].join('\n');
}

/** Verdicts in the order in which they are told. */
const VERDICTS: readonly Verdict[] = ['reproduced', 'not reproduced', 'inconclusive', 'invalid'];

/** The core claims of the first study, which is of the default preset, and the verdicts on the others. */
function verdicts({ studies: [first] }: Report): string {
  const isCore = ({ claim }: JudgedClaim) => CORE.includes(claim);
  const others = first.claims.filter((judged) => !isCore(judged));
  const told = VERDICTS.flatMap((verdict) => {
    const of = others.filter(({ judgement }) => judgement.verdict === verdict);
    return of.length === 0 ? [] : [`*${verdict}* ${of.map(({ claim }) => claim.id).join(', ')}`];
  });
  const table = markdownTable({
    head: ['claim', 'estimate', 'seeds', 'verdict'],
    rows: first.claims
      .filter(isCore)
      .map(({ claim, judgement }) => [claim.id, estimateText(judgement), runsText(judgement), judgement.verdict]),
  });
  return `${table}\n\nFurther claims: ${told.join('; ')}.`;
}

function power({ studies: [first] }: Report): string {
  const main = judgementOf(first, 'main');
  const value = (key: FindingKey) => {
    const finding = main === undefined ? undefined : optionalFinding(main, key);
    return finding === undefined ? '-' : formatNumber(finding.value);
  };
  return markdownTable({
    head: ['main claim of the reference report', 'value'],
    rows: [
      ['seeds', `${main?.seeds.length ?? 0}`],
      ['held-out guess rate', main?.estimate == null ? '-' : formatNumber(main.estimate)],
      ['deviation over runs', value('deviation-over-runs')],
      ['runs needed for a power of 0.99', value('runs-needed')],
      ['Bayes factor', value('bayes-factor')],
    ],
  });
}

/** What the main claim, its control and the runs without DPO found. */
function headline({ studies: [first] }: Report): string {
  const shown = (id: string): string => {
    const judgement = judgementOf(first, id);
    return judgement === undefined ? '-' : estimateText(judgement);
  };
  return (
    `Over ${judgementOf(first, 'main')?.seeds.length ?? 0} runs, the guess rate of the held-out passwords is **${shown('main')}** times chance (95% interval). ` +
    `The *control*, fresh random passwords, is at ${shown('control')}. Without DPO, the held-out passwords are at ${shown('no-dpo')}.`
  );
}

/**
 * The blocks of each page, by the page's path.
 * @param native the default run of `npm run reproduce` on the engine `native`
 */
export function pageBlocks(report: Report, native: Study): Record<string, Record<string, string>> {
  const [first] = report.studies;
  return {
    'README.md': {
      headline: headline(report),
      deviations: deviationsMarkdown(first.study.setup),
      claims: verdicts(report),
    },
    'reports/README.md': { reproduce: printed(first.study), native: printed(native) },
    'src/claims/README.md': { power: power(report) },
    'src/passwords/README.md': { overlap: overlapTable(finishedRuns(first.evidence.main ?? [])) },
  };
}
