import { describe, expect, it } from 'vitest';
import { configJson, ModelError, parseConfig } from '../../src/model/config.ts';
import { PRESETS } from '../../src/setup/presets.ts';

/** Pythia-160M's own, as the hub has it. */
const OLD = {
  architectures: ['GPTNeoXForCausalLM'],
  bos_token_id: 0,
  eos_token_id: 0,
  hidden_act: 'gelu',
  hidden_size: 768,
  initializer_range: 0.02,
  intermediate_size: 3072,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 2048,
  model_type: 'gpt_neox',
  num_attention_heads: 12,
  num_hidden_layers: 12,
  rotary_emb_base: 10000,
  rotary_pct: 0.25,
  tie_word_embeddings: false,
  torch_dtype: 'float16',
  transformers_version: '4.24.0',
  use_cache: true,
  use_parallel_residual: true,
  vocab_size: 50304,
};
const { rotary_emb_base: _base, rotary_pct: _share, ...rest } = OLD;
const NEW = {
  ...rest,
  rope_parameters: { rope_type: 'default', rope_theta: 10000, partial_rotary_factor: 0.25 },
  rope_scaling: null,
};

/** SmolLM2-135M's own, as the hub has it, but for ids of tokens. */
const LLAMA = {
  architectures: ['LlamaForCausalLM'],
  attention_bias: false,
  attention_dropout: 0.0,
  hidden_act: 'silu',
  hidden_size: 576,
  initializer_range: 0.041666666666666664,
  intermediate_size: 1536,
  is_llama_config: true,
  max_position_embeddings: 8192,
  model_type: 'llama',
  num_attention_heads: 9,
  num_hidden_layers: 30,
  num_key_value_heads: 3,
  pretraining_tp: 1,
  rms_norm_eps: 1e-5,
  rope_interleaved: false,
  rope_scaling: null,
  rope_theta: 100000,
  tie_word_embeddings: true,
  torch_dtype: 'bfloat16',
  transformers_version: '4.40.1',
  use_cache: true,
  vocab_size: 49152,
};

const parse = (config: object) => parseConfig(JSON.stringify(config), 'config.json');

describe('config.json', () => {
  it('of Pythia-160M is the model of the preset `paper`, in the old spelling and in the new', () => {
    const { positions, ...shape } = parse(OLD);
    expect(positions).toBe(2048);
    const { pretrained: _p, weights: _w, initialDeviation: _d, ...paper } = PRESETS.paper.model;
    expect(shape).toEqual(paper);
    expect(parse(NEW)).toEqual(parse(OLD));
  });

  it.each([
    [{ rotary_pct: 1 }, { rotaryFraction: 1 }],
    [{ rotary_emb_base: 500 }, { rotaryBase: 500 }],
    [{ use_parallel_residual: false }, { parallelResidual: false }],
    [{ intermediate_size: 1000 }, { intermediateFactor: 1000 / 768 }],
    [{ tie_word_embeddings: true }, { tiedEmbeddings: true }],
    [{ hidden_act: 'gelu_new' }, { activation: 'gelu-tanh' }],
    [{ hidden_act: 'gelu_fast' }, { activation: 'gelu-tanh' }],
    [{ hidden_act: 'gelu_pytorch_tanh' }, { activation: 'gelu-tanh' }],
    [{ hidden_act: 'quick_gelu' }, { activation: 'quick-gelu' }],
    [{ rope_parameters: { rope_theta: 7, partial_rotary_factor: 0.5 } }, { rotaryBase: 7, rotaryFraction: 0.5 }],
  ])('%j', (change, expected) => {
    expect(parse({ ...OLD, ...change })).toMatchObject(expected);
  });

  it('of SmolLM2-135M is a Llama', () => {
    expect(parse(LLAMA)).toEqual({
      family: 'llama',
      hidden: 576,
      layers: 30,
      heads: 9,
      keyValueHeads: 3,
      intermediateFactor: 1536 / 576,
      activation: 'silu',
      rotaryFraction: 1,
      rotaryBase: 100_000,
      layerNormEpsilon: 1e-5,
      parallelResidual: false,
      tiedEmbeddings: true,
      vocabulary: 49_152,
      positions: 8192,
    });
  });

  it.each([
    [{ num_key_value_heads: undefined }, { keyValueHeads: null }],
    [{ num_key_value_heads: 9 }, { keyValueHeads: null }],
    [{ head_dim: 64 }, { heads: 9 }],
    [{ rms_norm_eps: undefined }, { layerNormEpsilon: 1e-6 }],
    [{ rope_parameters: { rope_theta: 7 } }, { rotaryBase: 7 }],
    [{ rope_theta: undefined }, { rotaryBase: 10_000 }],
  ])('of a Llama with %j', (change, expected) => {
    expect(parse({ ...LLAMA, ...change })).toMatchObject(expected);
  });

  it('written for a Llama reads as that Llama', () => {
    const model = { ...PRESETS['pocket-llama'].model, keyValueHeads: 2 } as const;
    const { positions: _, vocabulary, ...shape } = parseConfig(configJson(model, 28), 'config.json');
    expect({ ...model, ...shape }).toEqual(model);
    expect(vocabulary).toBe(28);
  });

  it('written for a model reads as that model', () => {
    const model = { ...PRESETS['pocket-memorising'].model, activation: 'gelu-tanh', parallelResidual: false } as const;
    const { positions: _, vocabulary, ...shape } = parseConfig(configJson(model, 28), 'config.json');
    expect({ ...model, ...shape }).toEqual(model);
    expect(vocabulary).toBe(28);
  });
});

