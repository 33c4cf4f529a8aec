/**
 * Turns a function of tensors into a part of a TensorFlow graph, by running it once and writing down every operation that
 * it executes.
 */
import { tf } from '../engine.ts';
import type { TensorFunction } from '../graphs.ts';
import { type Binding, nativeBackend } from './backend.ts';
import type { GraphWriter } from './graph.ts';

/** The binding, with every tensor that is made and every operation that is executed written into `graph`. */
function recording(binding: Binding, graph: GraphWriter, names: Map<number, string>): Binding {
  const recorded: Partial<Binding> = {
    createTensor(shape, dtype, values) {
      const id = binding.createTensor(shape, dtype, values);
      names.set(id, `${graph.constant(dtype, shape, values)}:0`);
      return id;
    },
    executeOp(op, attributes, inputs, count) {
      const from = inputs.map((id) => {
        const name = names.get(id);
        if (name === undefined) throw new Error(`${op} reads a tensor from outside the graph: make it an input`);
        return name;
      });
      const outputs = binding.executeOp(op, attributes, inputs, count);
      const node = graph.operation(op, from, attributes);
      outputs.forEach(({ id }, index) => {
        names.set(id, `${node}:${index}`);
      });
      return outputs;
    },
    tensorDataSync() {
      throw new Error('a graph cannot read the values of its tensors: return them, and read them outside');
    },
  };
  // A copy is no way: most of the binding's properties cannot be enumerated.
  return new Proxy({} as Binding, {
    get: (_, key) => recorded[key as keyof Binding] ?? binding[key as keyof Binding],
  });
}

/**
 * Traces `body` on the native engine into a graph. What it computes must depend on its inputs alone: any other number that
 * it uses is in the graph for good.
 * @param inputs names of the tensors in the graph that `body` is computed of
 * @param example tensors of the types and shapes that those will have
 * @returns names of what `body` returns, in the graph
 */
export function trace(
  graph: GraphWriter,
  inputs: readonly string[],
  body: TensorFunction,
  example: readonly tf.Tensor[],
): string[] {
  const backend = nativeBackend();
  const { binding } = backend;
  const names = new Map(backend.getInputTensorIds(example).map((id, index) => [id, inputs[index]]));
  let outputs: tf.Tensor[] = [];
  backend.binding = recording(binding, graph, names);
  try {
    outputs = tf.tidy(() => body(...example));
    return backend.getInputTensorIds(outputs).map((id) => names.get(id) as string);
  } finally {
    backend.binding = binding;
    tf.dispose(outputs);
  }
}
