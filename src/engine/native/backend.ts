/** What the native engine uses of tfjs-node beyond its public types. */
import type { KernelBackend } from '@tensorflow/tfjs-core';
import { tf } from '../engine.ts';

/** TensorFlow's number of double precision, which the binding does not name: JavaScript is given no such tensor. */
const DT_DOUBLE = 2;

/** An attribute of a TensorFlow operation; `type` is one of the binding's TF_ATTR_ constants. */
export interface Attribute {
  readonly name: string;
  readonly type: number;
  readonly value: unknown;
}

/** tfjs-node's C++ side. Tensors are numbers here. */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_SHAPE: number;
  createTensor(shape: number[], dtype: number, values: Float32Array | Int32Array | Uint8Array): number;
  executeOp(name: string, attributes: Attribute[], inputs: number[], outputs: number): { id: number }[];
  tensorDataSync(id: number): unknown;
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** Whether TensorFlow found a GPU, which then computes all that it can. */
  isUsingGpuDevice(): boolean;
}

/** tfjs-node's backend. */
export interface NativeBackend extends KernelBackend {
  binding: Binding;
  /** Numbers of tensors; uploads those whose values are still in JavaScript. */
  getInputTensorIds(tensors: readonly { dataId: object }[]): number[];
  executeSingleOutput(name: string, attributes: Attribute[], inputs: readonly { dataId: object }[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: Attribute[],
    inputs: readonly { dataId: object }[],
    outputs: number,
  ): tf.Tensor[];
  runSavedModel(
    id: number,
    inputs: readonly tf.Tensor[],
    infos: { name: string; tfDtype: string }[],
    outputs: readonly string[],
  ): tf.Tensor[];
}

/** The running engine's backend, where it is the native one. */
export const nativeBackend = (): NativeBackend => tf.backend() as NativeBackend;

/** Whether a GPU computes. tfjs-node must be loaded. */
export const usesGpu = (): boolean => (tf.findBackend('tensorflow') as NativeBackend).binding.isUsingGpuDevice();

/** Attributes that are numbers. */
export const integerAttribute = (name: string, value: number): Attribute => {
  return { name, type: nativeBackend().binding.TF_ATTR_INT, value };
};
export const floatAttribute = (name: string, value: number): Attribute => {
  return { name, type: nativeBackend().binding.TF_ATTR_FLOAT, value };
};

/** TensorFlow's number of a tensor's type. */
export const dataTypeOf = ({ dtype }: tf.Tensor): number => {
  const { TF_FLOAT, TF_INT32 } = nativeBackend().binding;
  return dtype === 'int32' ? TF_INT32 : TF_FLOAT;
};

/** An attribute that names a type. */
export const typeAttribute = (name: string, type: 'TF_FLOAT' | 'TF_INT32' | 'TF_DOUBLE'): Attribute => {
  const { binding } = nativeBackend();
  return { name, type: binding.TF_ATTR_TYPE, value: type === 'TF_DOUBLE' ? DT_DOUBLE : binding[type] };
};
