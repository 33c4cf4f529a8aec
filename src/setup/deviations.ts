/** In what a setup differs from the paper's experiment, field by field, made from the setups themselves. */
import { leaves, valueAt } from './fields.ts';
import { PRESETS } from './presets.ts';
import type { Setup } from './schema.ts';

export interface Deviation {
  /** Path of the field. */
  readonly field: string;
  readonly paper: unknown;
  readonly here: unknown;
  /** Why this project's presets have another value; null where no preset has, so that only whoever set it knows. */
  readonly why: string | null;
}

/** Labels, and what says nothing of the experiment. */
const LABELS = ['name', 'seed', 'model.weights'];

const SMALL = 'a model that trains from scratch in minutes';
const FEWER = 'fewer passwords and pairs, so that a run takes minutes';
const LLAMA = 'a Llama, to see whether the effect depends on what GPT-NeoX alone has';
const CONSTANT = 'every field of Pythia that is not named here is as in Pythia';

/** Why a preset has another value than the paper. */
const REASONS: Readonly<Record<string, string>> = {
  'passwords.length': 'shorter passwords, so that a run takes minutes',
  'passwords.negativeBatches': FEWER,
  'passwords.heldBatches': 'more of the few passwords held out, so that the estimate of a run is less noisy',
  'passwords.repeats': FEWER,
  'passwords.standIns': 'a control that the paper does not have',
  batch: FEWER,
  'model.family': LLAMA,
  'model.pretrained': SMALL,
  'model.hidden': SMALL,
  'model.layers': SMALL,
  'model.heads': SMALL,
  'model.intermediateFactor': LLAMA,
  'model.rotaryFraction': LLAMA,
  'model.parallelResidual': LLAMA,
  'model.activation': LLAMA,
  'model.vocabulary': 'a model from scratch needs no tokens but the letters and the two prefixes',
  'model.initialDeviation': `random weights large enough to pass something on through a frozen half; ${CONSTANT}`,
  objective: 'another loss in the place of DPO, which the paper does not try',
  beta: 'chosen on the tuning seeds',
  margin: 'a constant of SimPO, which the paper does not try',
  'optimiser.learningRate': 'a small model from scratch learns little at the rate that fine-tunes a pretrained one',
  'optimiser.weightDecay':
    'strong decay makes it dear to memorise passwords one by one: a small model from scratch then learns the general rule',
  'phases.pretrain.steps': 'chosen on the tuning seeds',
  'phases.dpo.steps': 'one pass over the pairs, which are fewer',
  'phases.dpo.trainable': 'a frozen half of small random weights passes hardly anything on',
  'phases.dpo.stopAtHeldOutGuessRate': 'objectives are compared at the same avoidance, not after the same steps',
  'phases.joint.steps': 'useful negatives of a small model rise late',
  'phases.joint.weights.useful': 'chosen on the tuning seeds',
  'phases.joint.weights.random': 'chosen on the tuning seeds',
  'phases.joint.weights.randomReverse':
    'keeps a small model from growing over-confident of passwords that it does not know',
  'phases.joint.stopAtUsefulGuessRate':
    'useful negatives rise after a plateau whose length varies with the seed; the rule looks at no held-out password',
  'phases.joint.usefulOrder': 'the order that this program had before it followed the paper here',
  'evaluation.every': 'evaluating more often takes longer',
  'evaluation.first': 'as many steps before the first evaluation as between two',
  'evaluation.heldOut': 'scores as many as there are, or as take little time',
  'evaluation.useful': 'scores as many as take little time',
  'evaluation.random': 'scores as many as take little time',
  'evaluation.dissection': 'a look into the model that the paper does not take',
};

/** The fields in which a setup differs from the preset `paper`, in the order of the schema. */
export function deviations(setup: Setup): Deviation[] {
  const { paper } = PRESETS;
  return leaves(setup).flatMap(([path, here]) => {
    const field = path.join('.');
    const expected = valueAt(paper, path);
    if (LABELS.includes(field) || Object.is(here, expected)) return [];
    return [{ field, paper: expected, here, why: REASONS[field] ?? null }];
  });
}
