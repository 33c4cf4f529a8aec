/**
 * Graphs for the native engine. tfjs-node has no way to build one, but it can load a SavedModel: so that is what a graph
 * is written as.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import type { tf } from '../engine.ts';
import { type Attribute, type Binding, nativeBackend } from './backend.ts';

// biome-ignore lint/suspicious/noExplicitAny: tfjs-node's generated protocol buffers come without types.
type Protobuf = any;

const TAG = 'serve';

/** Version of the graph format that is written: TensorFlow 2.9's, which tfjs-node was made for. */
const GRAPH_VERSION = 1087;

/** Writes the nodes of a graph down. Tensors have names `node:output`; an input `^node` is a node to wait for. */
export class GraphWriter {
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

  operation(op: string, inputs: readonly string[], attributes: readonly Attribute[]): string {
    return this.add(op, inputs, Object.fromEntries(attributes.map((given) => [given.name, this.#attribute(given)])));
  }

  /** Loads the graph. */
  load(): Session {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'negative-knowledge-graph-'));
    try {
      writeFileSync(path.join(folder, 'saved_model.pb'), this.#savedModel());
      return new Session(this.#binding.loadSavedModel(folder, TAG));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  #savedModel(): Uint8Array {
    const { MetaGraphDef, SavedModel } = this.#proto;
    const about = new MetaGraphDef.MetaInfoDef();
    about.addTags(TAG);
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
    const { TF_ATTR_STRING, TF_ATTR_INT, TF_ATTR_FLOAT, TF_ATTR_BOOL, TF_ATTR_TYPE, TF_ATTR_SHAPE } = this.#binding;
    const { AttrValue } = this.#proto;
    const attribute = new AttrValue();
    if (type === TF_ATTR_TYPE) attribute.setType(value);
    else if (type === TF_ATTR_BOOL) attribute.setB(value);
    else if (type === TF_ATTR_FLOAT) attribute.setF(value);
    else if (type === TF_ATTR_SHAPE) attribute.setShape(this.#shape(value as number[]));
    else if (type === TF_ATTR_STRING) attribute.setS(Buffer.from(value as string).toString('base64'));
    else if (type === TF_ATTR_INT && Array.isArray(value)) {
      const list = new AttrValue.ListValue();
      list.setIList(value);
      attribute.setList(list);
    } else if (type === TF_ATTR_INT) attribute.setI(value);
    else throw new Error(`the attribute ${name} is of kind ${type}, which a graph here does not know`);
    return attribute;
  }
}

/** A loaded graph, with the values of its variables. */
export class Session {
  readonly #id: number;

  constructor(id: number) {
    this.#id = id;
  }

  /**
   * Computes the tensors named `fetched`, and what they need.
   * @param fed names of placeholders
   * @param inputs their values, in the same order
   */
  run(fed: readonly string[], inputs: readonly tf.Tensor[], fetched: readonly string[]): tf.Tensor[] {
    const infos = fed.map((name) => ({ name, tfDtype: '' }));
    return nativeBackend().runSavedModel(this.#id, inputs, infos, fetched);
  }

  dispose(): void {
    nativeBackend().binding.deleteSavedModel(this.#id);
  }
}
