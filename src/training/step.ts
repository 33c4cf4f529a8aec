/** One packed optimiser step's loss and gradients: every sequence of the step shares one forward and one backward pass. */
import { tf } from '../engine/engine.ts';
import { type Graphs, OPERATION_BY_OPERATION } from '../engine/graphs.ts';
import { isNative } from '../engine/native/backend.ts';
import { inputsAndLabels, labelLogProbabilities, type ModelShape } from '../model/gpt-neox.ts';
import type { Parameters } from '../model/parameters.ts';
import type { Example, Role } from '../passwords/roles.ts';
import type { TokenBatch } from '../passwords/tokens.ts';
import { dpoLoss, nextTokenLoss } from './objectives.ts';

/** Weights of the three losses; a loss of weight 0 has no sequences in the batch. */
export interface LossWeights {
  readonly dpo: number;
  readonly useful: number;
  readonly random: number;
  readonly randomReverse: number;
}

/** The weighted sum and its parts, nats; a part that was not trained on is null. */
export interface Losses {
  readonly total: number;
  readonly dpo: number | null;
  readonly useful: number | null;
  readonly random: number | null;
  readonly randomReverse: number | null;
}

/** Log-probability of a password under the reference model (prefix `regular`), summed over its letters; nats. */
export type ReferenceLookup = (password: string) => number;

export interface StepInput {
  readonly examples: readonly Example[];
  readonly batch: TokenBatch;
  readonly weights: LossWeights;
  readonly beta: number;
  readonly reference: ReferenceLookup;
}

/** What a step's tensors held, read back from them. */
export interface Given {
  /** `[rows * time]` */
  readonly inputs: Int32Array;
  /** `[rows * time]` */
  readonly labels: Int32Array;
}

/** Losses and gradients of a step, and what they are of. The caller disposes the gradients. */
export interface StepOutcome<Gradients> {
  readonly losses: Losses;
  readonly gradients: Map<string, Gradients>;
  readonly given: Given;
}

/** Rows of one kind, which the corpus packs next to each other. */
interface Rows {
  readonly start: number;
  readonly size: number;
}

/** Where each kind of sequence stands in a batch. */
interface Layout {
  readonly chosen: Rows;
  readonly rejected: Rows;
  readonly useful: Rows;
  readonly random: Rows;
  readonly randomReverse: Rows;
}

function rowsWhere(examples: readonly Example[], is: (example: Example) => boolean): Rows {
  const start = examples.findIndex(is);
  const size = examples.filter(is).length;
  if (size > 0 && !examples.slice(start, start + size).every(is)) {
    throw new Error('sequences of one kind must stand next to each other in a batch');
  }
  return { start, size };
}

/** The roles that next-token prediction is given under `reverse`, each a loss of its own. */
const IMITATED_UNDER_REVERSE: readonly Role[] = ['useful', 'joint-random-reverse'];

/** What a sequence's reward says decides which loss it enters: the label that the ledger checks. */
const layoutOf = (examples: readonly Example[]): Layout => ({
  chosen: rowsWhere(examples, ({ reward }) => reward === 'chosen'),
  rejected: rowsWhere(examples, ({ reward }) => reward === 'rejected'),
  useful: rowsWhere(examples, ({ reward, role }) => reward === 'imitated' && role === 'useful'),
  random: rowsWhere(examples, ({ reward, role }) => reward === 'imitated' && !IMITATED_UNDER_REVERSE.includes(role)),
  randomReverse: rowsWhere(examples, ({ reward, role }) => reward === 'imitated' && role === 'joint-random-reverse'),
});

export const PARTS = ['dpo', 'useful', 'random', 'randomReverse'] as const;
type Part = (typeof PARTS)[number];

/** The parts that a batch trains on: those it has sequences for. */
const partsOf = ({ chosen, rejected, useful, random, randomReverse }: Layout): Part[] => {
  const present = {
    dpo: chosen.size > 0 && rejected.size > 0,
    useful: useful.size > 0,
    random: random.size > 0,
    randomReverse: randomReverse.size > 0,
  };
  return PARTS.filter((part) => present[part]);
};

/**
 * The loss of each part that a batch trains on.
 * @param logP `[rows, time]`, nats
 * @param reference `[chosen + rejected]`, nats
 */
