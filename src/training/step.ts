/** One packed optimiser step's loss and gradients: every sequence of the step shares one forward and one backward pass. */
import { type Engine, tf } from '../engine/engine.ts';
import { OPERATION_BY_OPERATION } from '../engine/graphs.ts';
import { inputsAndLabels, labelLogProbabilities } from '../model/gpt-neox.ts';
import type { LoadedModel } from '../model/parameters.ts';
import type { Example, Reward } from '../passwords/roles.ts';
import type { TokenBatch } from '../passwords/tokens.ts';
import { LOSSES, type LossName, lossOf, type PerLoss, perLoss } from '../recipe/recipe.ts';
import { FORMULAS, type Sequences } from './objectives.ts';

/** The weighted sum and the losses in it, nats; a loss that was not trained on is null. */
export interface Losses extends PerLoss<number | null> {
  readonly total: number;
}

/** Log-probability of a password under the reference model (prefix `regular`), summed over its letters; nats. */
export type ReferenceLookup = (password: string) => number;

export interface StepInput {
  readonly examples: readonly Example[];
  readonly batch: TokenBatch;
  readonly weights: PerLoss<number>;
  readonly beta: number;
  readonly reference: ReferenceLookup;
}

/** The tokens of a step, read back from its tensors. */
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

const NO_ROWS: Rows = { start: 0, size: 0 };

/** The rows of each loss in a step, by reward. */
type Layout = PerLoss<Readonly<Record<Reward, Rows>>>;

function layoutOf(examples: readonly Example[]): Layout {
  const layout = perLoss(() => ({ chosen: NO_ROWS, rejected: NO_ROWS, imitated: NO_ROWS }));
  examples.forEach((example, row) => {
    const rows = layout[lossOf(example)];
    const { start, size } = rows[example.reward];
    if (size > 0 && start + size !== row) {
      throw new Error('sequences of one kind must stand next to each other in a batch');
    }
    rows[example.reward] = { start: size > 0 ? start : row, size: size + 1 };
  });
  return layout;
}

/** The losses that a batch has sequences for. */
const lossesIn = (layout: Layout) => LOSSES.filter((loss) => Object.values(layout[loss]).some(({ size }) => size > 0));

/**
 * The sequences of one loss, by reward.
 * @param logP `[rows, time]`, nats
 * @param reference `[chosen + rejected]`, nats
 */
const sequencesIn =
  (logP: tf.Tensor, reference: tf.Tensor, rows: Layout[LossName]) =>
  (reward: Reward): Sequences => {
    const { start, size } = rows[reward];
    return {
      logP: tf.slice(logP, [start, 0], [size, -1]),
      reference: () => tf.slice(reference, reward === 'rejected' ? rows.chosen.size : 0, size),
    };
  };

/** Passwords that are compared with the reference model, in the order of its log-probabilities: chosen, then rejected. */
const comparedIn = ({ dpo: { chosen, rejected } }: Layout, examples: readonly Example[]): readonly Example[] =>
  [chosen, rejected].flatMap(({ start, size }) => examples.slice(start, start + size));

/**
 * Loss and gradients of one step. Frozen parameters get no gradient, and none is computed for them.
 * @param trainable names of the parameters to differentiate
 */
