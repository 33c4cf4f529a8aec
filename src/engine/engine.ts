/**
 * Engines: TensorFlow.js on its backend `native` (@tensorflow/tfjs-node, where its library could be installed), `webgpu`,
 * `wasm`, or `cpu` (plain JavaScript). The only door to TensorFlow.js for the rest of the program.
 */
import { type Graphs, OPERATION_BY_OPERATION } from './graphs.ts';
import { ENGINE_VARIABLE, ENGINES, EngineError, type EngineName, NO_GPU, parseEngine } from './names.ts';
import { RecordedGraphs } from './recorded.ts';
import type { NewResidentTraining } from './resident.ts';
import { simdAdamw } from './simd/adamw.ts';
import { prepareBackend } from './simd/binary.ts';
import type { StreamedAdamw } from './streamed.ts';
import * as tf from './tfjs.ts';
import type { Gpu } from './webgpu/device.ts';

export { tf };

export { ENGINE_VARIABLE, ENGINES, EngineError, type EngineName } from './names.ts';

/** What differs between engines beside their backend. */
export interface Ways {
  /** Names the kernels that were compiled on this machine, if the engine uses some: digits depend on them. */
  readonly kernels?: string | null;
  /** The GPU that computes, if one does: digits depend on it. */
  readonly gpu?: Gpu;
  /** Where TensorFlow has CUDA: the GPU that it computes on, as the version has it, or null where it found none. */
  readonly cuda?: { readonly gpu: string | null };
  /** Makes a place that keeps functions of tensors as graphs, where the engine has graphs. */
  newGraphs(): Graphs;
  /**
   * Training of parameters that stay in the engine's memory, with their gradients and moments; null where that memory is
   * small: there moments and sums of gradients are arrays outside.
   */
  readonly newResidentTraining: NewResidentTraining | null;
  /** AdamW of parameters in the engine's memory, with moments outside; null where that is a plain loop as well. */
  readonly streamed: StreamedAdamw | null;
  /** How the values of a tensor are read; where it is absent, as TensorFlow.js does. */
  readonly read?: Read;
}

/** Reads the values of a tensor. */
type Read = <Type extends 'float32' | 'int32' = 'float32'>(tensor: tf.Tensor) => Promise<tf.DataTypeMap[Type]>;

/** Computes tensors. One engine runs at a time: TensorFlow.js computes every tensor of a process on one backend. */
export interface Engine extends Ways {
  readonly name: EngineName;
  /** Version of @tensorflow/tfjs, and on `native` of the TensorFlow under it, with its GPU and our kernels. */
  readonly version: string;
  /**
   * The values of a tensor, for reading only: they may be the engine's own memory.
   * @throws EngineError when another engine was started after this one, and (as a DeviceError) when a GPU failed meanwhile
   */
  readonly read: Read;
}

/** How an engine starts: its TensorFlow.js backend, and how the rest of it is loaded. */
interface Start {
  readonly backend: string;
  load(): Promise<Ways>;
}

const STARTS: Record<EngineName, Start> = {
  // Loaded when it starts: it needs Node.
  native: { backend: 'tensorflow', load: async () => (await import('./native/native.ts')).load() },
  // The same: where a GPU is reached by a package, that is optional.
  webgpu: { backend: 'webgpu', load: async () => (await import('./webgpu/webgpu.ts')).load() },
  wasm: {
    backend: 'wasm',
    load: async () => {
      await prepareBackend();
      return { newGraphs: () => new RecordedGraphs(), newResidentTraining: null, streamed: simdAdamw };
    },
  },
  cpu: {
    backend: 'cpu',
    load: async () => ({ newGraphs: () => OPERATION_BY_OPERATION, newResidentTraining: null, streamed: null }),
  },
};

/** Starts an engine. @throws with the reason, where it does not start */
async function start(name: EngineName): Promise<Engine> {
  const { backend, load } = STARTS[name];
  const ways = await load();
  if (!(await tf.setBackend(backend))) throw new Error('TensorFlow.js could not initialise it');
  await tf.ready();
  const { binding } = tf.backend() as { binding?: { TF_Version: string } };
  const readHere: Read = ways.read ?? ((tensor) => tensor.data());
  const read: Read = async (tensor) => {
    if (tf.getBackend() !== backend) throw new EngineError(`the engine ${name} no longer runs: another was started`);
    return readHere(tensor);
  };
  const below = binding === undefined ? (ways.gpu?.name ?? '') : `TensorFlow ${binding.TF_Version}`;
  const cuda = ways.cuda && (ways.cuda.gpu === null ? NO_GPU : `CUDA on ${ways.cuda.gpu}`);
  const further = [cuda, ways.kernels && `kernels ${ways.kernels}`].map((what) => (what ? ` with ${what}` : ''));
  const version = `${tf.version_core}${below && ` on ${below}`}${further.join('')}`;
  return { ...ways, name, version, read };
}

/**
 * Models this wide or wider are given to a GPU: in narrower ones its many dispatches have little work each. A guess, until
 * someone has measured where it begins to gain.
 */
export const WORTH_A_GPU = 512;

/** Whether an engine computes on a GPU, and not on a program that plays one. */
const isOnGpu = ({ gpu, cuda }: Engine): boolean => (gpu === undefined ? cuda?.gpu != null : !gpu.software);

/** An engine to try, and whether it is taken where it starts. */
interface Candidate {
  readonly name: EngineName;
  readonly suits: (engine: Engine) => boolean;
}

const ANY = () => true;

/**
 * Engines to try where none is forced, the best one first: for wide models those on a GPU, TensorFlow's before WebGPU's.
 * @param hidden width of the widest model
 */
const candidatesFor = (hidden: number): readonly Candidate[] => [
  ...(hidden < WORTH_A_GPU ? [] : (['native', 'webgpu'] as const).map((name) => ({ name, suits: isOnGpu }))),
  ...ENGINES.filter((name) => name !== 'webgpu').map((name) => ({ name, suits: ANY })),
];

/**
 * Starts the forced engine, or the best one that starts here.
 * @param forced the name, usually from `NEGATIVE_KNOWLEDGE_ENGINE`
 * @param hidden width of the widest model that it is for
 * @throws EngineError when `forced` is unknown or cannot start.
 */
export async function startEngine(
  forced: string | undefined = process.env[ENGINE_VARIABLE],
  hidden = 0,
): Promise<Engine> {
  tf.enableProdMode(); // Without it TensorFlow.js advertises tfjs-node on the console of every process.
  const candidates = forced ? [{ name: parseEngine(forced), suits: ANY }] : candidatesFor(hidden);
  const reasons = new Set<string>();
  for (const { name, suits } of candidates) {
    try {
      const engine = await start(name);
      if (suits(engine)) return engine;
    } catch (error) {
      reasons.add(`${name} cannot start on this machine: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  const hint =
    candidates[0].name === 'native' ? ' "npx negative-knowledge engine native" builds it; or unset the variable.' : '';
  throw new EngineError(`the engine ${[...reasons].join('; ')}.${hint}`);
}
