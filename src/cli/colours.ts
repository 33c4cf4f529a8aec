/** Colours on terminals that show them, and nowhere else. */
import { styleText } from 'node:util';
import type { Verdict } from '../claims/claim.ts';
import type { Paint } from '../report/table.ts';

const COLOURS = {
  reproduced: 'green',
  'not reproduced': 'red',
  inconclusive: 'yellow',
  invalid: 'magenta',
} as const satisfies Record<Verdict, string>;

/** Whether a stream shows colours: NO_COLOR, FORCE_COLOR and TERM are asked, as Node does. */
const shows = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && stream.hasColors();

/** How verdicts are written on standard output. */
export const painted = (stream: NodeJS.WriteStream = process.stdout): Paint =>
  shows(stream) ? (verdict) => styleText(COLOURS[verdict], verdict) : (verdict) => verdict;
