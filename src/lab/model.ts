/** Which pretrained model a setup starts from. What the model's files say becomes part of the setup. */
import { locateModel } from '../model/hub.ts';
import { assertSameShape, modelDigest, pretrainedTokenIds, readConfig } from '../model/pretrained.ts';
import { PRESETS, type PresetName } from '../setup/presets.ts';
import { parseSetup, type Setup, SetupError } from '../setup/schema.ts';

interface ModelFlags {
  preset: string;
  /** A folder or id, in place of the setup's own. */
  model?: string;
  /** Keep only the letters and prefixes of the model's vocabulary. */
  lettersOnly?: boolean;
}

/**
 * Completes a setup that starts from a pretrained model: the shape, where another model is asked for, and the digest of the
 * model's files. Any other setup is returned as it is.
 * @throws ModelError when the model is not here or is not what the setup says
 * @throws SetupError when the setup cannot be run with it
 */
export function withModel(setup: Setup, { preset, model: asked, lettersOnly = false }: ModelFlags): Setup {
  const model = { ...setup.model };
  let { name } = setup;
  if (asked !== undefined) {
    const { positions: _, ...shape } = readConfig(locateModel(asked));
    Object.assign(model, shape, { pretrained: asked });
    if (asked !== PRESETS[preset as PresetName].model.pretrained && name === preset) name = `${preset}-custom`;
  }
  if (lettersOnly) {
    if (model.pretrained === null) {
      throw new SetupError('--letters-only: a model from scratch knows only the letters and prefixes as it is');
    }
    model.vocabulary = null;
    name = `${name.slice(0, 50)}-letters-only`;
  }
  if (model.pretrained === null) return setup;
  const resolved = parseSetup({ ...setup, name, model });
  const folder = locateModel(model.pretrained);
  assertSameShape(resolved, folder);
  pretrainedTokenIds(folder, resolved);
  return { ...resolved, model: { ...resolved.model, weights: modelDigest(folder) } };
}

/**
 * Refuses setups whose model is not here, before anything is trained.
 * @throws ModelError naming the first
 */
export function assertModelsHere(setups: readonly Setup[]): void {
  const wanted = new Map(setups.map((setup) => [setup.model.pretrained, setup]));
  for (const [pretrained, setup] of wanted) {
    if (pretrained !== null) assertSameShape(setup, locateModel(pretrained));
  }
}
