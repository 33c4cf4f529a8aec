/** The nonlinearities of an MLP, by the setup's names. */
import type { tf } from '../engine/engine.ts';
import { gelu, quickGelu, silu, tanhGelu } from '../engine/operations/gelu.ts';
import type { Activation } from '../setup/schema.ts';

/** Of every element of x, or of x + bias. */
export const ACTIVATE: Readonly<Record<Activation, (x: tf.Tensor, bias?: tf.Tensor) => tf.Tensor>> = {
  gelu,
  'gelu-tanh': tanhGelu,
  'quick-gelu': quickGelu,
  silu,
};
