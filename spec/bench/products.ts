/** What a step multiplies, and how long a call takes. */
import { Bench } from 'tinybench';
import type { Phase } from '../../src/passwords/roles.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { innerWidth, vocabulary } from '../../src/setup/sizes.ts';

/** Milliseconds of one call, by tinybench: the median of a short while. */
export async function milliseconds(name: string, body: () => unknown): Promise<number> {
  const bench = new Bench({ time: 300, iterations: 1, warmup: false });
  // Said, because to find out tinybench calls the body once more and does not wait for it: beside the first that is timed.
  bench.add(name, body, { async: true });
  await bench.run();
  const { result } = bench.tasks[0];
  if (result.state !== 'completed') throw new Error(`${name}: ${result.state}`);
  return result.latency.p50;
}

export type Product = readonly [m: number, k: number, n: number];

/** The products [m, k] x [k, n] of one forward and backward pass over `rows` tokens. */
export function products(setup: Setup, phase: Phase, rows: number): Product[] {
  const { hidden, layers, family } = setup.model;
  const inner = innerWidth(setup.model);
  // Llama's inner layer has a gate beside it. Its queries, keys and values are one product, like those of GPT-NeoX.
  const read: [number, number][] =
    family === 'llama'
      ? [
          [hidden, inner],
          [hidden, inner],
        ]
      : [[hidden, inner]];
  const layer: [number, number][] = [[hidden, 3 * hidden], [hidden, hidden], ...read, [inner, hidden]];
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

/** Floating-point operations of products. */
export const operations = (shapes: readonly Product[]): number =>
  shapes.reduce((sum, [m, k, n]) => sum + 2 * m * k * n, 0);
