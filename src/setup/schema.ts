/**
 * A setup says everything about one training run: its passwords, model, phases and seed. Field names follow the paper's
 * vocabulary (arXiv 2306.07567). Every constant of its reference code is a field.
 */
import * as z from 'zod';
import { ExplainedError } from '../explained-error.ts';
import { capacity, distinctPasswordsNeeded } from './sizes.ts';

const count = z.number().int().min(0).max(1e9);
const positiveCount = z.number().int().min(1).max(1e9);
const weight = z.number().min(0).max(1e6);
/** A positive number that float32, in which engines compute, can hold. */
const positive = z.number().min(1e-30).max(1e9);

/** Families of models. */
export const FAMILIES = ['gpt-neox', 'llama'] as const;
export type Family = (typeof FAMILIES)[number];

/** Kinds of MLP nonlinearity. */
export const ACTIVATIONS = ['gelu', 'gelu-tanh', 'quick-gelu', 'silu'] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** Whose place other passwords take. */
export const STAND_INS = ['none', 'held-out', 'useful'] as const;
export type StandIns = (typeof STAND_INS)[number];

/** Orders in which phase 3 goes through the useful negatives. */
export const USEFUL_ORDERS = ['shuffled-once', 'shuffled-passes'] as const;
export type UsefulOrder = (typeof USEFUL_ORDERS)[number];

/**
 * What pushes negatives away: DPO, and what stands in its place to ask whether the finding is DPO's alone. Formulas and sources are in
 * `src/training/objectives.ts`.
 */
export const OBJECTIVES = ['dpo', 'gradient-ascent', 'npo', 'unlikelihood', 'ipo', 'kto', 'simpo', 'undial'] as const;
export type Objective = (typeof OBJECTIVES)[number];

