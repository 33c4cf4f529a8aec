/** What the yardsticks train: the model, and as many steps as its pairs last for, as in a whole run. */
import { PRESETS } from '../../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../../src/setup/schema.ts';

const { 'pocket-memorising': pocket, paper } = PRESETS;
const negatives = (of: Setup['passwords'], negativeBatches: number, repeats: number) => ({
  passwords: { ...of, negativeBatches, repeats },
});

export interface Size {
  readonly change: Partial<Setup>;
  /** Of the three phases. */
  readonly steps: string;
  /** Rounds in which programs take turns. */
  readonly rounds: number;
  readonly engines: readonly string[];
}

export const SIZES: Readonly<Record<string, Size>> = {
  narrow: {
    change: negatives(pocket.passwords, 16, 12),
    steps: '100,192,192',
    rounds: 21,
    engines: ['native', 'wasm'],
  },
  wide: {
    change: {
      model: { ...pocket.model, hidden: 256, layers: 6, heads: 8 },
      ...negatives(pocket.passwords, 16, 3),
    },
    steps: '48,48,48',
    rounds: 15,
    engines: ['native', 'wasm'],
  },
  '160m': {
    // Pythia-160M's shapes with random weights; a batch of 8 in place of 128, so that a step takes seconds.
    change: {
      model: { ...paper.model, pretrained: null },
      ...negatives(paper.passwords, 3, 1),
      batch: 8,
      evaluation: { every: 5, first: null, heldOut: 8, useful: 8, dissection: false, random: 8 },
    },
    steps: '3,3,3',
    rounds: 7,
    engines: ['native'], // on WASM a step takes a minute
  },
};

/** The setup of a size. @param steps of the three phases */
export function setupOf(name: string, { change }: Size, [pretrain, dpo, joint]: readonly number[]): Setup {
  const { phases } = pocket;
  return parseSetup({
    ...pocket,
    ...change,
    name: `reference-${name}`,
    phases: {
      pretrain: { ...phases.pretrain, steps: pretrain },
      dpo: { ...phases.dpo, steps: dpo },
      joint: { ...phases.joint, steps: joint, stopAtUsefulGuessRate: null },
    },
  });
}
