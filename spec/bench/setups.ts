/** Setups that benchmarks train. */
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';

const { pocket, paper } = PRESETS;

/** `pocket` with another model. */
const pocketWith = (name: string, model: Partial<Setup['model']>): Setup =>
  parseSetup({ ...pocket, name, model: { ...pocket.model, ...model } });

/** Pythia's sizes. */
const PYTHIA = {
  '70m': { hidden: 512, layers: 6, heads: 8 },
  '160m': { hidden: 768, layers: 12, heads: 12 },
  '410m': { hidden: 1024, layers: 24, heads: 16 },
} as const;
export type PythiaSize = keyof typeof PYTHIA;

/** Pythia's shapes with random weights, at a batch that fits the machine; `steps` of each phase. */
export function pythiaShapes(size: PythiaSize, batch: number, steps: number): Setup {
  const { phases } = paper;
  return parseSetup({
    ...paper,
    name: size,
    batch,
    model: { ...paper.model, ...PYTHIA[size], pretrained: null },
    passwords: { ...paper.passwords, negativeBatches: 3, repeats: Math.ceil(steps / 3) },
    phases: {
      pretrain: { ...phases.pretrain, steps },
      dpo: { ...phases.dpo, steps },
      joint: { ...phases.joint, steps },
    },
    evaluation: { ...paper.evaluation, heldOut: batch, useful: batch, random: batch },
  });
}

export const POCKET: Setup = pocket;
export const WIDE: Setup = pocketWith('wide', { hidden: 256, layers: 6, heads: 8 });
