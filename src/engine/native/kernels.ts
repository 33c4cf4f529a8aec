/** Which kernels of ours the native engine has: operations of kernels.cc, in a library that is built beside tfjs-node's. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';
import { type Attribute, nativeBackend } from './backend.ts';

/** A kernel that is one operation of kernels.cc. */
export interface NativeKernel<Input extends string, Attributes> {
  /** `NegativeKnowledge/X`, where the operation is `NegativeKnowledgeX`. */
  readonly name: string;
  /** The operation's inputs, in its order. */
  readonly inputs: readonly Input[];
  readonly outputs: number;
  /** Inputs that follow those; they are disposed after the call. */
  constants?(attributes: Attributes): tf.Tensor[];
  attributes?(attributes: Attributes): Attribute[];
}

type Register = () => void;

/** Kernels that wait for the library; null once it is loaded. */
let waiting: Register[] | null = [];

/** Registers a kernel with TensorFlow.js: as soon as the library is loaded, and never where it is not. */
export function registerNative<Input extends string, Attributes = object>(
  kernel: NativeKernel<Input, Attributes>,
): void {
  const { name, inputs: order, outputs, constants = () => [], attributes = () => [] } = kernel;
  const register = () =>
    tf.registerKernel({
      kernelName: name,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs, attrs }) => {
        const given = attrs as unknown as Attributes;
        const named = inputs as Record<Input, TensorInfo>;
        const further = constants(given);
        const results = nativeBackend().executeMultipleOutputs(
          name.replace('/', ''),
          attributes(given),
          [...order.map((input) => named[input]), ...further],
          outputs,
        );
        tf.dispose(further);
        return outputs === 1 ? results[0] : results;
      },
    });
  if (waiting === null) register();
  else waiting.push(register);
}

/** Registers the kernels that wait. The library must be loaded. */
export function libraryIsLoaded(): void {
  for (const register of waiting ?? []) register();
  waiting = null;
}
