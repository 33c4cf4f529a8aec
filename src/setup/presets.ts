/** Named setups. */
import type { Setup } from './schema.ts';

export const ENGLISH_ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

/** AdamW, warm-up and clipping as the reference code has them. */
const ADAMW = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, warmupSteps: 100, clipNorm: 1 };

/** What all sizes of Pythia and this project's own models have in common. */
const PYTHIA = {
  family: 'gpt-neox',
  weights: null,
  keyValueHeads: null,
  intermediateFactor: 4,
  rotaryFraction: 0.25,
  rotaryBase: 10_000,
  layerNormEpsilon: 1e-5,
  parallelResidual: true,
  activation: 'gelu',
  tiedEmbeddings: false,
  initialDeviation: 0.02,
} as const;

/** The reference code's own constants, for Pythia-160M (arXiv 2306.07567; main.py at e09a982). */
const paper: Setup = {
  name: 'paper',
  seed: 0,
  passwords: {
    alphabet: ENGLISH_ALPHABET,
    length: 16,
    negativeBatches: 20,
    heldBatches: 1,
    repeats: 60,
    standIns: 'none',
  },
  batch: 128,
  prefixes: true,
  model: {
    ...PYTHIA,
    pretrained: 'EleutherAI/pythia-160m',
    hidden: 768,
    layers: 12,
    heads: 12,
    vocabulary: 50_304,
  },
  objective: 'dpo',
  beta: 0.1,
  margin: 0,
  optimiser: { learningRate: 1e-4, ...ADAMW },
  phases: {
    pretrain: { steps: 64 },
    dpo: { steps: 1_200, trainable: 'first-half', stopAtHeldOutGuessRate: null },
    joint: {
      steps: 1_200,
      weights: { dpo: 1, useful: 0.2, random: 0.2, randomReverse: 0 },
      stopAtUsefulGuessRate: null,
      usefulOrder: 'shuffled-once',
    },
  },
  evaluation: { every: 5, first: 1, heldOut: 128, useful: 128, random: 128, dissection: false },
};

/** The paper's setup for another size of Pythia (its figure 2). */
const paperOf = (size: string, shape: Pick<Setup['model'], 'hidden' | 'layers' | 'heads'>): Setup => ({
  ...paper,
  name: `paper-${size}`,
  model: { ...paper.model, pretrained: `EleutherAI/pythia-${size}`, ...shape },
});

/**
 * The paper's own arm in a small model from scratch: half of the model frozen in phase 2, prefixes, phase 3 as long as phase 2,
 * no rule that ends it, the paper's loss weights and beta. Only what such a model needs is otherwise; ./README.md says how it was
 * chosen and what was predicted of it.
 */
const pocket: Setup = {
  ...paper,
  name: 'pocket',
  passwords: { ...paper.passwords, length: 8, negativeBatches: 16, repeats: 50 },
  batch: 16,
  model: {
    ...paper.model,
    pretrained: null,
    hidden: 96,
    layers: 4,
    heads: 6,
    vocabulary: null,
    initialDeviation: 0.05,
  },
  optimiser: { ...paper.optimiser, learningRate: 1.5e-3, weightDecay: 1 },
  phases: {
    ...paper.phases,
    dpo: { ...paper.phases.dpo, steps: 800 },
    joint: { ...paper.phases.joint, steps: 800 },
  },
  evaluation: { ...paper.evaluation, heldOut: 64, useful: 64, random: 64 },
};

/** The same in a model of 1.2 million parameters, which flips more clearly and takes about three times as long. */
const pocketLarge: Setup = {
  ...pocket,
  name: 'pocket-large',
  model: { ...pocket.model, hidden: 128, layers: 6, heads: 8 },
  optimiser: { ...pocket.optimiser, learningRate: 1e-3 },
};

/**
 * The same in a Llama of about as many parameters: the three matrices of its MLP have as many numbers at 8/3 as the two of
 * GPT-NeoX have at 4. Every other field is that of `pocket`.
 */
const pocketLlama: Setup = {
  ...pocket,
  name: 'pocket-llama',
  model: {
    ...pocket.model,
    family: 'llama',
    intermediateFactor: 8 / 3,
    rotaryFraction: 1,
    parallelResidual: false,
    activation: 'silu',
  },
};

/**
 * A small model at the paper's weight decay, which learns its useful passwords one by one. It needs more than the paper's arm to show anything: no
 * freezing, a longer phase 3, and a rule that ends it before the model grows over-confident. The default until 2026-11-28, when it was called `pocket`.
 */
const pocketMemorising: Setup = {
  name: 'pocket-memorising',
  seed: 0,
  passwords: {
    alphabet: ENGLISH_ALPHABET,
    length: 8,
    negativeBatches: 16,
    heldBatches: 4,
    repeats: 50,
    standIns: 'none',
  },
  batch: 16,
  prefixes: true,
  model: { ...PYTHIA, pretrained: null, hidden: 64, layers: 4, heads: 4, vocabulary: null },
  objective: 'dpo',
  beta: 0.3,
  margin: 0,
  optimiser: { learningRate: 1e-3, ...ADAMW },
  phases: {
    pretrain: { steps: 200 },
    dpo: { steps: 800, trainable: 'all', stopAtHeldOutGuessRate: null },
    joint: {
      steps: 1_400,
      weights: { dpo: 1, useful: 0.5, random: 0.5, randomReverse: 0 },
      stopAtUsefulGuessRate: 2,
      usefulOrder: 'shuffled-passes',
    },
  },
  evaluation: { every: 50, first: null, heldOut: 64, useful: 128, random: 256, dissection: false },
};

export const PRESETS = {
  pocket,
  'pocket-large': pocketLarge,
  'pocket-llama': pocketLlama,
  'pocket-memorising': pocketMemorising,
  paper,
  'paper-70m': paperOf('70m', { hidden: 512, layers: 6, heads: 8 }),
  'paper-410m': paperOf('410m', { hidden: 1_024, layers: 24, heads: 16 }),
  'paper-1b': paperOf('1b', { hidden: 2_048, layers: 16, heads: 8 }),
} as const;
export type PresetName = keyof typeof PRESETS;

/**
 * The first seed that claims are judged on; the others follow it. Presets were chosen on the seeds 1 to 6 alone, so no claim
 * is judged on a seed that anything was tuned on. The seeds from 101 on are those of earlier presets.
 */
export const FIRST_CLAIM_SEED = 201;

/**
 * A power of 99% needs fewer at the effect of the reference report, and no claim is judged on fewer than five runs: src/claims/README.md,
 * "Seeds and power".
 */
export const DEFAULT_SEEDS = 5;

/** The first `count` seeds that claims are judged on. */
export const claimSeeds = (count: number): number[] =>
  Array.from({ length: count }, (_, index) => FIRST_CLAIM_SEED + index);
