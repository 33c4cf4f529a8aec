/** Arms: the variants of a setup that claims compare. Each changes what its id names, and nothing else. */
import { setupHash } from '../setup/hash.ts';
import { OBJECTIVES, type Objective, parseSetup, type Setup, SetupError } from '../setup/schema.ts';
import { inputLength } from '../setup/sizes.ts';

export interface Arm {
  readonly id: string;
  /** What is different, in the words of a report. */
  readonly label: string;
  apply(setup: Setup): Setup;
}

/**
 * An arm: a copy of the setup, changed.
 * @param id names it in runs and records: letters, digits and hyphens
 * @param label what is different, in the words of a report
 */
export const defineArm = (id: string, label: string, change: (setup: Setup) => void): Arm => ({
  id,
  label,
  apply(setup) {
    const changed = structuredClone(setup);
    change(changed);
    return changed;
  },
});

export const MAIN = defineArm('main', 'the setup as it is', () => {});

/** Skips phase 2 and gives DPO weight 0 in phase 3: nothing to flip. */
export const NO_DPO = defineArm('no-dpo', 'no DPO', ({ phases }) => {
  phases.dpo.steps = 0;
  phases.joint.weights.dpo = 0;
});

/** DPO rejects other passwords in the place of the held-out ones, which are scored and never occur. */
export const UNSEEN = defineArm('unseen', 'others rejected in their place', ({ passwords }) => {
  passwords.standIns = 'held-out';
});

/** Phase 3 teaches passwords that nothing rejects: it flips nothing that held-out passwords share. */
export const NOTHING_SHARED = defineArm(
  'nothing-shared',
  'phase 3 teaches passwords never rejected',
  ({ passwords }) => {
    passwords.standIns = 'useful';
  },
);

/** Phase 3 without punishment: an attacker who knows some of what was pushed away, and trains on that alone (arXiv 2410.08827). */
export const RELEARNED = defineArm('relearned', 'useful negatives alone in phase 3', ({ phases }) => {
  const { useful } = phases.joint.weights;
  phases.joint.weights = { dpo: 0, useful: useful > 0 ? useful : 1, random: 0, randomReverse: 0 };
});

/** The run is taken apart at its end. A direction takes many control passwords; no other evaluation needs to score so many. */
const takenApart = ({ evaluation, phases }: Setup): void => {
  Object.assign(evaluation, { dissection: true, random: 512 });
  // Where an evaluation may end phase 3, the others stay.
  if (phases.joint.stopAtUsefulGuessRate === null) Object.assign(evaluation, { every: 1_000_000, first: null });
};

export const DISSECTED = defineArm('dissected', 'taken apart at its end', takenApart);

/** SmolLM2-135M, the Llama that is nearest to Pythia-160M in size. */
const SMOLLM2: Partial<Setup['model']> = {
  pretrained: 'HuggingFaceTB/SmolLM2-135M',
  weights: null,
  hidden: 576,
  layers: 30,
  heads: 9,
  keyValueHeads: 3,
  intermediateFactor: 1536 / 576,
  rotaryBase: 100_000,
  layerNormEpsilon: 1e-5,
  tiedEmbeddings: true,
};
const SMOLLM2_VOCABULARY = 49_152;

/**
 * A Llama in the place of GPT-NeoX. From scratch it has about as many parameters: two thirds of the inner width, as there are three
 * matrices in the place of two. Where the weights are Pythia's, it is SmolLM2.
 */
export const LLAMA = defineArm('llama', 'a Llama of about the same size', ({ model }) => {
  if (model.family === 'llama') return;
  Object.assign(model, { family: 'llama', rotaryFraction: 1, parallelResidual: false, activation: 'silu' });
  if (model.pretrained === null) {
    model.intermediateFactor *= 2 / 3;
    return;
  }
  Object.assign(model, SMOLLM2);
  if (model.vocabulary !== null) model.vocabulary = SMOLLM2_VOCABULARY;
});

/** The reference's grid `helds`: 1 to 9 batches of negatives held out. */
export const HELD_OUT_SHARES: readonly Arm[] = Array.from({ length: 9 }, (_, index) =>
  defineArm(`held-out-${index + 1}`, `${index + 1} batch${index === 0 ? '' : 'es'} held out`, ({ passwords }) => {
    passwords.heldBatches = index + 1;
  }),
);

