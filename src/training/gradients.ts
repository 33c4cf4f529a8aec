/** Gradients of a step on engines whose optimiser takes them one by one. */
import { type Engine, tf } from '../engine/engine.ts';
import { OPERATION_BY_OPERATION, type Pass } from '../engine/graphs.ts';
import type { LoadedModel } from '../model/parameters.ts';

/** On the engine, or added up outside its small memory. */
export type Gradient = tf.Tensor | Float32Array;

/** What passes of one step computed. The caller disposes the gradients. */
export interface Computed {
  /** The scalars of each pass. */
  readonly scalars: number[][];
  /** The sum of the passes' gradients of every trained parameter. */
  readonly gradients: Map<string, Gradient>;
}

/** Adds gradients up in arrays. */
async function addGradients(
  { read }: Engine,
  sums: Map<string, Float32Array>,
  gradients: Map<string, tf.Tensor>,
): Promise<void> {
  for (const [name, gradient] of gradients) {
    const values = await read(gradient);
    const sum = sums.get(name);
    if (sum === undefined) sums.set(name, values.slice());
    else for (let index = 0; index < sum.length; index++) sum[index] += values[index];
    gradient.dispose();
  }
}

/** Computes passes one after the other. @param trainable names of the trained parameters, in the order of the gradients */
export async function computeGradients(
  { engine, parameters, graphs = OPERATION_BY_OPERATION }: Omit<LoadedModel, 'model'>,
  trainable: readonly string[],
  passes: readonly Pass[],
): Promise<Computed> {
  const scalars: number[][] = [];
  const sums = new Map<string, Float32Array>();
  for (const { key, body, scalars: count, inputs } of passes) {
    const computed = graphs.run(key, body, [...inputs, ...parameters.values()]);
    const ofPass = computed.splice(0, count);
    scalars.push((await Promise.all(ofPass.map((scalar) => engine.read(scalar)))).map(([value]) => value));
    tf.dispose(ofPass);
    const gradients = new Map(trainable.map((name, index) => [name, computed[index]]));
    if (passes.length === 1) return { scalars, gradients };
    await addGradients(engine, sums, gradients);
  }
  return { scalars, gradients: sums };
}
