/** Setups that benchmarks train. */
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';

const { 'pocket-memorising': pocket, paper } = PRESETS;

/** `pocket-memorising` with another model. */
const pocketWith = (name: string, model: Partial<Setup['model']>): Setup =>
  parseSetup({ ...pocket, name, model: { ...pocket.model, ...model } });

/** `pocket-memorising` with other passwords. */
const pocketOf = (name: string, batch: number, passwords: Partial<Setup['passwords']>): Setup =>
  parseSetup({ ...pocket, name, batch, passwords: { ...pocket.passwords, ...passwords } });

/** Pythia's sizes. */
export const PYTHIA = {
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

/** Passwords in one scoring call, as src/training/scoring.ts chunks them. */
export const SCORED = 128;

export const NARROW: Setup = { ...pocket, name: 'narrow' };
export const WIDE: Setup = pocketWith('wide', { hidden: 256, layers: 6, heads: 8 });

/** `pocket-memorising` with one thing changed at a time; a quarter of the negatives are held out throughout. */
export const GROWTH: { knob: string; values: Record<string, Setup> }[] = [
  { knob: 'width', values: grown([32, 64, 128, 256, 512], (hidden) => pocketWith(`width-${hidden}`, { hidden })) },
  { knob: 'layers', values: grown([1, 2, 4, 8, 16], (layers) => pocketWith(`layers-${layers}`, { layers })) },
  { knob: 'password length', values: grown([5, 8, 16, 32], (length) => pocketOf(`length-${length}`, 16, { length })) },
  {
    knob: 'batch',
    values: grown([4, 16, 64], (batch) =>
      pocketOf(`batch-${batch}`, batch, { negativeBatches: 256 / batch, heldBatches: 64 / batch }),
    ),
  },
  {
    knob: 'negative passwords',
    values: grown([64, 256, 1024, 4096], (count) =>
      pocketOf(`negatives-${count}`, 16, {
        negativeBatches: count / 16,
        heldBatches: count / 64,
      }),
    ),
  },
];

function grown(values: number[], setupOf: (value: number) => Setup): Record<string, Setup> {
  return Object.fromEntries(values.map((value) => [value, setupOf(value)]));
}