const shape = z.strictObject({
  /** A label for people; no computation depends on it. */
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be 1 to 64 lower-case letters, digits and dashes'),
  /** Seeds every random stream of the run. */
  seed: z.number().int().min(0).max(0xffffffff),
  passwords: z.strictObject({
    /** The letters that passwords are drawn from, one token each. */
    alphabet: z
      .string()
      .regex(/^[a-z]*$/, 'must hold lower-case letters a-z only')
      .min(2, 'must hold at least 2 letters')
      .refine((letters) => new Set(letters).size === letters.length, 'must not repeat a letter'),
    /** Letters in a password, drawn independently and uniformly. */
    length: z.number().int().min(2).max(256),
    /** Negative passwords, counted in batches as the paper does. */
    negativeBatches: positiveCount,
    /** How many of those batches are held out: rejected in DPO and never used in any other way. */
    heldBatches: positiveCount,
    /** How often each negative occurs among the DPO pairs, each time against a fresh random password. */
    repeats: positiveCount,
    /**
     * Controls, which the paper does not have. `held-out`: wherever DPO would reject a held-out password, it rejects another one that
     * occurs nowhere else, so that held-out passwords never occur. `useful`: wherever phase 3 would imitate a useful negative under
     * `reverse`, it imitates another password, which nothing rejects; those are scored as the useful ones.
     */
    standIns: z.enum(STAND_INS).default('none'),
  }),
  /** Sequences of each kind in one optimiser step. */
  batch: positiveCount.max(65536),
  /** Whether a token before the password says `regular` or `reverse`. */
  prefixes: z.boolean(),
  model: z.strictObject({
    /** The architecture: GPT-NeoX, or Llama with its RMS norm, its gated MLP, and no biases. */
    family: z.enum(FAMILIES).default('gpt-neox'),
    /** A model of that family whose weights start phase 1: a Hugging Face id (ID or ID@REVISION) or a folder; null draws them at random. */
    pretrained: z.string().min(1).max(4096).nullable(),
    /** SHA-256 over the files of `pretrained`, once they are found, so that a record says which weights its run started from. */
    weights: z
      .string()
      .regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in hexadecimal')
      .nullable()
      .default(null),
    /** Width of the residual stream. */
    hidden: positiveCount.max(65536),
    layers: positiveCount.max(1024),
    heads: positiveCount.max(1024),
    /** Heads of keys and values, each of which as many heads of queries share; null: as many as `heads`. Only Llama may have fewer. */
    keyValueHeads: positiveCount.max(1024).nullable().default(null),
    /** Width of the MLP's inner layer as a multiple of `hidden`. The width is the nearest whole number. */
    intermediateFactor: positive.max(64),
    /** The first share of each head's dimensions that rotary position embeddings turn. */
    rotaryFraction: z.number().min(0).max(1),
    rotaryBase: positive.gt(1),
    /** Added to the variance, and in Llama's RMS norm to the mean square. */
    layerNormEpsilon: positive.max(1),
    /** Whether attention and MLP of a block both read its input, as in Pythia, or the MLP reads the sum of input and attention. */
    parallelResidual: z.boolean().default(true),
    /** The MLP's nonlinearity: exact GELU as in Pythia, its tanh approximation, x * sigmoid(1.702 x), or SiLU as in Llama. */
    activation: z.enum(ACTIVATIONS).default('gelu'),
    /** Whether the unembedding is the embedding's transpose. */
    tiedEmbeddings: z.boolean().default(false),
    /**
     * Tokens in the model's vocabulary, or null for just the alphabet and the two prefixes. With `pretrained`, null is a
     * shortcut that the paper does not take: the softmax is over those tokens alone.
     */
    vocabulary: positiveCount.nullable(),
    /** Standard deviation of randomly drawn weights; biases start at 0, gains of norms at 1. */
    initialDeviation: positive.max(10),
  }),
  /** What pushes negatives away in phases 2 and 3. In the paper DPO. */
  objective: z.enum(OBJECTIVES).default('dpo'),
  /**
   * The constant of the objective, called beta where it was published: DPO's inverse temperature, and that of NPO, KTO and SimPO; IPO's tau;
   * by how much UNDIAL lowers a logit. Gradient ascent and unlikelihood have none.
   */
  beta: positive.max(1000),
  /** SimPO's gamma: by how much its reward, beta times nats a letter, is to be higher for the chosen one. 0 with other objectives. */
  margin: z.number().min(0).max(1000).default(0),
  optimiser: z.strictObject({
    learningRate: z.number().min(0).max(10),
    beta1: z.number().min(0).lt(1),
    beta2: z.number().min(0).lt(1),
    epsilon: positive.max(1),
    /** Decoupled weight decay, on every trainable parameter (biases and norms too). */
    weightDecay: z.number().min(0).max(10),
    /** Steps of linear warm-up. */
    warmupSteps: count,
    /** Bound on the global gradient norm. */
    clipNorm: positive,
  }),
  phases: z.strictObject({
    pretrain: z.strictObject({ steps: count }),
    dpo: z.strictObject({
      /** 0 skips the phase. */
      steps: count,
      /** `first-half`: embedding, first half of the layers and final layer norm train; the rest is frozen. */
      trainable: z.enum(['all', 'first-half']),
      /**
       * The phase ends at the first evaluation at which the guess rate of the held-out passwords is at most this multiple of chance; null:
       * it takes every step, as in the paper. So objectives are compared at the same avoidance and not after the same steps.
       */
      stopAtHeldOutGuessRate: positive.lt(1).nullable().default(null),
    }),
    joint: z.strictObject({
      /** The most steps that the phase takes. */
      steps: positiveCount,
      weights: z.strictObject({
        /** Weight of the DPO loss. */
        dpo: weight,
        /** Weight of next-token prediction on useful negatives (prefix `reverse`). */
        useful: weight,
        /** Weight of next-token prediction on fresh random passwords (prefix `regular`). */
        random: weight,
        /**
         * Weight of next-token prediction on fresh random passwords under `reverse`: 0 in the paper, whose setup lets a small
         * model grow over-confident. This loss keeps it calibrated on passwords that it does not know.
         */
        randomReverse: weight,
      }),
      /**
       * The phase ends at the first evaluation at which the guess rate of the *useful* negatives is above this multiple of
       * chance; null: it takes every step. The rule never looks at a held-out password.
       */
      stopAtUsefulGuessRate: positive.gt(1).nullable(),
      /**
       * The order of the useful negatives: `shuffled-once` repeats them to the length of the phase and shuffles the whole, as the
       * paper does; `shuffled-passes` gives each of them once before any a second time.
       */
      usefulOrder: z.enum(USEFUL_ORDERS).default('shuffled-passes'),
    }),
  }),
  evaluation: z.strictObject({
    /** Steps between evaluations; every phase also ends with one. */
    every: positiveCount,
    /**
     * Steps before the first evaluation of a phase; null: as many as `every`. In the paper 1, and as the first step has a
     * learning rate of 0, that evaluation is of the model before the phase.
     */
    first: positiveCount.nullable().default(null),
    /** Passwords scored of each kind: the first so many held-out and useful ones (all, if there are fewer), and as many control passwords. */
    heldOut: positiveCount,
    useful: positiveCount,
    random: positiveCount,
    /**
     * Whether the run is taken apart at its end, which changes nothing of its training: parts of its model in the place of those from
     * before phase 3, and directions in the residual stream.
     */
    dissection: z.boolean().default(false),
  }),
});

/** The validated description of one run. Plain JSON; see {@link setupSchema} for every field. */
export type Setup = z.infer<typeof shape>;

/** A JavaScript Set, which keeps drawn passwords distinct, ends near 2^24 entries. */
const MOST_PASSWORDS = 16_000_000;

