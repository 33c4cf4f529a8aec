/** One packed optimiser step's loss and gradients: every sequence of the step shares one forward and one backward pass. */
import { type Engine, tf } from '../engine/engine.ts';
import type { Pass } from '../engine/graphs.ts';
import { inputsAndLabels, labelLogProbabilities, type ModelShape } from '../model/model.ts';
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
 * One pass over some sequences. Its scalars are the weighted sum of the losses, and then each loss that is present. Frozen
 * parameters get no gradient, and none is computed for them.
 * @param names of all parameters, in the order in which a pass is given them
 * @param trainable names of the parameters to differentiate
 */
function passOf(
  model: ModelShape,
  names: readonly string[],
  trainable: readonly string[],
  { examples, batch, weights, beta, reference }: StepInput,
): Pass {
  const layout = layoutOf(examples);
  const present = lossesIn(layout);
  const time = batch.length - 1;
  const body = (ids: tf.Tensor, labels: tf.Tensor, ofReference: tf.Tensor, ...tensors: tf.Tensor[]): tf.Tensor[] => {
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
  return {
    key: `step ${JSON.stringify({ model, layout, weights, beta, trainable })}`,
    body,
    scalars: 1 + present.length,
    inputs: [
      tf.tensor1d(inputs, 'int32'),
      tf.tensor1d(labels, 'int32'),
      tf.tensor1d(comparedIn(layout, examples).map(({ password }) => reference(password))),
    ],
  };
}

/** Rows of a batch, by their places. */
function pickRows({ tokens, length }: TokenBatch, rows: readonly number[]): TokenBatch {
  const picked = new Int32Array(rows.length * length);
  rows.forEach((row, index) => {
    picked.set(tokens.subarray(row * length, (row + 1) * length), index * length);
  });
  return { tokens: picked, rows: rows.length, length };
}

/** Some of a step's sequences, and the share that they are of the sequences of each loss. */
interface Part {
  readonly input: StepInput;
  readonly shares: PerLoss<number>;
  /** Places of its sequences in the step. */
  readonly rows: readonly number[];
}

/**
 * Cuts a step into parts of at most `microBatch` sequences of each kind. The weight of a loss in a part is its weight in
 * the step times the share of its sequences that the part has, so that losses and gradients of the parts add up to those
 * of the step: each loss is a mean over its sequences.
 */
function partsOf(step: StepInput, microBatch: number | null): Part[] {
  const { examples, batch, weights } = step;
  const layout = layoutOf(examples);
  const kinds = LOSSES.flatMap((loss) => Object.values(layout[loss])).filter(({ size }) => size > 0);
  const most = Math.max(...kinds.map(({ size }) => size));
  const size = Math.min(microBatch ?? most, most);
  return Array.from({ length: Math.ceil(most / size) }, (_, part) => {
    const within = (kind: Rows) => Math.max(0, Math.min(kind.size - part * size, size));
    const rows = kinds
      .toSorted((a, b) => a.start - b.start)
      .flatMap((kind) => Array.from({ length: within(kind) }, (__, row) => kind.start + part * size + row));
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

/** Marks a place that no pass filled. */
const NO_TOKEN = -1;

/** A step whose tensors are made: they are read back, and they are what its passes compute. */
export class PreparedStep {
  readonly passes: readonly Pass[];
  readonly #batch: TokenBatch;
  readonly #parts: readonly Part[];

  /**
   * @param model its parameters' values are not read
   * @param trainable names of the parameters to differentiate
   * @param microBatch sequences of each kind in a pass at most, or null for one pass. Passes are equal to the whole but for
   * rounding, in a memory that grows with the pass instead of the step.
   */
  constructor(
    { parameters, model }: Pick<LoadedModel, 'parameters' | 'model'>,
    trainable: readonly string[],
    input: StepInput,
    microBatch: number | null,
  ) {
    this.#batch = input.batch;
    this.#parts = partsOf(input, microBatch);
    const names = [...parameters.keys()];
    this.passes = this.#parts.map((part) => passOf(model, names, trainable, part.input));
  }

  /** The tokens in the tensors of its passes. */
  async given({ read }: Pick<Engine, 'read'>): Promise<Given> {
    const { rows: sequences, length } = this.#batch;
    const time = length - 1;
    const blank = () => new Int32Array(sequences * time).fill(NO_TOKEN);
    const given = { inputs: blank(), labels: blank() };
    for (const [index, { inputs }] of this.passes.entries()) {
      const [ids, labels] = [await read<'int32'>(inputs[0]), await read<'int32'>(inputs[1])];
      this.#parts[index].rows.forEach((row, at) => {
        given.inputs.set(ids.subarray(at * time, (at + 1) * time), row * time);
        given.labels.set(labels.subarray(at * time, (at + 1) * time), row * time);
      });
    }
    return given;
  }

  /** The losses of the step. @param scalars of each pass */
  losses(scalars: readonly (readonly number[])[]): Losses {
    let losses: Losses = { total: 0, ...perLoss(() => null) };
    this.#parts.forEach(({ input, shares }, index) => {
      const [total, ...values] = scalars[index];
      const present = lossesIn(layoutOf(input.examples));
      const before = losses;
      losses = {
        total: before.total + total,
        ...perLoss((loss) => {
          const place = present.indexOf(loss);
          return place < 0 ? before[loss] : (before[loss] ?? 0) + shares[loss] * values[place];
        }),
      };
    });
    return losses;
  }

  dispose(): void {
    tf.dispose(this.passes.map(({ inputs }) => inputs));
  }
}
