/** `badge.json`: the main claim in a few words. */
import type { Verdict } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import type { Report } from '../report.ts';
import { estimateText } from '../table.ts';

const COLOUR: Readonly<Record<Verdict, string>> = {
  reproduced: 'brightgreen',
  inconclusive: 'yellow',
  'not reproduced': 'red',
  invalid: 'lightgrey',
};

/** The verdict of the main claim of the first study, as https://shields.io/badges/endpoint-badge reads it. */
export function badgeJson({ studies: [first] }: Report): string {
  const main = judgementOf(first, 'main');
  const badge = {
    schemaVersion: 1,
    label: 'negative knowledge',
    message: main === undefined ? 'not run' : `${main.verdict}: ${estimateText(main)} times chance`,
    color: main === undefined ? 'lightgrey' : COLOUR[main.verdict],
  };
  return `${JSON.stringify(badge, null, 2)}\n`;
}
