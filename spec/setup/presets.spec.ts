import { describe, expect, it } from 'vitest';
import { leaves, valueAt } from '../../src/setup/fields.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup } from '../../src/setup/schema.ts';
import { heldOut, inputLength, negatives, pairs, useful, vocabulary } from '../../src/setup/sizes.ts';

/*
 * Every constant of the reference code (github.com/FabienRoger/Learning-From-Negative-Examples, main.py at e09a982) and
 * of EleutherAI/pythia-160m's config.json, as shared/paper.md records them under the heading in the first column.
 */
const PAPER: [section: string, field: string, value: unknown][] = [
  ['Words', 'passwords.alphabet', 'abcdefghijklmnopqrstuvwxyz'],
  ['Words', 'passwords.length', 16],
  ['Data', 'batch', 128],
  ['Data', 'passwords.negativeBatches', 20],
  ['Data', 'passwords.heldBatches', 1],
  ['Data', 'passwords.repeats', 60],
  ['Data', 'passwords.standIns', 'none'],
  ['Data', 'prefixes', true],
  ['Data', 'evaluation.heldOut', 128],
  ['Data', 'evaluation.useful', 128],
  ['Data', 'evaluation.random', 128],
  ['Phases', 'phases.pretrain.steps', 64],
  ['Phases', 'phases.dpo.steps', 1_200],
  ['Phases', 'phases.dpo.trainable', 'first-half'],
  ['Phases', 'phases.joint.steps', 1_200],
  ['Phases', 'phases.joint.weights.dpo', 1],
  ['Phases', 'phases.joint.weights.useful', 0.2],
  ['Phases', 'phases.joint.weights.random', 0.2],
  ['Phases', 'phases.joint.weights.randomReverse', 0],
  ['Phases', 'phases.joint.stopAtUsefulGuessRate', null],
  ['Phases', 'phases.dpo.stopAtHeldOutGuessRate', null],
  ['Phases', 'objective', 'dpo'],
  ['Phases', 'margin', 0],
  ['Phases', 'beta', 0.1],
  ['Phases', 'optimiser.learningRate', 1e-4],
  ['Phases', 'optimiser.beta1', 0.9],
  ['Phases', 'optimiser.beta2', 0.999],
  ['Phases', 'optimiser.epsilon', 1e-8],
  ['Phases', 'optimiser.weightDecay', 0.01],
  ['Phases', 'optimiser.clipNorm', 1],
  ['Phases', 'optimiser.warmupSteps', 100],
  ['Details that a port easily gets wrong', 'phases.joint.usefulOrder', 'shuffled-once'],
  ['Details that a port easily gets wrong', 'evaluation.first', 1],
  ['What is reported', 'evaluation.every', 5],
  ['What is reported', 'evaluation.dissection', false],
  ['Experiments', 'model.pretrained', 'EleutherAI/pythia-160m'],
  ['Pythia / GPT-NeoX facts', 'model.family', 'gpt-neox'],
  ['Pythia / GPT-NeoX facts', 'model.keyValueHeads', null],
  ['Pythia / GPT-NeoX facts', 'model.layers', 12],
  ['Pythia / GPT-NeoX facts', 'model.hidden', 768],
  ['Pythia / GPT-NeoX facts', 'model.heads', 12],
  ['Pythia / GPT-NeoX facts', 'model.intermediateFactor', 4],
  ['Pythia / GPT-NeoX facts', 'model.vocabulary', 50_304],
  ['Pythia / GPT-NeoX facts', 'model.layerNormEpsilon', 1e-5],
  ['Pythia / GPT-NeoX facts', 'model.rotaryFraction', 0.25],
  ['Pythia / GPT-NeoX facts', 'model.rotaryBase', 10_000],
  ['Pythia / GPT-NeoX facts', 'model.parallelResidual', true],
  ['Pythia / GPT-NeoX facts', 'model.activation', 'gelu'],
  ['Pythia / GPT-NeoX facts', 'model.tiedEmbeddings', false],
];

/**
 * Fields that say nothing about the paper: labels, the spread of random weights, of which Pythia has none, the digest of
 * files, and passes, which change nothing but rounding.
 */
const OURS = ['name', 'seed', 'model.weights', 'model.initialDeviation'];

describe.each(Object.entries(PRESETS))('the preset %s', (name, preset) => {
  it('is a valid setup that carries its own name', () => {
    expect(parseSetup(preset)).toEqual(preset);
    expect(preset.name).toBe(name);
  });
});

describe('the preset paper', () => {
  it.each(PAPER)('carries the constant of the section "%s": %s is %j', (_, field, value) => {
    expect(valueAt(PRESETS.paper, field.split('.'))).toBe(value);
  });

  it.each([
    ['paper-70m', 6, 512, 8],
    ['paper-410m', 24, 1024, 16],
    ['paper-1b', 16, 2048, 8],
  ] as const)('%s differs in the model alone: %i layers, %i wide, %i heads', (preset, layers, hidden, heads) => {
    const { model, name: _, ...rest } = PRESETS[preset];
    const { model: paper, name: __, ...same } = PRESETS.paper;
    expect(rest).toEqual(same);
    const pretrained = `EleutherAI/pythia-${preset.slice('paper-'.length)}`;
    expect(model).toEqual({ ...paper, pretrained, layers, hidden, heads });
  });

  it('has no field that this list forgets', () => {
    const fields = leaves(PRESETS.paper).map(([path]) => path.join('.'));
    expect(fields.toSorted()).toEqual([...PAPER.map(([, field]) => field), ...OURS].toSorted());
  });

  // Section "Data" of shared/paper.md, which counts these out.
  it.each([
    ['negatives', negatives, 2_560],
    ['held-out negatives', heldOut, 128],
    ['useful negatives', useful, 2_432],
    ['DPO pairs', pairs, 153_600],
  ] as const)('makes as many %s as the paper', (_, size, expected) => {
    expect(size(PRESETS.paper)).toBe(expected);
  });

  it('passes over all pairs exactly once in phase 2: 1,200 steps of 128', () => {
    const { phases, batch } = PRESETS.paper;
    expect(phases.dpo.steps * batch).toBe(pairs(PRESETS.paper));
  });

  it('draws 153,600 fresh random passwords for phase 3', () => {
    const { phases, batch } = PRESETS.paper;
    expect(phases.joint.steps * batch).toBe(153_600);
  });

  it('predicts 16 letters with a prefix and 15 without', () => {
    expect(inputLength(PRESETS.paper)).toBe(16);
    expect(inputLength({ ...PRESETS.paper, prefixes: false })).toBe(15);
  });

  it("keeps the whole of Pythia's vocabulary, where the preset pocket has the letters and two prefixes", () => {
    expect(vocabulary(PRESETS.paper)).toBe(50_304);
    expect(vocabulary(PRESETS.pocket)).toBe(28);
  });
});
