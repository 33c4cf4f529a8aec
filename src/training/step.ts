/** One packed optimiser step's loss and gradients: every sequence of the step shares one forward and one backward pass. */
import { type Engine, tf } from '../engine/engine.ts';
import type { Pass } from '../engine/graphs.ts';
import { tokenLogProbability } from '../engine/operations/token-log-probability.ts';
import { forward, inputsAndLabels, labelLogProbabilities, type ModelShape } from '../model/model.ts';
import type { LoadedModel } from '../model/parameters.ts';
import type { Example, Reward } from '../passwords/roles.ts';
import type { TokenBatch } from '../passwords/tokens.ts';
import { LOSSES, type LossName, lossOf, OBJECTIVE_TRAITS, type PerLoss, perLoss } from '../recipe/recipe.ts';
import type { Setup } from '../setup/schema.ts';
import { inputLength, vocabulary } from '../setup/sizes.ts';
import { formulaOf, type Sequences } from './objectives.ts';

/** The weighted sum and the losses in it, nats; a loss that was not trained on is null. */
export interface Losses extends PerLoss<number | null> {
  readonly total: number;
}

/**
 * What the objective compares a password with, of the reference model (prefix `regular`): its log-probability, summed over its letters, or
 * those of all tokens at every letter, letter by letter; nats.
 */
export type ReferenceLookup = (password: string) => ArrayLike<number>;

/** A reference model that knows nothing, for measuring what a step costs. */
export function blindReference(setup: Setup): ReferenceLookup {
  const [letters, tokens] = [inputLength(setup), vocabulary(setup)];
  const blind =
    OBJECTIVE_TRAITS[setup.objective].reference === 'distributions'
      ? new Float32Array(letters * tokens).fill(-Math.log(tokens))
      : [-letters * Math.log(tokens)];
  return () => blind;
}

export interface StepInput extends Pick<Setup, 'objective' | 'beta' | 'margin'> {
  readonly examples: readonly Example[];
  readonly batch: TokenBatch;
  readonly weights: PerLoss<number>;
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

/** What the model says of a pass's sequences, and what it is compared with. */
interface Outputs {
  /** `[rows, time]`, nats */
  readonly logP: tf.Tensor;
  /** `[rows * time, vocabulary]`; only where the objective reads distributions. */
  readonly logits: tf.Tensor | null;
  /** `[rows * time]`, int32 */
  readonly labels: tf.Tensor;
  /** Of chosen, then of rejected sequences, as the objective reads it; nats. */
  readonly reference: tf.Tensor;
}

/** The sequences of one loss, by reward. */
const sequencesIn =
  ({ logP, logits, labels, reference }: Outputs, rows: Layout[LossName]) =>
  (reward: Reward): Sequences => {
    const { start, size } = rows[reward];
    const compared = reward === 'rejected' ? rows.chosen.size : 0;
    const time = logP.shape[1] as number;
    return {
      logP: tf.slice(logP, [start, 0], [size, -1]),
      reference: () => tf.slice(reference, compared, size),
      distributions() {
        if (logits === null) throw new Error('the traits of the objective do not say that it reads distributions');
        const vocabulary = logits.shape[1] as number;
        const own = tf.slice(logits, [start * time, 0], [size * time, -1]);
        const each = time * vocabulary;
        return {
          policy: tf.sub(own, tf.logSumExp(own, 1, true)),
          reference: tf.reshape(tf.slice(reference, compared * each, size * each), [-1, vocabulary]),
          // Asked for as float32, the ones of WASM are integers all the same (4.22).
          next: tf.cast(tf.oneHot(tf.slice(labels, start * time, size * time), vocabulary), 'float32'),
        };
      },
    };
  };

/** One array after the other. */
function joined(parts: readonly ArrayLike<number>[]): Float32Array {
  const all = new Float32Array(parts.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Passwords that are compared with the reference model: chosen, then rejected. */
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
  { examples, batch, weights, objective, beta, margin, reference }: StepInput,
): Pass {
  const layout = layoutOf(examples);
  const { reference: read } = OBJECTIVE_TRAITS[objective];
  const present = lossesIn(layout);
  const time = batch.length - 1;
  const body = (ids: tf.Tensor, labels: tf.Tensor, ofReference: tf.Tensor, ...tensors: tf.Tensor[]): tf.Tensor[] => {
    const given = new Map(names.map((name, index) => [name, tensors[index]]));
    const [tokens, next] = [ids as tf.Tensor1D, labels as tf.Tensor1D];
    const outputsOf = (current: Map<string, tf.Tensor>) => {
      if (read !== 'distributions')
        return { logP: labelLogProbabilities(current, model, tokens, next, time), logits: null };
      const logits = forward(current, model, tokens, time);
      return { logP: tf.reshape(tokenLogProbability(logits, next), [-1, time]), logits };
    };
    let losses: tf.Tensor[] = [];
    const lossOfAll = (...trained: tf.Tensor[]): tf.Scalar => {
      const current = new Map(given);
      trainable.forEach((name, index) => {
        current.set(name, trained[index]);
      });
      const outputs = { ...outputsOf(current), labels, reference: ofReference };
      losses = present.map((loss) =>
        tf.keep(formulaOf(loss, objective)(sequencesIn(outputs, layout[loss]), { beta, margin })),
      );
      return tf.addN(losses.map((loss, index) => tf.mul(loss, weights[present[index]]))) as tf.Scalar;
    };
    const { value, grads } = tf.valueAndGrads(lossOfAll)(trainable.map((name) => given.get(name) as tf.Tensor));
    return [value, ...losses, ...grads];
  };
  const { inputs, labels } = inputsAndLabels(batch);
  return {
    key: `step ${JSON.stringify({ model, layout, weights, objective, beta, margin, trainable })}`,
    body,
    scalars: 1 + present.length,
    inputs: [
      tf.tensor1d(inputs, 'int32'),
      tf.tensor1d(labels, 'int32'),
      tf.tensor1d(
        read === 'none' ? [] : joined(comparedIn(layout, examples).map(({ password }) => reference(password))),
      ),
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
 * of the step: each loss is a mean over its sequences. A step whose sequences depend on each other stays whole.
 */
function partsOf(step: StepInput, microBatch: number | null): Part[] {
  const { examples, batch, weights, objective } = step;
  const layout = layoutOf(examples);
  const kinds = LOSSES.flatMap((loss) => Object.values(layout[loss])).filter(({ size }) => size > 0);
  const most = Math.max(...kinds.map(({ size }) => size));
  const size = OBJECTIVE_TRAITS[objective].wholeStep ? most : Math.min(microBatch ?? most, most);
  return Array.from({ length: Math.ceil(most / size) }, (_, part) => {
    const within = (kind: Rows) => Math.max(0, Math.min(kind.size - part * size, size));
    const rows = kinds
      .toSorted((a, b) => a.start - b.start)
      .flatMap((kind) => Array.from({ length: within(kind) }, (__, row) => kind.start + part * size + row));
    const shares = perLoss((loss) => {
      const { imitated, rejected } = layout[loss]; // where some are chosen, they are as many as the rejected ones
      const own = imitated.size > 0 ? imitated : rejected;
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
