/** Two studies side by side, in Markdown: what their setups, estimates and verdicts differ in. */
import type { Judgement } from '../claims/claim.ts';
import { leaves } from '../setup/fields.ts';
import { asCode } from './escape.ts';
import type { StudyReport } from './study-report.ts';
import { estimateText, markdownTable, runsText } from './table.ts';

type Judged = Pick<StudyReport, 'name' | 'study' | 'claims'>;

const shown = (value: unknown): string => `\`${asCode(JSON.stringify(value) ?? 'absent')}\``;

/** Fields that are not the same, seeds and names aside. */
function fieldsTable(a: Judged, b: Judged): string {
  const [before, after] = [a, b].map(
    ({ study }) =>
      new Map(leaves({ ...study.setup, name: '', seed: 0 }).map(([field, value]) => [field.join('.'), value])),
  );
  const fields = [...new Set([...before.keys(), ...after.keys()])].filter(
    (field) => JSON.stringify(before.get(field)) !== JSON.stringify(after.get(field)),
  );
  if (fields.length === 0) return 'The setups are the same.';
  return markdownTable({
    head: ['field', 'a', 'b'],
    rows: fields.map((field) => [field, shown(before.get(field)), shown(after.get(field))]),
  });
}

const found = (judgement: Judgement | undefined): string =>
  judgement === undefined ? 'not judged' : `${estimateText(judgement)}, ${runsText(judgement)} runs`;

function verdicts(before: Judgement | undefined, after: Judgement | undefined): string {
  if (before === undefined || after === undefined) return before?.verdict ?? after?.verdict ?? '';
  return before.verdict === after.verdict ? before.verdict : `**${before.verdict} → ${after.verdict}**`;
}

/** How many verdicts of claims that both have are not the same. */
export const flips = (a: Judged, b: Judged): number =>
  a.claims.filter(({ claim, judgement }) =>
    b.claims.some((other) => other.claim.id === claim.id && other.judgement.verdict !== judgement.verdict),
  ).length;

export function diffDocument(a: Judged, b: Judged): string {
  const judgementOf = (of: Judged, id: string) => of.claims.find(({ claim }) => claim.id === id)?.judgement;
  const ids = [...new Set([...a.claims, ...b.claims].map(({ claim }) => claim.id))];
  const number = flips(a, b);
  return [
    '# Two studies',
    [`- a: ${a.name}, \`${asCode(a.study.source)}\``, `- b: ${b.name}, \`${asCode(b.study.source)}\``].join('\n'),
    '## Setups',
    fieldsTable(a, b),
    '## Claims',
    number === 0 ? 'No verdict differs.' : `${number} ${number === 1 ? 'verdict differs' : 'verdicts differ'}.`,
    markdownTable({
      head: ['claim', 'a', 'b', 'verdict'],
      rows: ids.map((id) => {
        const [before, after] = [judgementOf(a, id), judgementOf(b, id)];
        return [id, found(before), found(after), verdicts(before, after)];
      }),
    }),
  ].join('\n\n');
}