/**
 * The Pythia models of the reference's grid `smodels`. For a model from scratch, `factor` gives its layers, heads and width
 * relative to the setup's own; the size of a head stays.
 */
const SIZES = [
  { pythia: '70m', layers: 6, hidden: 512, heads: 8, factor: 0.5 },
  { pythia: '160m', layers: 12, hidden: 768, heads: 12, factor: 1 },
  { pythia: '410m', layers: 24, hidden: 1024, heads: 16, factor: 1.5 },
  { pythia: '1b', layers: 16, hidden: 2048, heads: 8, factor: 2 },
] as const;

const scaled = (value: number, factor: number): number => Math.max(1, Math.round(value * factor));

function usePythia(
  model: Setup['model'],
  size: string,
  shape: Pick<Setup['model'], 'layers' | 'hidden' | 'heads'>,
): void {
  const pretrained = `EleutherAI/pythia-${size}`;
  // The digest is of one model's files.
  if (pretrained !== model.pretrained) Object.assign(model, shape, { pretrained, weights: null });
}

/** Four sizes, smallest first: Pythia's where the weights are Pythia's, else fractions of the setup's own size. */
export const MODEL_SIZES: readonly Arm[] = SIZES.map(({ pythia, factor, ...shape }, index) =>
  defineArm(`size-${index + 1}`, `size ${index + 1} of ${SIZES.length}`, ({ model }) => {
    if (model.pretrained !== null) {
      usePythia(model, pythia, shape);
      return;
    }
    const headDimensions = model.hidden / model.heads;
    model.heads = scaled(model.heads, factor);
    model.layers = scaled(model.layers, factor);
    model.hidden = model.heads * headDimensions;
  }),
);

function setFreezingAndPrefixes(setup: Setup, freeze: boolean, prefixes: boolean): void {
  setup.phases.dpo.trainable = freeze ? 'first-half' : 'all';
  setup.prefixes = prefixes;
}

const ablation = (id: string, label: string, freeze: boolean, prefixes: boolean): Arm =>
  defineArm(id, label, (setup) => setFreezingAndPrefixes(setup, freeze, prefixes));

/** Freezing of the second half in phase 2, and prefixes: the rows of the paper's figure 3, and the cell it lacks. */
export const ABLATION = {
  both: ablation('freeze-and-prefix', 'freezing and prefixes', true, true),
  noPrefix: ablation('freeze-only', 'freezing, no prefixes', true, false),
  noFreeze: ablation('prefix-only', 'prefixes, no freezing', false, true),
  neither: ablation('neither', 'neither freezing nor prefixes', false, false),
} as const;

/** A cell of a grid, called after its value of each factor. */
const cell = (grid: string, values: readonly string[], change: (setup: Setup) => void): Arm =>
  defineArm(`${grid}:${values.join(',')}`, values.join(', '), change);

/** Weight decays of the claim `dose`: the paper's, and up to 200 times as much. */
export const DECAYS = [0.01, 0.03, 0.1, 0.3, 1, 2] as const;

export const DOSE: readonly Arm[] = DECAYS.map((decay) =>
  cell('dose', [`decay=${decay}`], ({ optimiser }) => {
    optimiser.weightDecay = decay;
  }),
);

/** The loss weights of `pocket-memorising`, which this project used before it used the paper's. */
export const MILDER_WEIGHTS = defineArm('milder-weights', 'loss weights 1/0.5/0.5', ({ phases }) => {
  Object.assign(phases.joint.weights, { dpo: 1, useful: 0.5, random: 0.5, randomReverse: 0 });
});

/** The product, without the rounding error in its last digits. */
const times = (value: number, factor: number): number => Number((value * factor).toPrecision(12));

/** Phase 2 ends where held-out passwords are guessed this rarely, so that objectives are compared at the same avoidance. */
export const AVOIDED = 0.3;

/** The constants of each objective, as its publication or public code has them; DPO's are the setup's own. */
const CONSTANTS: Readonly<Record<Objective, Partial<Pick<Setup, 'beta' | 'margin'>>>> = {
  dpo: {},
  'gradient-ascent': {},
  npo: { beta: 0.1 },
  unlikelihood: {},
  ipo: { beta: 0.1 },
  kto: { beta: 0.1 },
  simpo: { beta: 2, margin: 1 },
  undial: { beta: 10 },
};

