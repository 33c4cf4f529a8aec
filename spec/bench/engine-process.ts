/**
 * One engine's speed at one setup: training steps, and the same step's matrix products alone. A process of its own,
 * which run.ts asks for one round at a time, so that engines are measured in turn.
 */
import { Bench } from 'tinybench';
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { linear } from '../../src/engine/operations/linear.ts';
import type { Phase } from '../../src/passwords/roles.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { inputLength, vocabulary } from '../../src/setup/sizes.ts';
import { Session } from '../../src/training/session.ts';

/** What run.ts asks for. */
export type Question = { ask: 'train'; setup: Setup } | { ask: 'begin'; phase: Phase } | { ask: 'round' };

export interface Phased {
  sequences: number;
  tokens: number;
  /** Floating-point operations of the step's matrix products. */
  flops: number;
}

/** Milliseconds. */
export interface Round {
  step: number;
  products: number;
  peakMemoryMiB: number;
}

export type Answer = Pick<Engine, 'name' | 'version'> | Phased | Round;

/** Milliseconds of one call, by tinybench: the median of a short while. */
async function milliseconds(name: string, body: () => unknown): Promise<number> {
  const bench = new Bench({ time: 300, iterations: 1, warmup: false });
  bench.add(name, body);
  await bench.run();
  const { result } = bench.tasks[0];
  if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
  return result.latency.p50;
}

type Product = readonly [m: number, k: number, n: number];

/** The products [m, k] x [k, n] of one forward and backward pass over `rows` tokens. */
function products(setup: Setup, phase: Phase, rows: number): Product[] {
  const { hidden, layers, intermediateFactor } = setup.model;
  const inner = hidden * intermediateFactor;
  const layer: [number, number][] = [
    [hidden, 3 * hidden],
    [hidden, hidden],
    [hidden, inner],
    [inner, hidden],
  ];
  const frozenFrom = phase === 'dpo' && setup.phases.dpo.trainable === 'first-half' ? Math.floor(layers / 2) : layers;
  const linear = Array.from({ length: layers }, (_, index) =>
    layer.map((size) => ({ size, frozen: index >= frozenFrom })),
  );
  const unembedding = { size: [hidden, vocabulary(setup)] as [number, number], frozen: frozenFrom < layers };
  // y = x W, dx = dy W^T, and dW = x^T dy where W is trained.
  return [...linear.flat(), unembedding].flatMap(({ size: [from, to], frozen }): Product[] => [
    [rows, from, to],
    [rows, to, from],
    ...(frozen ? [] : [[from, rows, to] as const]),
  ]);
}

/**
 * The products alone, on operands of their own, none of them transposed, by the engine's fastest kernel, which is that of
 * a linear layer: TensorFlow's on native, in one graph as a training step is; of our own on WASM.
 */
function productsOf(shapes: readonly Product[]): { run: () => void; dispose: () => void } {
  const operands = shapes.flatMap(([m, k, n]) => [tf.fill([m, k], 0.5), tf.fill([k, n], 0.5)]);
  const graphs = engine.newGraphs();
  const multiply = (...inputs: tf.Tensor[]) =>
    shapes.map((_, index) => linear(inputs[2 * index], inputs[2 * index + 1]));
  return {
    run: () => {
      tf.dispose(graphs.run('products', multiply, operands));
    },
    dispose: () => {
      graphs.dispose();
      tf.dispose(operands);
    },
  };
}

const engine = await startEngine();
let trainee: Session | undefined;
let takeStep: () => Promise<unknown> = async () => {};
let alone: ReturnType<typeof productsOf> | undefined;

async function begin(phase: Phase): Promise<Phased> {
  if (trainee === undefined) throw new Error('train a setup first');
  alone?.dispose();
  const session = trainee;
  await session.begin(phase);
  let steps = 0;
  takeStep = () => session.step(steps++ % session.recipe[phase].steps);
  const sequences = trainee.corpus.examples(phase, 0).length;
  const tokens = sequences * inputLength(trainee.setup);
  const shapes = products(trainee.setup, phase, tokens);
  alone = productsOf(shapes);
  for (let warmup = 0; warmup < 3; warmup++) {
    alone.run();
    await takeStep();
  }
  return { sequences, tokens, flops: shapes.reduce((sum, [m, k, n]) => sum + 2 * m * k * n, 0) };
}

async function answer(question: Question): Promise<Answer> {
  if (question.ask === 'train') {
    trainee = new Session(parseSetup(question.setup), { engine, reference: () => -26 });
    return { name: engine.name, version: engine.version };
  }
  if (question.ask === 'begin') return begin(question.phase);
  const [products, step] = [
    await milliseconds('products', () => alone?.run()),
    await milliseconds('step', () => takeStep()),
  ];
  return { products, step, peakMemoryMiB: process.resourceUsage().maxRSS / 1024 };
}

process.on('message', async (question: Question) => process.send?.(await answer(question)));
