/** The engine `webgpu` at the shapes of Pythia: held against the best matrix rate of the same GPU, in the same run. */
import { type Engine, startEngine, tf } from '../../../src/engine/engine.ts';
import { matrixRate, productOperations } from '../../../src/engine/rate.ts';
import type { Gpu } from '../../../src/engine/webgpu/device.ts';
import { expectationOf, trialOf } from '../../../src/lab/plan.ts';
import { roughValues } from '../../../src/lab/trial.ts';
import { PHASES, type Phase } from '../../../src/passwords/roles.ts';
import { prefixOf } from '../../../src/recipe/recipe.ts';
import { PRESETS } from '../../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../../src/setup/schema.ts';
import { inputLength } from '../../../src/setup/sizes.ts';
import { score } from '../../../src/training/scoring.ts';
import { Session } from '../../../src/training/session.ts';
import { blindReference } from '../../../src/training/step.ts';
import { milliseconds, operations, products } from '../products.ts';
import { PYTHIA } from '../setups.ts';

/** Models that are measured: Pythia's, and a small one, of letters alone, that shows that the command works. */
const MODELS = {
  ...PYTHIA,
  tiny: { hidden: 32, layers: 2, heads: 4 },
} as const;
export type GpuSize = keyof typeof MODELS;
export const GPU_SIZES = Object.keys(MODELS) as GpuSize[];

export interface GpuPhase {
  /** Of one pass, with its update. */
  readonly milliseconds: number;
  readonly tokens: number;
  /** TFLOP/s of the pass's matrix products, in the time of the whole pass. */
  readonly rate: number;
  /** Of the best rate. */
  readonly share: number;
}

export interface GpuBench {
  readonly gpu: Gpu;
  readonly version: string;
  readonly size: GpuSize;
  /** Sequences of each kind in a pass, of `batch` in a step. */
  readonly microBatch: number;
  readonly batch: number;
  /** TFLOP/s of products of square matrices, by our program and by TensorFlow.js's. */
  readonly rates: readonly { readonly side: number; readonly ours: number; readonly theirs: number }[];
  /** The best of them. */
  readonly best: number;
  readonly passes: Readonly<Record<Phase, GpuPhase>>;
  /** A whole run of the paper's setup with a model of this size. */
  readonly hoursOfARun: number;
}

/** TFLOP/s of TensorFlow.js's own product. */
async function theirRate(engine: Engine, side: number): Promise<number> {
  const factors = [tf.fill([side, side], 1 / side), tf.fill([side, side], 0.5)] as tf.Tensor2D[];
  const times = 8;
  const taken = await milliseconds('product', async () => {
    const corner = tf.tidy(() => {
      let product: tf.Tensor = factors[0];
      for (let time = 0; time < times; time++) product = tf.tidy(() => tf.matMul(factors[0], factors[1]));
      return tf.slice(product, [0, 0], [1, 1]);
    });
    await engine.read(corner);
    corner.dispose();
  });
  tf.dispose(factors);
  return (times * productOperations(side, side, side)) / taken / 1e9;
}

/** The paper's setup with another model of random weights. */
const setupOf = (size: GpuSize): Setup =>
  parseSetup({
    ...PRESETS.paper,
    name: size,
    model: {
      ...PRESETS.paper.model,
      ...MODELS[size],
      pretrained: null,
      ...(size === 'tiny' ? { weights: null, vocabulary: null } : {}),
    },
  });

/**
 * Measures. @param asked sequences of each kind in a pass; fewer where a step has fewer
 * @param say takes lines for someone who waits
 * @throws EngineError where there is no GPU, or it fails
 */
export async function measureGpu(size: GpuSize, asked: number, say: (line: string) => void): Promise<GpuBench> {
  const engine = await startEngine('webgpu');
  const gpu = engine.gpu as Gpu;
  say(`${gpu.name}${gpu.software ? ': a program that plays a GPU; its figures say nothing about any GPU' : ''}`);
  const rates: GpuBench['rates'][number][] = [];
  for (const side of gpu.software ? [64, 128] : [512, 1024, 2048, 4096]) {
    const rate = { side, ours: (await matrixRate(engine, side)) / 1e12, theirs: await theirRate(engine, side) };
    rates.push(rate);
    say(`${side} x ${side}: ours ${rate.ours.toPrecision(3)} TFLOP/s, TensorFlow.js's ${rate.theirs.toPrecision(3)}`);
  }
  const best = Math.max(...rates.flatMap(({ ours, theirs }) => [ours, theirs]));

  const setup = setupOf(size);
  const microBatch = Math.min(asked, setup.batch);
  const trial = trialOf(setup, microBatch);
  const session = new Session(trial, { engine, start: roughValues(trial), reference: blindReference(trial) });
  const passes = {} as Record<Phase, GpuPhase>;
  for (const phase of PHASES) {
    await session.begin(phase);
    await session.step(0); // compiles
    const taken = await milliseconds(phase, () => session.step(0));
    const tokens = session.corpus.examples(phase, 0).length * inputLength(trial);
    const rate = operations(products(trial, phase, tokens)) / taken / 1e9;
    passes[phase] = { milliseconds: taken, tokens, rate, share: rate / best };
    say(
      `${phase}: ${taken.toFixed(1)} ms a pass of ${tokens} tokens, ${((100 * rate) / best).toFixed(0)}% of the best rate`,
    );
  }
  const passwords = [...session.corpus.negatives, ...session.corpus.chosen];
  const scoring = () => score(session.reader, passwords, prefixOf(trial, 'regular'));
  await scoring();
  const secondsPerPassword = (await milliseconds('score', scoring)) / 1000 / passwords.length;
  session.dispose();
  const seconds = {
    pretrain: passes.pretrain.milliseconds / 1000,
    dpo: passes.dpo.milliseconds / 1000,
    joint: passes.joint.milliseconds / 1000,
  };
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  const { runSeconds } = expectationOf(setup, { seconds, secondsPerPassword, peakBytes }, microBatch);
  const { version } = engine;
  return { gpu, version, size, microBatch, batch: setup.batch, rates, best, passes, hoursOfARun: runSeconds / 3600 };
}