export async function lossAndGradients(
  { engine, parameters, model, graphs = OPERATION_BY_OPERATION }: LoadedModel,
  trainable: readonly string[],
  { examples, batch, weights, beta, reference }: StepInput,
): Promise<StepOutcome<tf.Tensor>> {
  const layout = layoutOf(examples);
  const present = lossesIn(layout);
  const names = [...parameters.keys()];
  const time = batch.length - 1;

  /** The total, the losses in it, and the gradients of the trainable parameters. */
  const step = (ids: tf.Tensor, labels: tf.Tensor, ofReference: tf.Tensor, ...tensors: tf.Tensor[]): tf.Tensor[] => {
    const given = new Map(names.map((name, index) => [name, tensors[index]]));
    let losses: tf.Tensor[] = [];
    const lossOfAll = (...trained: tf.Tensor[]): tf.Scalar => {
      const current = new Map(given);
      trainable.forEach((name, index) => {
        current.set(name, trained[index]);
      });
      const logP = labelLogProbabilities(current, model, ids as tf.Tensor1D, labels as tf.Tensor1D, time);
      losses = present.map((loss) => tf.keep(FORMULAS[loss](sequencesIn(logP, ofReference, layout[loss]), beta)));
      return tf.addN(losses.map((loss, index) => tf.mul(loss, weights[present[index]]))) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(lossOfAll)(trainable.map((name) => given.get(name) as tf.Tensor));
    return [value, ...losses, ...grads];
  };

  const { inputs, labels } = inputsAndLabels(batch);
  const fed = [
    tf.tensor1d(inputs, 'int32'),
    tf.tensor1d(labels, 'int32'),
    tf.tensor1d(comparedIn(layout, examples).map(({ password }) => reference(password))),
  ];
  const key = `step ${JSON.stringify({ model, layout, weights, beta, trainable })}`;
  const [total, ...rest] = graphs.run(key, step, [...fed, ...parameters.values()]);
  const scalars = [total, ...rest.splice(0, present.length)];
  const [totalLoss, ...values] = (await Promise.all(scalars.map((scalar) => engine.read(scalar)))).map(
    ([value]) => value,
  );
  const readBack = async (tensor: tf.Tensor) => (await engine.read<'int32'>(tensor)).slice();
  const given = { inputs: await readBack(fed[0]), labels: await readBack(fed[1]) };
  tf.dispose([...fed, ...scalars]);
  return {
    losses: {
      total: totalLoss,
      ...perLoss((loss) => (present.includes(loss) ? values[present.indexOf(loss)] : null)),
    },
    gradients: new Map(trainable.map((name, index) => [name, rest[index]])),
    given,
  };
}

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

/** One pass of a step: some of its sequences, and the share that it has of those of each loss. */
interface Pass {
  readonly input: StepInput;
  readonly shares: PerLoss<number>;
  /** Places of its sequences in the step. */
  readonly rows: readonly number[];
}

/**
 * Cuts a step into passes of at most `microBatch` sequences of each kind. The weight of a loss in a pass is its weight in
 * the step times the share of its sequences that the pass has, so that losses and gradients of the passes add up to those
 * of the step: each loss is a mean over its sequences.
 */
function passesOf(step: StepInput, microBatch: number): Pass[] {
  const { examples, batch, weights } = step;
  const layout = layoutOf(examples);
  const kinds = LOSSES.flatMap((loss) => Object.values(layout[loss])).filter(({ size }) => size > 0);
  const most = Math.max(...kinds.map(({ size }) => size));
  return Array.from({ length: Math.ceil(most / microBatch) }, (_, pass) => {
    const within = ({ size }: Rows) => Math.max(0, Math.min(size - pass * microBatch, microBatch));
    const rows = kinds
      .toSorted((a, b) => a.start - b.start)
      .flatMap((kind) => Array.from({ length: within(kind) }, (__, row) => kind.start + pass * microBatch + row));
    const shares = perLoss((loss) => {
      const { imitated, chosen } = layout[loss]; // as many are chosen as rejected: they are pairs
      const own = imitated.size > 0 ? imitated : chosen;
      return own.size === 0 ? 0 : within(own) / own.size;
    });
    const input = {
      ...step,
      examples: rows.map((row) => examples[row]),
      batch: pickRows(batch, rows),
      weights: perLoss((loss) => weights[loss] * shares[loss]),
    };
    return { input, shares, rows };
  });
}

/** Adds gradients up: where the engine keeps them, or in arrays outside its small memory. */
async function addGradients(
  { resident, read }: Engine,
  sums: Map<string, Gradient>,
  gradients: ReadonlyMap<string, tf.Tensor>,
): Promise<void> {
  for (const [name, gradient] of gradients) {
    const sum = sums.get(name);
    if (resident !== null) {
      sums.set(name, sum === undefined ? gradient : tf.add(sum as tf.Tensor, gradient));
      if (sum !== undefined) tf.dispose([sum as tf.Tensor, gradient]);
      continue;
    }
    const values = await read(gradient);
    if (sum === undefined) sums.set(name, values.slice());
    else {
      const array = sum as Float32Array;
      for (let index = 0; index < array.length; index++) array[index] += values[index];
    }
    gradient.dispose();
  }
}

/** Marks a place that no pass filled. */
const NO_TOKEN = -1;

/**
 * Loss and gradients of one step in passes of at most `microBatch` sequences of each kind, or in one where it is null:
 * equal but for rounding, in a memory that grows with the pass instead of the step.
 */
export async function stepInPasses(
  model: LoadedModel,
  trainable: readonly string[],
  input: StepInput,
  microBatch: number | null,
): Promise<StepOutcome<Gradient>> {
  const passes = microBatch === null ? [] : passesOf(input, microBatch);
  if (passes.length <= 1) return lossAndGradients(model, trainable, input);
  const gradients = new Map<string, Gradient>();
  let losses: Losses = { total: 0, ...perLoss(() => null) };
  const time = input.batch.length - 1;
  const given = {
    inputs: new Int32Array(input.batch.rows * time).fill(NO_TOKEN),
    labels: new Int32Array(input.batch.rows * time).fill(NO_TOKEN),
  };
  for (const { input: part, shares, rows } of passes) {
    const found = await lossAndGradients(model, trainable, part);
    rows.forEach((row, index) => {
      given.inputs.set(found.given.inputs.subarray(index * time, (index + 1) * time), row * time);
      given.labels.set(found.given.labels.subarray(index * time, (index + 1) * time), row * time);
    });
    await addGradients(model.engine, gradients, found.gradients);
    const before = losses;
    losses = {
      total: before.total + found.losses.total,
      ...perLoss((loss) => {
        const value = found.losses[loss];
        return value === null ? before[loss] : (before[loss] ?? 0) + shares[loss] * value;
      }),
    };
  }
  return { losses, gradients, given };
}
