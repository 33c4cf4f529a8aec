/** How much rewarded text shares with held-out and control passwords, beside what chance predicts. */
import { type FinishedRun, overlapsOf } from '../../records/record.ts';
import { heldOut } from '../../setup/sizes.ts';

export interface SharedLetters {
  /** Letters in a row. */
  readonly span: number;
  /** (rewarded text, position) pairs that share them with one password: means over passwords, then over runs. */
  readonly heldOut: number;
  readonly control: number;
  readonly chance: number;
}

export function sharedLetters(runs: readonly FinishedRun[]): SharedLetters[] {
  const { length, alphabet } = runs[0].setup.passwords;
  return Array.from({ length }, (_, index) => {
    const span = index + 1;
    const ofRun = (run: FinishedRun) =>
      overlapsOf(run).filter((overlap) => overlap.way === 'aligned' && overlap.span === span);
    const average = (of: (run: FinishedRun) => number) => runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
    const each = (set: 'heldOut' | 'control') =>
      average((run) => {
        const passwords = set === 'heldOut' ? heldOut(run.setup) : run.setup.evaluation.random;
        return ofRun(run).reduce((sum, overlap) => sum + overlap[set], 0) / passwords;
      });
    const texts = average((run) => ofRun(run).reduce((sum, overlap) => sum + overlap.texts, 0));
    return {
      span,
      heldOut: each('heldOut'),
      control: each('control'),
      chance: texts * (length - index) * alphabet.length ** -span,
    };
  });
}
