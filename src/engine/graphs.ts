/**
 * Functions of tensors that run as one graph where the engine has graphs. On the native engine calling an operation
 * costs more than most operations of a small model do; a graph is called once for all of them.
 */
import * as tf from './tfjs.ts';

/** A function of its inputs alone, which returns none of them. The caller disposes the outputs. */
export type TensorFunction = (...inputs: tf.Tensor[]) => tf.Tensor[];

/** A part of a training step: losses of some of its sequences, and their gradients. */
export interface Pass {
  /** Names everything that `body` depends on beside its inputs: one key, one function. */
  readonly key: string;
  /** Of `inputs`, then of every parameter. Returns `scalars` scalars, then the gradient of every trained parameter. */
  readonly body: TensorFunction;
  readonly scalars: number;
  readonly inputs: tf.Tensor[];
}

/** Runs functions of tensors. */
export interface Graphs {
  /**
   * @param key names everything that `body` depends on beside its inputs: one key, one function
   * @param inputs stay the caller's; their shapes may differ from call to call
   */
  run(key: string, body: TensorFunction, inputs: tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

/** Calls every function as it stands, operation by operation. */
export const OPERATION_BY_OPERATION: Graphs = {
  run: (_, body, inputs) => tf.tidy(() => body(...inputs)),
  dispose: () => {},
};
