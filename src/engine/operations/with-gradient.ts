/** Operations of TensorFlow.js operations, with a gradient written out. For the native engine. */
import { tf } from '../engine.ts';

/**
 * TensorFlow.js can differentiate any composition, one operation at a time; written out as a formula the gradient is a
 * third of that work.
 * @param forward the value, and what the gradient needs beside the inputs
 * @param gradient of a sum over `dy` times the value, with respect to each input
 */
export function withGradient(
  inputs: tf.Tensor[],
  forward: () => { value: tf.Tensor; saved: tf.Tensor[] },
  gradient: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[],
): tf.Tensor {
  return tf.customGrad((...given) => {
    const save = given[inputs.length] as unknown as (tensors: tf.Tensor[]) => void;
    const { value, saved } = forward();
    save(saved);
    return { value, gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => gradient(dy, kept) };
  })(...inputs);
}