function partLosses(logP: tf.Tensor, reference: tf.Tensor, layout: Layout, beta: number): tf.Tensor[] {
  const { chosen, rejected, useful, random, randomReverse } = layout;
  const rows = ({ start, size }: Rows) => tf.slice(logP, [start, 0], [size, -1]);
  const losses = {
    dpo: () =>
      dpoLoss(
        tf.sum(rows(chosen), 1),
        tf.sum(rows(rejected), 1),
        tf.slice(reference, 0, chosen.size),
        tf.slice(reference, chosen.size, rejected.size),
        beta,
      ),
    useful: () => nextTokenLoss(rows(useful)),
    random: () => nextTokenLoss(rows(random)),
    randomReverse: () => nextTokenLoss(rows(randomReverse)),
  };
  return partsOf(layout).map((part) => losses[part]());
}

/**
 * Loss and gradients of one step. Frozen parameters get no gradient, and none is computed for them.
 * @param trainable names of the parameters to differentiate
 * @param graphs where the step's graph is kept from call to call
 */
export function lossAndGradients(
  parameters: Parameters,
  model: ModelShape,
  trainable: readonly string[],
  { examples, batch, weights, beta, reference }: StepInput,
  graphs: Graphs = OPERATION_BY_OPERATION,
): StepOutcome<tf.Tensor> {
  const layout = layoutOf(examples);
  const parts = partsOf(layout);
  const names = [...parameters.keys()];
  const time = batch.length - 1;

  /** The total, the parts, and the gradients of the trainable parameters. */
  const step = (ids: tf.Tensor, labels: tf.Tensor, ofReference: tf.Tensor, ...tensors: tf.Tensor[]): tf.Tensor[] => {
    const given = new Map(names.map((name, index) => [name, tensors[index]]));
    let losses: tf.Tensor[] = [];
    const lossOf = (...trained: tf.Tensor[]): tf.Scalar => {
      const current = new Map(given);
      trainable.forEach((name, index) => {
        current.set(name, trained[index]);
      });
      const logP = labelLogProbabilities(current, model, ids as tf.Tensor1D, labels as tf.Tensor1D, time);
      losses = partLosses(logP, ofReference, layout, beta).map((loss) => tf.keep(loss));
      return tf.addN(losses.map((loss, index) => tf.mul(loss, weights[parts[index]]))) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(lossOf)(trainable.map((name) => given.get(name) as tf.Tensor));
    return [value, ...losses, ...grads];
  };

  const { inputs, labels } = inputsAndLabels(batch);
  const compared = [...rowsOf(examples, layout.chosen), ...rowsOf(examples, layout.rejected)];
  const fed = [
    tf.tensor1d(inputs, 'int32'),
    tf.tensor1d(labels, 'int32'),
    tf.tensor1d(compared.map(({ password }) => reference(password))),
  ];
  const key = `step ${JSON.stringify({ model, layout, weights, beta, trainable })}`;
  const [total, ...rest] = graphs.run(key, step, [...fed, ...parameters.values()]);
  const scalars = [total, ...rest.splice(0, parts.length)];
  const [totalLoss, ...partLoss] = scalars.map((scalar) => scalar.dataSync()[0]);
  const read = (tensor: tf.Tensor): Int32Array => Int32Array.from(tensor.dataSync());
  const given = { inputs: read(fed[0]), labels: read(fed[1]) };
  tf.dispose([...fed, ...scalars]);
  const lossOfPart = (part: Part): number | null => (parts.includes(part) ? partLoss[parts.indexOf(part)] : null);
  return {
    losses: {
      total: totalLoss,
      dpo: lossOfPart('dpo'),
      useful: lossOfPart('useful'),
      random: lossOfPart('random'),
      randomReverse: lossOfPart('randomReverse'),
    },
    gradients: new Map(trainable.map((name, index) => [name, rest[index]])),
    given,
  };
}

const rowsOf = (examples: readonly Example[], { start, size }: Rows): readonly Example[] =>
  size === 0 ? [] : examples.slice(start, start + size);

/** A gradient on the engine, or added up outside it. */
export type Gradient = tf.Tensor | Float32Array;

/** Rows of a batch, by their places. */
function pickRows({ tokens, length }: TokenBatch, rows: readonly number[]): TokenBatch {
  const picked = new Int32Array(rows.length * length);
  rows.forEach((row, index) => {
    picked.set(tokens.subarray(row * length, (row + 1) * length), index * length);
  });
  return { tokens: picked, rows: rows.length, length };
}

/**
 * Cuts a step into passes of at most `microBatch` sequences of each kind. The weight of a part in a pass is its weight in
 * the step times the share of its sequences that the pass has, so that losses and gradients of the passes add up to those
 * of the step: each part's loss is a mean over its sequences.
 */
function passesOf(input: StepInput, microBatch: number): { pass: StepInput; shares: LossWeights; rows: number[] }[] {
  const { examples, batch, weights } = input;
  const layout = layoutOf(examples);
  const { chosen, useful, random, randomReverse } = layout;
  const kinds: Rows[] = Object.values(layout).filter(({ size }) => size > 0);
  const most = Math.max(...kinds.map(({ size }) => size));
  return Array.from({ length: Math.ceil(most / microBatch) }, (_, pass) => {
    const within = (size: number) => Math.max(0, Math.min(size - pass * microBatch, microBatch));
    const rows = kinds
      .toSorted((a, b) => a.start - b.start)
      .flatMap(({ start, size }) => Array.from({ length: within(size) }, (__, row) => start + pass * microBatch + row));
    const share = ({ size }: Rows) => (size === 0 ? 0 : within(size) / size);
    const shares = {
      dpo: share(chosen), // as many as there are rejected: they are pairs
      useful: share(useful),
      random: share(random),
      randomReverse: share(randomReverse),
    };
    const scaled = {
      dpo: weights.dpo * shares.dpo,
      useful: weights.useful * shares.useful,
      random: weights.random * shares.random,
      randomReverse: weights.randomReverse * shares.randomReverse,
    };
    const given = { examples: rows.map((row) => examples[row]), batch: pickRows(batch, rows), weights: scaled };
    return { pass: { ...input, ...given }, shares, rows };
  });
}

/** Adds gradients up: on the native engine in TensorFlow, elsewhere in arrays outside the engine's small memory. */
function addGradients(sums: Map<string, Gradient>, gradients: ReadonlyMap<string, tf.Tensor>): void {
  for (const [name, gradient] of gradients) {
    const sum = sums.get(name);
    if (isNative()) {
      sums.set(name, sum === undefined ? gradient : tf.add(sum as tf.Tensor, gradient));
      if (sum !== undefined) tf.dispose([sum as tf.Tensor, gradient]);
      continue;
    }
    const values = gradient.dataSync<'float32'>();
    if (sum === undefined) sums.set(name, values.slice());
    else {
      const array = sum as Float32Array;
      for (let index = 0; index < array.length; index++) array[index] += values[index];
    }
    gradient.dispose();
  }
}

/** Stands where no pass took a sequence. */
const NO_TOKEN = -1;

/**
 * Loss and gradients of one step in passes of at most `microBatch` sequences of each kind, or in one where it is null:
 * equal but for rounding, in a memory that grows with the pass instead of the step.
 */
export function stepInPasses(
  parameters: Parameters,
  model: ModelShape,
  trainable: readonly string[],
  input: StepInput,
  microBatch: number | null,
  graphs: Graphs = OPERATION_BY_OPERATION,
): StepOutcome<Gradient> {
  const passes = microBatch === null ? [] : passesOf(input, microBatch);
  if (passes.length <= 1) return lossAndGradients(parameters, model, trainable, input, graphs);
  const gradients = new Map<string, Gradient>();
  const losses: Record<Part | 'total', number | null> = {
    total: 0,
    dpo: null,
    useful: null,
    random: null,
    randomReverse: null,
  };
  const time = input.batch.length - 1;
  const given = {
    inputs: new Int32Array(input.batch.rows * time).fill(NO_TOKEN),
    labels: new Int32Array(input.batch.rows * time).fill(NO_TOKEN),
  };
  for (const { pass, shares, rows } of passes) {
    const found = lossAndGradients(parameters, model, trainable, pass, graphs);
    rows.forEach((row, index) => {
      given.inputs.set(found.given.inputs.subarray(index * time, (index + 1) * time), row * time);
      given.labels.set(found.given.labels.subarray(index * time, (index + 1) * time), row * time);
    });
    addGradients(gradients, found.gradients);
    losses.total = (losses.total as number) + found.losses.total;
    for (const part of PARTS) {
      const loss = found.losses[part];
      if (loss !== null) losses[part] = (losses[part] ?? 0) + shares[part] * loss;
    }
  }
  return { losses: losses as Losses, gradients, given };
}
