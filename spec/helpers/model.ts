/** Small pretrained models for specs: random weights in a folder as Hugging Face keeps it, with GPT-NeoX's tokens. */
import { fileURLToPath } from 'node:url';
import { initialValues, type ParameterValues } from '../../src/model/parameters.ts';
import { saveModel } from '../../src/model/pretrained.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { tinySetup } from './setups.ts';

/** Cut down to what letters and prefixes need. */
export const TOKENIZER_FOLDER = fileURLToPath(new URL('../../fixtures/tokenizer', import.meta.url));

/** Holds the token of " reverse", 8107. */
const VOCABULARY = 8_200;

/** Saves a random model. @returns its values, and the tiny setup that starts from it */
export function saveTinyModel(
  folder: string,
  change: (setup: Setup) => void = () => {},
): { setup: Setup; values: ParameterValues } {
  const drawn = tinySetup((draft) => {
    draft.model.vocabulary = VOCABULARY;
    change(draft);
  });
  const values = initialValues(drawn);
  saveModel(folder, drawn, values, TOKENIZER_FOLDER);
  return { setup: parseSetup({ ...drawn, model: { ...drawn.model, pretrained: folder } }), values };
}