/**
 * How strongly each objective pushes where it begins: the derivative of its loss by the log-probability of a rejected password, where
 * the model agrees with the reference and guesses blindly. `time` letters are predicted, each with probability `chance`.
 */
export const PUSHES: Readonly<
  Record<Objective, (constants: Pick<Setup, 'beta' | 'margin'>, time: number, chance: number) => number>
> = {
  dpo: ({ beta }) => beta / 2,
  'gradient-ascent': (_, time) => 1 / time,
  npo: () => 1,
  unlikelihood: (_, time, chance) => chance / (1 - chance) / time,
  ipo: ({ beta: tau }, time) => 1 / tau / time,
  kto: ({ beta }) => beta / 8,
  simpo: ({ beta, margin }, time) => beta / (1 + Math.exp(-margin)) / time,
  undial: ({ beta }, time, chance) => {
    const target = chance / (chance + (1 - chance) * Math.exp(beta));
    return ((1 - target) * (chance / (1 - chance)) - target) / time;
  },
};

const OBJECTIVE_LABELS: Readonly<Record<Objective, string>> = {
  dpo: 'DPO',
  'gradient-ascent': 'gradient ascent',
  npo: 'NPO',
  unlikelihood: 'unlikelihood',
  ipo: 'IPO',
  kto: 'KTO',
  simpo: 'SimPO',
  undial: 'UNDIAL',
};

/**
 * Each objective in the place of DPO. Phase 2 ends at the same avoidance, or after twice the setup's steps. In phase 3, where it trains beside other
 * losses, its weight is such that it pushes as strongly as DPO does, where both begin: the scale of a loss is a convention.
 */
export const OBJECTIVE_ARMS = Object.fromEntries(
  OBJECTIVES.map((objective) => [
    objective,
    defineArm(`objective-${objective}`, OBJECTIVE_LABELS[objective], (setup) => {
      const push = (of: Objective) => PUSHES[of](setup, inputLength(setup), 1 / setup.passwords.alphabet.length);
      const before = push(setup.objective);
      Object.assign(setup, { objective, margin: 0, ...CONSTANTS[objective] });
      const { dpo, joint } = setup.phases;
      joint.weights.dpo = times(joint.weights.dpo, before / push(objective));
      Object.assign(dpo, { steps: 2 * dpo.steps, stopAtHeldOutGuessRate: AVOIDED });
    }),
  ]),
) as Readonly<Record<Objective, Arm>>;

/** A row of a map: one value of what is varied beside the weight decay, under each decay of the map. */
export interface MapRow {
  readonly label: string;
  readonly cells: readonly { readonly decay: number; readonly arm: Arm }[];
}

/** Weight decays of the maps. */
const MAP_DECAYS = [0.01, 0.1, 1] as const;

/** @param values what is varied, by its label */
const map = <Value>(
  id: string,
  values: readonly (readonly [label: string, value: Value])[],
  change: (setup: Setup, value: Value) => void,
): MapRow[] =>
  values.map(([label, value]) => ({
    label,
    cells: MAP_DECAYS.map((decay) => ({
      decay,
      arm: cell(id, [`decay=${decay}`, label], (setup) => {
        setup.optimiser.weightDecay = decay;
        change(setup, value);
      }),
    })),
  }));

/** So many batches of useful negatives. As many pairs as before, so that phase 2 stays one pass over them. */
function setUseful({ passwords }: Setup, batches: number): void {
  const pairs = passwords.negativeBatches * passwords.repeats;
  passwords.negativeBatches = passwords.heldBatches + batches;
  passwords.repeats = Math.max(1, Math.ceil(pairs / passwords.negativeBatches));
}

/** Each negative so many times as often among the pairs, and phases 2 and 3 that much longer. */
function setRepeats({ passwords, phases }: Setup, factor: number): void {
  const scaledBy = (value: number) => Math.max(1, Math.round(value * factor));
  passwords.repeats = scaledBy(passwords.repeats);
  if (phases.dpo.steps > 0) phases.dpo.steps = scaledBy(phases.dpo.steps);
  phases.joint.steps = scaledBy(phases.joint.steps);
}

/** Widths, narrowest first: of three Pythia models where the weights are Pythia's, else multiples of the setup's own, by heads. */
const WIDTHS = [2 / 3, 1, 4 / 3].map((factor, index) => ({ factor, size: SIZES[index] }));

