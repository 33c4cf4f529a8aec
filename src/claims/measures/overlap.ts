/** How many letters rewarded text shares with held-out and control passwords, beside what chance predicts. */
import { type FinishedRun, overlapsOf } from '../../records/record.ts';
import type { Setup } from '../../setup/schema.ts';
import { heldOut } from '../../setup/sizes.ts';

/**
 * For every number of letters in a row, the (rewarded text, position) pairs that share them with one password: means over
 * passwords, then over runs.
 */
export function sharedLetters(runs: readonly FinishedRun[]) {
  const { length, alphabet } = runs[0].setup.passwords;
  return Array.from({ length }, (_, index) => {
    const span = index + 1;
    const average = (counted: 'heldOut' | 'control' | 'texts', passwords: (setup: Setup) => number) => {
      const ofRun = (run: FinishedRun) =>
        overlapsOf(run)
          .filter((overlap) => overlap.way === 'aligned' && overlap.span === span)
          .reduce((sum, overlap) => sum + overlap[counted], 0) / passwords(run.setup);
      return runs.reduce((sum, run) => sum + ofRun(run), 0) / runs.length;
    };
    return {
      span,
      heldOut: average('heldOut', heldOut),
      control: average('control', ({ evaluation }) => evaluation.random),
      chance: average('texts', () => 1) * (length - index) * alphabet.length ** -span,
    };
  });
}
