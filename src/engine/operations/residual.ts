/** What a block adds to the residual stream. */
import { tf } from '../engine.ts';
import { hasKernel, runKernel } from '../loops.ts';
import { registerNative } from '../native/kernels.ts';
import { columnSums } from './column-sums.ts';

const KERNEL = 'NegativeKnowledge/Residual';

/** The sum of `x`, `[rows, columns]`, and `bias`, `[columns]`, which whoever reads it takes. Without a bias it is `x`. */
export interface Biased {
  readonly x: tf.Tensor;
  readonly bias?: tf.Tensor;
}

/** Whether the engine's GELU, attention and residual add a bias on the way: then no pass over the memory is spent on it. */
export const addsBiases = (): boolean => hasKernel(KERNEL);

registerNative<'x' | 'a' | 'aBias' | 'b' | 'bBias'>({
  name: KERNEL,
  inputs: ['x', 'a', 'aBias', 'b', 'bBias'],
  outputs: 1,
});

tf.registerGradient({
  kernelName: KERNEL,
  gradFunc: (upstream) => {
    const dy = upstream as tf.Tensor;
    const itself = () => tf.clone(dy);
    const sums = () => columnSums(dy);
    return { x: itself, a: itself, b: itself, aBias: sums, bBias: sums };
  },
});

const taken = ({ x, bias }: Biased): tf.Tensor => (bias === undefined ? x : tf.add(x, bias));

/**
 * x plus what one or two layers add to it.
 * @param x `[rows, columns]`
 */
export function residual(x: tf.Tensor, ...added: readonly [Biased] | readonly [Biased, Biased]): tf.Tensor {
  const [a, b] = added;
  if (b === undefined) return tf.add(x, taken(a));
  if (a.bias === undefined || b.bias === undefined) return tf.addN([x, taken(a), taken(b)]);
  return runKernel<tf.Tensor>(KERNEL, { x, a: a.x, aBias: a.bias, b: b.x, bBias: b.bias });
}