/** What the effect of the weight decay may depend on. Repeats are multiples of the setup's own. */
export const MAPS = {
  width: map(
    'decay-width',
    WIDTHS.map((width, index) => [`width-${index + 1}`, width] as const),
    ({ model }, { factor, size: { pythia, factor: _, ...shape } }) => {
      if (model.pretrained !== null) {
        usePythia(model, pythia, shape);
        return;
      }
      const headDimensions = model.hidden / model.heads;
      model.heads = scaled(model.heads, factor);
      model.hidden = model.heads * headDimensions;
    },
  ),
  useful: map(
    'decay-useful',
    ([1, 4, 15, 64] as const).map((batches) => [`useful-batches=${batches}`, batches] as const),
    setUseful,
  ),
  repeats: map(
    'decay-repeats',
    ([0.2, 0.5, 1, 2] as const).map((factor) => [`repeats*${factor}`, factor] as const),
    setRepeats,
  ),
} as const;

/** Multiples of the setup's own learning rate. */
const LEARNING_RATES = [0.3, 1] as const;

/**
 * The reference's tuning grids, cut to what a laptop trains in an hour with five seeds a cell. Learning rate and beta are
 * multiples of the setup's own. The reference has rates of 0.01 to 1 and 0.2 to 4 times its default, and betas of 0.25 to
 * 16: taken are those at which a small model from scratch learns within its steps. The reference's second model is the
 * claim `model-size`.
 */
export const SWEEPS = {
  lrbeta: LEARNING_RATES.flatMap((rate) =>
    [0.25, 1, 4].flatMap((beta) =>
      [true, false].flatMap((prefixes) =>
        [true, false].map((freeze) =>
          cell(
            'lrbeta',
            [`lr*${rate}`, `beta*${beta}`, prefixes ? 'prefixes' : 'no-prefixes', freeze ? 'freeze' : 'no-freeze'],
            (setup) => {
              setup.optimiser.learningRate = times(setup.optimiser.learningRate, rate);
              setup.beta = times(setup.beta, beta);
              setFreezingAndPrefixes(setup, freeze, prefixes);
              Object.assign(setup.phases.joint.weights, { dpo: 0, useful: 1, random: 0 });
            },
          ),
        ),
      ),
    ),
  ),
  weights: [
    [1, 0.2, 0.05],
    [1, 0.2, 0.2],
    [1, 1, 0.05],
    [1, 1, 0.2],
    [0.2, 1, 0.05],
    [1, 0.2, 0],
    [0, 0.2, 0.05],
  ].flatMap(([dpo, useful, random]) =>
    LEARNING_RATES.flatMap((rate) =>
      [false, true].map((skip) =>
        cell('weights', [`${dpo}/${useful}/${random}`, `lr*${rate}`, skip ? 'skip-phase-2' : 'phase-2'], (setup) => {
          Object.assign(setup.phases.joint.weights, { dpo, useful, random });
          setup.optimiser.learningRate = times(setup.optimiser.learningRate, rate);
          if (skip) setup.phases.dpo.steps = 0;
        }),
      ),
    ),
  ),
} as const;

/**
 * The setup of an arm, named after it. An arm that changes nothing has the setup itself, so that no run is done twice.
 * @throws SetupError when the arm is impossible for this setup
 */
export function armSetup(setup: Setup, { id, apply }: Arm): Setup {
  const changed = apply(setup);
  if (setupHash(changed) === setupHash(setup)) return setup;
  const name = `${setup.name}-${id.replaceAll(/[^a-z0-9]+/g, '-')}`.slice(0, 64);
  try {
    return parseSetup({ ...changed, name });
  } catch (error) {
    if (error instanceof SetupError) error.message = `The arm ${id}: ${error.message}`;
    throw error;
  }
}

/** Every arm that a claim may ask for. */
export const ARMS: readonly Arm[] = [
  MAIN,
  NO_DPO,
  UNSEEN,
  NOTHING_SHARED,
  ...HELD_OUT_SHARES,
  ...MODEL_SIZES,
  ...Object.values(ABLATION),
  ...DOSE,
  ...Object.values(SWEEPS).flat(),
  ...Object.values(MAPS).flatMap((rows) => rows.flatMap(({ cells }) => cells.map(({ arm: own }) => own))),
  MILDER_WEIGHTS,
  DISSECTED,
  ...Object.values(OBJECTIVE_ARMS),
  LLAMA,
  RELEARNED,
];
