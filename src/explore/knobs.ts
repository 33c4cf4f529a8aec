/** Knobs: fields of a setup on a ladder, from the preset's own value towards where the effect should end. */
import type { Setup } from '../setup/schema.ts';

export interface Knob {
  readonly id: string;
  /** What a rung is, in the words of a report. */
  readonly label: string;
  /** What the boundary answers. */
  readonly question: string;
  /** Rungs from the setup's own value to the hardest, and only such as the setup can have. */
  rungs(setup: Setup): number[];
  apply(setup: Setup, rung: number): Setup;
}

const changed = (setup: Setup, change: (draft: Setup) => void): Setup => {
  const draft = structuredClone(setup);
  change(draft);
  return draft;
};

/** The rungs beyond the setup's own value, which comes first. */
const ladder = (own: number, rungs: readonly number[], direction: 'up' | 'down'): number[] => [
  own,
  ...rungs.filter((rung) => (direction === 'up' ? rung > own : rung < own)),
];

const tenths = (value: number, factors: readonly number[]): number[] =>
  factors.map((factor) => Number((value * factor).toPrecision(6)));

export const KNOBS: readonly Knob[] = [
  {
    id: 'share',
    label: 'batches held out',
    question: 'the largest held-out share',
    rungs: ({ passwords: { heldBatches, negativeBatches } }) =>
      ladder(
        heldBatches,
        Array.from({ length: negativeBatches - 1 }, (_, index) => index + 1),
        'up',
      ),
    apply: (setup, rung) => changed(setup, ({ passwords }) => (passwords.heldBatches = rung)),
  },
  {
    id: 'length',
    label: 'letters in a password',
    question: 'the shortest password',
    // At some length there are too few passwords for the random text of a run: those setups are impossible.
    rungs: ({ passwords: { length } }) => ladder(length, [16, 12, 10, 8, 7, 6, 5, 4, 3, 2], 'down'),
    apply: (setup, rung) => changed(setup, ({ passwords }) => (passwords.length = rung)),
  },
  {
    id: 'width',
    label: 'width of the model',
    question: 'the smallest model',
    rungs: ({ model: { hidden, heads } }) =>
      ladder(
        hidden,
        [3 / 4, 1 / 2, 1 / 4].map((share) => (hidden / heads) * Math.round(heads * share)),
        'down',
      ),
    apply: (setup, rung) =>
      changed(setup, ({ model }) => {
        const headDimensions = model.hidden / model.heads; // heads go, their size stays
        model.hidden = rung;
        model.heads = rung / headDimensions;
      }),
  },
  {
    id: 'beta',
    label: 'beta',
    question: 'the weakest beta',
    rungs: ({ beta }) => ladder(beta, tenths(beta, [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32]), 'down'),
    apply: (setup, rung) => changed(setup, (draft) => (draft.beta = rung)),
  },
];