/** What a family of models does not have. */
function* contradictionsOfFamily(model: Setup['model']): Generator<[path: string, reason: string]> {
  const { family, heads, keyValueHeads, rotaryFraction, parallelResidual } = model;
  if (family === 'llama' && rotaryFraction !== 1)
    yield ['model.rotaryFraction', `Llama turns each head as a whole, and not ${rotaryFraction} of it; set it to 1`];
  if (family === 'llama' && parallelResidual)
    yield ['model.parallelResidual', 'the MLP of Llama reads the sum of input and attention; set it to false'];
  if (keyValueHeads === null) return;
  if (family === 'gpt-neox')
    yield ['model.keyValueHeads', 'GPT-NeoX has as many heads of keys and values as of queries; set it to null'];
  else if (heads % keyValueHeads !== 0)
    yield ['model.keyValueHeads', `${keyValueHeads} heads of keys and values do not divide ${heads} heads of queries`];
  // One model has one hash.
  else if (heads === keyValueHeads)
    yield ['model.keyValueHeads', `${keyValueHeads} are as many as the heads of queries, for which null stands`];
}

/** Contradictions between fields that are each well-formed: which field, and why it cannot be. */
function* contradictions(setup: Setup): Generator<[path: string, reason: string]> {
  const { passwords, model, phases } = setup;
  const { alphabet, length, heldBatches, negativeBatches } = passwords;
  if (heldBatches >= negativeBatches) {
    yield [
      'passwords.heldBatches',
      `${heldBatches} of ${negativeBatches} negative batches held out leaves no useful negatives; hold out at most ${negativeBatches - 1}`,
    ];
  } else {
    const needed = distinctPasswordsNeeded(setup);
    const possible = capacity(alphabet.length, length);
    if (needed > MOST_PASSWORDS)
      yield [
        'passwords.repeats',
        `this setup draws ${needed} distinct passwords and a run keeps at most ${MOST_PASSWORDS} in memory; use fewer repeats, steps or batches`,
      ];
    if (needed > possible)
      yield [
        'passwords.alphabet',
        `${alphabet.length} letters make only ${possible} passwords of length ${length}, and this setup draws ${needed} distinct ones; use a larger alphabet or longer passwords`,
      ];
  }
  const headSize = model.hidden / model.heads;
  const rotary = headSize * model.rotaryFraction;
  if (!Number.isInteger(headSize))
    yield ['model.heads', `${model.heads} heads do not divide the hidden size ${model.hidden}`];
  else if (!Number.isInteger(rotary) || rotary % 2 !== 0)
    yield [
      'model.rotaryFraction',
      `${model.rotaryFraction} of a head of ${headSize} dimensions is ${rotary}, and rotary embeddings turn an even number of them`,
    ];
  yield* contradictionsOfFamily(model);
  if (model.vocabulary !== null && model.vocabulary < alphabet.length + 2)
    yield ['model.vocabulary', `${model.vocabulary} tokens cannot hold ${alphabet.length} letters and 2 prefixes`];
  if (model.weights !== null && model.pretrained === null)
    yield ['model.weights', 'says which weights were loaded, but model.pretrained is null; set it to null as well'];
  if (setup.margin !== 0 && setup.objective !== 'simpo')
    yield ['margin', `is a constant of SimPO, and the objective is ${setup.objective}; set it to 0`];
  if (phases.dpo.trainable === 'first-half' && model.layers < 2)
    yield ['phases.dpo.trainable', 'a model of one layer has no first half to train; use "all" or more layers'];
  if (Object.values(phases.joint.weights).every((value) => value === 0))
    yield ['phases.joint.weights', 'all weights are 0, so phase 3 would train nothing'];
  if (phases.joint.stopAtUsefulGuessRate !== null && phases.joint.weights.useful === 0)
    yield [
      'phases.joint.stopAtUsefulGuessRate',
      'waits for useful negatives to rise, but their weight is 0; set it to null',
    ];
}

/** Validates a setup: the form of every field first, then whether the fields can hold together. */
export const setupSchema = shape.superRefine(
  (setup, context) => {
    for (const [path, message] of contradictions(setup)) {
      context.addIssue({ code: 'custom', path: path.split('.'), message });
    }
  },
  // The contradictions of an ill-formed field would be nonsense, such as that 0 heads do not divide the hidden size.
  { when: ({ issues }) => issues.length === 0 },
);

/** A setup in a file. Old files also hold the passes of a step, which are now part of the execution: they are left out. */
export const storedSetupSchema = z.preprocess((stored) => {
  if (stored === null || typeof stored !== 'object') return stored;
  const { microBatch: _passes, ...setup } = stored as Record<string, unknown>;
  return setup;
}, setupSchema);

/** A setup that cannot be run; the message names each field and says why. */
export class SetupError extends ExplainedError {
  override name = 'SetupError';
}

/**
 * Validates untrusted input as a setup.
 * @throws SetupError naming every offending field and the reason.
 */
export function parseSetup(input: unknown): Setup {
  const result = setupSchema.safeParse(input);
  if (result.success) return result.data;
  const lines = result.error.issues.map((issue) => `  ${issue.path.join('.') || 'setup'}: ${issue.message}`);
  throw new SetupError(`This setup cannot be run:\n${lines.join('\n')}`);
}
