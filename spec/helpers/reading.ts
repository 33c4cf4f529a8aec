/** Reads what an engine computes: there are engines that can only be read asynchronously. */
import { type Engine, tf } from '../../src/engine/engine.ts';

/** The values of the tensors that `compute` gives, which are disposed with everything that it made. */
export async function valuesFrom(engine: Engine, compute: () => tf.Tensor[]): Promise<number[][]> {
  const tensors = tf.tidy(compute);
  const values: number[][] = [];
  for (const tensor of tensors) values.push([...(await engine.read(tensor))]);
  tf.dispose(tensors);
  return values;
}

/** The same of one tensor. */
export const valuesOfOne = async (engine: Engine, compute: () => tf.Tensor): Promise<number[]> =>
  (await valuesFrom(engine, () => [compute()]))[0];
