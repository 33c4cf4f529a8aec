/**
 * One engine's speed: training-step tokens a second for each phase, and the share of a step that the engine's own matrix
 * products would take at the same shapes. A process of its own, started by run.ts: prints JSON.
 */
import { median } from 'simple-statistics';
import { Bench } from 'tinybench';
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { newGraphs } from '../../src/engine/graphs.ts';
import { initialValues, loadParameters, trainableNames } from '../../src/model/parameters.ts';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import type { Phase } from '../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { inputLength, vocabulary } from '../../src/setup/sizes.ts';
import { newOptimiser } from '../../src/training/optimiser.ts';
import { lossAndGradients } from '../../src/training/step.ts';
import { PHASES } from '../../src/training/trainer.ts';

const SETUPS: Setup[] = [
  PRESETS.pocket,
  parseSetup({ ...PRESETS.pocket, name: 'wide', model: { ...PRESETS.pocket.model, hidden: 256, layers: 6, heads: 8 } }),
];

const ROUNDS = 7;

/** Milliseconds of one call, by tinybench: the median of a short while. */
async function milliseconds(name: string, body: () => void): Promise<number> {
  const bench = new Bench({ time: 400, iterations: 3, warmup: false });
  bench.add(name, body);
  await bench.run();
  const { result } = bench.tasks[0];
  if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
  return result.latency.p50;
}

/**
 * Two tasks in turn, round after round, so that a machine whose speed drifts slows both alike.
 * @returns median milliseconds of each, and the median over rounds of first / second
 */
async function inTurn(
  first: () => void,
  second: () => void,
): Promise<{ first: number; second: number; ratio: number }> {
  for (let warmup = 0; warmup < 5; warmup++) {
    first();
    second();
  }
  const rounds: { first: number; second: number; ratio: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const [a, b] = [await milliseconds('first', first), await milliseconds('second', second)];
    rounds.push({ first: a, second: b, ratio: a / b });
  }
  const over = (key: 'first' | 'second' | 'ratio') => median(rounds.map((round) => round[key]));
  return { first: over('first'), second: over('second'), ratio: over('ratio') };
}

/** The products [m, k] x [k, n] of one forward and backward pass over `rows` tokens. */
function products(setup: Setup, rows: number): [m: number, k: number, n: number][] {
  const { hidden, layers, intermediateFactor } = setup.model;
  const inner = hidden * intermediateFactor;
  const layer: [number, number][] = [
    [hidden, 3 * hidden],
    [hidden, hidden],
    [hidden, inner],
    [inner, hidden],
  ];
  const linear = [
    ...Array.from({ length: layers }, () => layer).flat(),
    [hidden, vocabulary(setup)] as [number, number],
  ];
  // y = x W, dx = dy W^T, dW = x^T dy
  return linear.flatMap(([from, to]): [number, number, number][] => [
    [rows, from, to],
    [rows, to, from],
    [from, rows, to],
  ]);
}

export interface Row {
  setup: string;
  phase: Phase;
  sequences: number;
  stepMilliseconds: number;
  tokensPerSecond: number;
  productMilliseconds: number;
  productGigaflopsPerSecond: number;
  shareOfMatrixRate: number;
}

/** What one engine's process prints. */
export interface EngineBench {
  engine: Engine;
  peakMemoryMiB: number;
  rows: Row[];
}

async function benchPhase(setup: Setup, phase: Phase): Promise<Row> {
  const graphs = newGraphs();
  const ids = scratchTokenIds(setup);
  const corpus = buildCorpus(setup);
  const parameters = loadParameters(setup, initialValues(setup));
  const trainable = trainableNames(setup, phase === 'dpo' ? setup.phases.dpo.trainable : 'all');
  const optimiser = newOptimiser(parameters, trainable, setup.optimiser);
  const weights = phase === 'pretrain' ? { dpo: 0, useful: 0, random: 1 } : setup.phases.joint.weights;
  let step = 0;
  const trainingStep = () => {
    const examples = corpus.examples(phase, step % setup.phases.pretrain.steps);
    const batch = tokenBatch(examples, ids);
    const input = { examples, batch, weights, beta: setup.beta, reference: () => -26 };
    const { gradients } = lossAndGradients(parameters, setup.model, trainable, input, graphs);
    step += 1;
    optimiser.apply(gradients, 1e-4, step);
  };

  const sequences = corpus.examples(phase, 0).length;
  const shapes = products(setup, sequences * inputLength(setup));
  // Fresh right-hand sides in turn, as in training: the engine prepares each new matrix before it multiplies.
  const operands = shapes.map(([m, k, n]) => ({
    a: tf.randomNormal([m, k]),
    b: tf.zeros([k, n]),
  }));
  const productsAlone = () => {
    for (const { a, b } of operands) {
      const fresh = b.clone();
      tf.matMul(a as tf.Tensor2D, fresh as tf.Tensor2D).dispose();
      fresh.dispose();
    }
  };
  const { first: productMilliseconds, second: stepMilliseconds, ratio } = await inTurn(productsAlone, trainingStep);
  optimiser.dispose();
  tf.dispose([...parameters.values(), ...operands.flatMap(({ a, b }) => [a, b])]);
  graphs.dispose();
  const flops = shapes.reduce((sum, [m, k, n]) => sum + 2 * m * k * n, 0);
  return {
    setup: setup.name,
    phase,
    sequences,
    stepMilliseconds,
    tokensPerSecond: (sequences * inputLength(setup)) / (stepMilliseconds / 1000),
    productMilliseconds,
    productGigaflopsPerSecond: flops / productMilliseconds / 1e6,
    shareOfMatrixRate: ratio,
  };
}

const engine = await startEngine();
const rows: Row[] = [];
for (const setup of SETUPS) for (const phase of PHASES) rows.push(await benchPhase(setup, phase));
const measured: EngineBench = { engine, peakMemoryMiB: process.resourceUsage().maxRSS / 1024, rows };
process.stdout.write(JSON.stringify(measured));
