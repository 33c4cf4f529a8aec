/**
 * Takes a trained model apart. Patching says which of its parts flip: some parts are those of the end of the run, the others
 * those from before phase 3. Directions say whether negatives lie apart from fresh passwords in the residual stream, and
 * what the prefix does to that.
 */
import { tf } from '../engine/engine.ts';
import { along, discriminant } from '../measure/discriminant.ts';
import { type Measures, measure } from '../measure/measures.ts';
import { auc } from '../measure/membership.ts';
import { loadParameters, type ParameterValues, parameterSpecifications } from '../model/parameters.ts';
import type { Corpus } from '../passwords/corpus.ts';
import type { Prefix, SetName } from '../passwords/roles.ts';
import { type Moment, type Parts, patches, readings } from '../recipe/dissection.ts';
import { recipeOf } from '../recipe/recipe.ts';
import type { Setup } from '../setup/schema.ts';
import { scoredPasswords, scoreSets } from './evaluation.ts';
import { type Reader, residuals } from './scoring.ts';

/** What a model says whose parts `from` to `to - 1` are those of the end of the run. */
export interface Patched extends Parts {
  sets: Record<SetName, Measures>;
}

/** How well a direction tells negatives from fresh passwords that it was not made of. */
export interface Separation {
  moment: Moment;
  prefix: Prefix;
  /** By layer, the embedding first: the probability that a held-out password lies further along it than a control password. */
  auc: number[];
}

export interface Dissection {
  patched: Patched[];
  separations: Separation[];
}

/** Control passwords at even places make the direction, those at odd places try it; a single one does both. */
const halfOf = <Item>(items: readonly Item[], which: 0 | 1): Item[] =>
  items.length === 1 ? [...items] : items.filter((_, index) => index % 2 === which);

/**
 * Dissects a run at its end.
 * @param reader of the model at the end of the run
 * @param before the parameters before phase 3
 */
export async function dissect(
  setup: Setup,
  corpus: Corpus,
  reader: Reader,
  before: ParameterValues,
): Promise<Dissection> {
  const after = reader.parameters;
  const loaded = loadParameters(setup, before);
  try {
    const specifications = parameterSpecifications(setup);
    const withParts = ({ from, to }: Parts): Reader => {
      const own = ({ name, part }: (typeof specifications)[number]): [string, tf.Tensor] => {
        const source = part >= from && part < to ? after : loaded;
        return [name, source.get(name) as tf.Tensor];
      };
      return { ...reader, parameters: new Map(specifications.map(own)) };
    };
    const scored = scoredPasswords(setup, corpus);
    const letters = setup.passwords.alphabet.length;
    const patched: Patched[] = [];
    for (const parts of patches(setup.model)) {
      const { heldOut, useful, random } = await scoreSets(withParts(parts), scored, recipeOf(setup).joint.scoredUnder);
      const sets = {
        heldOut: measure(heldOut, letters),
        useful: measure(useful, letters),
        random: measure(random, letters),
      };
      patched.push({ ...parts, sets });
    }
    const ofModel: Record<Moment, Reader> = { before: { ...reader, parameters: loaded }, after: reader };
    return { patched, separations: await separations(setup, corpus, ofModel) };
  } finally {
    tf.dispose([...loaded.values()]);
  }
}

/** One direction a layer, made of useful negatives and half of the control, tried on held-out passwords and the other half. */
async function separations(
  setup: Setup,
  { useful, heldOut, control }: Corpus,
  ofModel: Record<Moment, Reader>,
): Promise<Separation[]> {
  const [source, ...others] = readings(setup);
  const read = ({ moment, prefix }: typeof source, passwords: readonly string[]) =>
    residuals(ofModel[moment], passwords, prefix);
  const fresh = halfOf(control, 0);
  const [negatives, rest] = [await read(source, useful), await read(source, fresh)];
  const directions = negatives.map((points, layer) => discriminant(points, rest[layer]));
  const found: Separation[] = [];
  for (const reading of [source, ...others]) {
    const [held, unseen] = [await read(reading, heldOut), await read(reading, halfOf(control, 1))];
    const value = (layer: number) => (point: number[]) => along(directions[layer], point);
    const byLayer = held.map((points, layer) => auc(points.map(value(layer)), unseen[layer].map(value(layer))));
    found.push({ ...reading, auc: byLayer });
  }
  return found;
}
