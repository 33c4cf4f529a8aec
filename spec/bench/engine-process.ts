/**
 * One engine's speed at one setup: training steps, and the same step's matrix products alone. A process of its own,
 * which is asked for one round at a time, so that engines are measured in turn.
 */
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { linear } from '../../src/engine/operations/linear.ts';
import type { Phase } from '../../src/passwords/roles.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { inputLength } from '../../src/setup/sizes.ts';
import { Session } from '../../src/training/session.ts';
import { blindReference } from '../../src/training/step.ts';
import { milliseconds, operations, type Product, products } from './products.ts';

/** What is asked for: `round` takes steps and the products alone, `steps` only steps; `peak` needs no setup. */
export type Question =
  | { ask: 'train'; setup: Setup }
  | { ask: 'begin'; phase: Phase }
  | { ask: 'round' | 'steps' | 'peak' };

export interface Phased {
  sequences: number;
  tokens: number;
  /** Floating-point operations of the step's matrix products. */
  flops: number;
}

/** Steps of a round: milliseconds of one. */
export interface Steps {
  step: number;
  peakMemoryMiB: number;
}

/** Milliseconds of a step, and of its matrix products alone. */
export interface Round extends Steps {
  products: number;
}

/** GFLOP/s of a large product, by what computed it. */
export type Rates = Record<string, number>;

export type Answer = Pick<Engine, 'name' | 'version'> | Phased | Steps | Round | Rates;

/** Side of the square matrices whose product is timed for the peak rate, and how often: the best counts. */
const PEAK_SIDE = 2048;
const PEAK_TIMES = 12;

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

/** Untimed, before the first that is timed. */
const WARMUPS = 3;

const engine = await startEngine();
let trainee: Session | undefined;
let takeStep: () => Promise<unknown> = async () => {};
let shapes: Product[] = [];
/** Made when it is first asked for: its operands take memory. */
let alone: ReturnType<typeof productsOf> | undefined;

async function begin(phase: Phase): Promise<Phased> {
  if (trainee === undefined) throw new Error('train a setup first');
  alone?.dispose();
  alone = undefined;
  const session = trainee;
  await session.begin(phase);
  let steps = 0;
  takeStep = () => session.step(steps++ % session.recipe[phase].steps);
  const sequences = trainee.corpus.examples(phase, 0).length;
  const tokens = sequences * inputLength(trainee.setup);
  shapes = products(trainee.setup, phase, tokens);
  for (let warmup = 0; warmup < WARMUPS; warmup++) await takeStep();
  return { sequences, tokens, flops: operations(shapes) };
}

/** Milliseconds of the products of a step alone. */
function productsAlone(): Promise<number> {
  if (alone === undefined) {
    alone = productsOf(shapes);
    for (let warmup = 0; warmup < WARMUPS; warmup++) alone.run();
  }
  const { run } = alone;
  return milliseconds('products', run);
}

const takeSteps = async (): Promise<Steps> => ({
  step: await milliseconds('step', () => takeStep()),
  peakMemoryMiB: process.resourceUsage().maxRSS / 1024,
});

async function peakRate(): Promise<number> {
  const matrix = tf.fill([PEAK_SIDE, PEAK_SIDE], 0.5);
  let best = Infinity;
  for (let time = 0; time < PEAK_TIMES; time++) {
    const started = performance.now();
    const product = tf.matMul(matrix, matrix);
    await engine.read(product);
    best = Math.min(best, performance.now() - started);
    product.dispose();
  }
  matrix.dispose();
  return (2 * PEAK_SIDE ** 3) / best / 1e6;
}

async function answer(question: Question): Promise<Answer> {
  if (question.ask === 'train') {
    const setup = parseSetup(question.setup);
    trainee = new Session(setup, { engine, reference: blindReference(setup) });
    return { name: engine.name, version: engine.version };
  }
  if (question.ask === 'begin') return begin(question.phase);
  if (question.ask === 'peak') return { [engine.name]: await peakRate() };
  if (question.ask === 'steps') return takeSteps();
  return { products: await productsAlone(), ...(await takeSteps()) };
}

process.on('message', async (question: Question) => process.send?.(await answer(question)));
