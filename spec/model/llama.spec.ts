import { describe, expect, it } from 'vitest';
import { initialValues, parameterCount, parameterSpecifications, trainableNames } from '../../src/model/parameters.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { asLlama, tinySetup } from '../helpers/setups.ts';

const tinyLlama = (change: Partial<Setup['model']> = {}): Setup => tinySetup((draft) => asLlama(draft, change));

/** SmolLM2-135M's config.json, as the hub has it. */
const SMOL = {
  hidden: 576,
  layers: 30,
  heads: 9,
  keyValueHeads: 3,
  intermediateFactor: 1536 / 576,
  tiedEmbeddings: true,
  vocabulary: 49_152,
};

describe('the parameters of a Llama', () => {
  it('are as many as the model card of SmolLM2-135M says', () => {
    expect(parameterCount(tinyLlama(SMOL))).toBe(134_515_008);
  });

  it('of the preset pocket-llama are as many as those of pocket, within a hundredth', () => {
    const [here, there] = [PRESETS['pocket-llama'], PRESETS.pocket].map(parameterCount);
    expect(here).toBe(448_608); // by hand: 4 x (4 x 96^2 + 3 x 96 x 256 + 2 x 96) + 2 x 28 x 96 + 96
    expect(Math.abs(here / there - 1)).toBeLessThan(0.01);
  });

  it('have the names and shapes of Hugging Face’s files, transposed', () => {
    const setup = tinyLlama({ hidden: 24, heads: 6, keyValueHeads: 2, layers: 1, intermediateFactor: 8 / 3 });
    expect(parameterSpecifications(setup).map(({ name, shape }) => [name, ...shape])).toEqual([
      ['model.embed_tokens.weight', 28, 24],
      ['model.layers.0.input_layernorm.weight', 24],
      ['model.layers.0.self_attn.q_proj.weight', 24, 24],
      ['model.layers.0.self_attn.k_proj.weight', 24, 8],
      ['model.layers.0.self_attn.v_proj.weight', 24, 8],
      ['model.layers.0.self_attn.o_proj.weight', 24, 24],
      ['model.layers.0.post_attention_layernorm.weight', 24],
      ['model.layers.0.mlp.gate_proj.weight', 24, 64],
      ['model.layers.0.mlp.up_proj.weight', 24, 64],
      ['model.layers.0.mlp.down_proj.weight', 64, 24],
      ['model.norm.weight', 24],
      ['lm_head.weight', 24, 28],
    ]);
  });

  it('start with gains of 1', () => {
    for (const [name, values] of initialValues(tinyLlama())) {
      if (name.includes('norm')) expect(new Set(values), name).toEqual(new Set([1]));
      else expect(new Set(values).size, name).toBeGreaterThan(1);
    }
  });

  it('of the first half are the embedding, the first half of the layers and the final norm', () => {
    const setup = tinyLlama({ layers: 5 });
    const names = new Set(trainableNames(setup, 'first-half'));
    for (const { name } of parameterSpecifications(setup)) {
      expect(names.has(name), name).toBe(/embed_tokens|layers\.[01]\.|model\.norm/.test(name));
    }
  });
});
