/**
 * Turns a function of tensors into a TensorFlow graph, by running it once and writing down every operation that it
 * executes. tfjs-node has no other way to build one, but it can load a SavedModel: so that is what a trace becomes.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { tf } from '../engine.ts';
import { type Attribute, type Binding, type NativeBackend, nativeBackend } from './backend.ts';

/** A loaded graph. */
export interface LoadedGraph {
  run(inputs: readonly tf.Tensor[]): tf.Tensor[];
  dispose(): void;
}

// biome-ignore lint/suspicious/noExplicitAny: tfjs-node's generated protocol buffers come without types.
type Protobuf = any;

/** Version of the graph format that is written: TensorFlow 2.9's, which tfjs-node was made for. */
const GRAPH_VERSION = 1087;

/** Writes the nodes of a graph down. Tensors have names `node:output`. */
class GraphWriter {
  readonly #proto: Protobuf = createRequire(import.meta.url)('@tensorflow/tfjs-node/dist/proto/api_pb.js');
  readonly #graph = new this.#proto.GraphDef();
  readonly #binding: Binding;
  #nodes = 0;

  constructor(binding: Binding) {
    this.#binding = binding;
    const version = new this.#proto.VersionDef();
    version.setProducer(GRAPH_VERSION);
    this.#graph.setVersions(version);
  }

  /** Adds a node. @returns its name */
  add(op: string, inputs: readonly string[], attributes: Record<string, Protobuf>): string {
    const node = new this.#proto.NodeDef();
    const name = `n${this.#nodes++}`;
    node.setName(name);
    node.setOp(op);
    node.setInputList(inputs);
    for (const [key, value] of Object.entries(attributes)) node.getAttrMap().set(key, value);
    this.#graph.addNode(node);
    return name;
  }

  placeholder(dtype: number, shape: readonly number[]): string {
    const ofShape = new this.#proto.AttrValue();
    ofShape.setShape(this.#shape(shape));
    return this.add('Placeholder', [], { dtype: this.#type(dtype), shape: ofShape });
  }

  constant(dtype: number, shape: readonly number[], { buffer, byteOffset, byteLength }: ArrayBufferView): string {
    const tensor = new this.#proto.Tensor();
    tensor.setDtype(dtype);
    tensor.setTensorShape(this.#shape(shape));
    tensor.setTensorContent(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength).toString('base64'));
    const value = new this.#proto.AttrValue();
    value.setTensor(tensor);
    return this.add('Const', [], { dtype: this.#type(dtype), value });
  }

  identity(dtype: number, input: string): string {
    return this.add('Identity', [input], { T: this.#type(dtype) });
  }

  operation(op: string, inputs: readonly string[], attributes: readonly Attribute[]): string {
    return this.add(op, inputs, Object.fromEntries(attributes.map((given) => [given.name, this.#attribute(given)])));
  }

  /** The graph as the bytes of a SavedModel with the tag `serve`. */
  savedModel(): Uint8Array {
    const { MetaGraphDef, SavedModel } = this.#proto;
    const about = new MetaGraphDef.MetaInfoDef();
    about.addTags('serve');
    const metaGraph = new MetaGraphDef();
    metaGraph.setMetaInfoDef(about);
    metaGraph.setGraphDef(this.#graph);
    const model = new SavedModel();
    model.setSavedModelSchemaVersion(1);
    model.addMetaGraphs(metaGraph);
    return model.serializeBinary();
  }

  #shape(sizes: readonly number[]): Protobuf {
    const shape = new this.#proto.TensorShape();
    for (const size of sizes) {
      const dimension = new this.#proto.TensorShape.Dim();
      dimension.setSize(size);
      shape.addDim(dimension);
    }
    return shape;
  }

  #type(dtype: number): Protobuf {
    const value = new this.#proto.AttrValue();
    value.setType(dtype);
    return value;
  }

  #attribute({ name, type, value }: Attribute): Protobuf {
    const { TF_ATTR_STRING, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_TYPE } = this.#binding;
    const { AttrValue } = this.#proto;
    const attribute = new AttrValue();
    if (type === TF_ATTR_TYPE) attribute.setType(value);
    else if (type === TF_ATTR_BOOL) attribute.setB(value);
    else if (type === TF_ATTR_FLOAT) attribute.setF(value);
    else if (type === TF_ATTR_STRING) attribute.setS(Buffer.from(value as string).toString('base64'));
    else if (type === TF_ATTR_INT && Array.isArray(value)) {
      const list = new AttrValue.ListValue();
      list.setIList(value);
      attribute.setList(list);
    } else if (type === TF_ATTR_INT) attribute.setI(value);
    else throw new Error(`the attribute ${name} is of kind ${type}, which a trace does not know`);
    return attribute;
  }
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

function load(bytes: Uint8Array, binding: Binding): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-graph-'));
  try {
    writeFileSync(path.join(folder, 'saved_model.pb'), bytes);
    return binding.loadSavedModel(folder, 'serve');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * Traces `body` on the native engine. What it computes must depend on its inputs alone: any other number that it uses
 * is in the graph for good.
 * @param example inputs of the shapes that the graph will be run on
 */
export function trace(body: (...inputs: tf.Tensor[]) => tf.Tensor[], example: readonly tf.Tensor[]): LoadedGraph {
  const backend: NativeBackend = nativeBackend();
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

  const id = load(graph.savedModel(), binding);
  const infos = inputNames.map((name) => ({ name, tfDtype: '' }));
  return {
    run: (inputs) => backend.runSavedModel(id, inputs, infos, outputNames),
    dispose: () => binding.deleteSavedModel(id),
  };
}
