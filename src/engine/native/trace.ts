/**
 * Turns a function of tensors into a TensorFlow graph, by running it once and writing down every operation that it
 * executes.
 */
import { tf } from '../engine.ts';
import { type Binding, nativeBackend } from './backend.ts';
import { GraphWriter } from './graph.ts';

/** A function of tensors that was traced. */
export interface LoadedGraph {
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

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
 * Traces `body` on the native engine. What it computes must depend on its inputs alone: any other number that it uses
 * is in the graph for good.
 * @param example inputs of the shapes that the graph will be run on
 */
export function trace(body: (...inputs: tf.Tensor[]) => tf.Tensor[], example: readonly tf.Tensor[]): LoadedGraph {
  const backend = nativeBackend();
  const { binding } = backend;
  const graph = new GraphWriter(binding);
  const typeOf = ({ dtype }: tf.Tensor) => (dtype === 'int32' ? binding.TF_INT32 : binding.TF_FLOAT);
  const inputIds = backend.getInputTensorIds(example);
  const inputNames = example.map((tensor) => `${graph.placeholder(typeOf(tensor), tensor.shape)}:0`);
  const names = new Map(inputIds.map((id, index) => [id, inputNames[index]]));

  let outputs: tf.Tensor[] = [];
  let outputNames: string[] = [];
  backend.binding = recording(binding, graph, names);
  try {
    outputs = tf.tidy(() => body(...example));
    const ids = backend.getInputTensorIds(outputs);
    outputNames = ids.map((id, index) => `${graph.identity(typeOf(outputs[index]), names.get(id) as string)}:0`);
  } finally {
    backend.binding = binding;
    tf.dispose(outputs);
  }

  const session = graph.load();
  return {
    run: (inputs) => session.run(inputNames, inputs, outputNames),
    dispose: () => session.dispose(),
  };
}