describe('what is not supported is refused by name:', () => {
  it.each<[object, RegExp]>([
    [{ model_type: 'gemma' }, /config\.json: model_type is "gemma"; only gpt_neox/],
    [{ hidden_act: 'relu' }, /hidden_act "relu" is not supported; gelu,/],
    [{ hidden_act: '__proto__' }, /hidden_act "__proto__" is not supported/],
    [{ rope_parameters: { rope_type: 'yarn' } }, /rope_type "yarn" is not supported/],
    [{ rope_scaling: { type: 'linear', factor: 2 } }, /rope_scaling is not supported/],
    [{ attention_bias: false }, /attention_bias false/],
    [{ attention_dropout: 0.1 }, /attention_dropout 0\.1/],
    [{ hidden_dropout: 0.1 }, /hidden_dropout 0\.1/],
    [{ hidden_size: 0 }, /hidden_size/],
    [{ num_hidden_layers: '12' }, /num_hidden_layers/],
    [{ vocab_size: undefined }, /vocab_size/],
    [{ rotary_pct: 2 }, /rotary_pct/],
  ])('%j', (change, message) => {
    expect(() => parse({ ...OLD, ...change })).toThrow(ModelError);
    expect(() => parse({ ...OLD, ...change })).toThrow(message);
  });

  it.each<[object, RegExp]>([
    [{ model_type: 'qwen2' }, /model_type is "qwen2" \(its queries, keys and values have biases\)/],
    [{ model_type: 'qwen3' }, /model_type is "qwen3" \(it has norms of queries and keys\)/],
    [{ model_type: 'mistral' }, /model_type is "mistral" \(its attention may see a window/],
    [{ attention_bias: true }, /attention_bias true is not supported; only false is/],
    [{ mlp_bias: true }, /mlp_bias true/],
    [{ rope_interleaved: true }, /rope_interleaved true/],
    [{ attention_dropout: 0.1 }, /attention_dropout 0\.1/],
    [{ rope_scaling: { rope_type: 'llama3', factor: 8 } }, /rope_scaling is not supported/],
    [{ rope_parameters: { rope_type: 'llama3', rope_theta: 5e5 } }, /rope_type "llama3" is not supported/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor 0\.5 is not supported/],
    [{ head_dim: 128 }, /head_dim 128 is not supported; it must be hidden_size \/ num_attention_heads, which is 64/],
    [{ num_key_value_heads: 0 }, /num_key_value_heads/],
  ])('of a Llama, %j', (change, message) => {
    expect(() => parse({ ...LLAMA, ...change })).toThrow(ModelError);
    expect(() => parse({ ...LLAMA, ...change })).toThrow(message);
  });

  it.each(['', '{', 'null', '[]', '5'])('%j is no config', (text) => {
    expect(() => parseConfig(text, 'config.json')).toThrow(ModelError);
  });
});
