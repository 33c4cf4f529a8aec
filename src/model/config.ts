/** Hugging Face's config.json of a GPT-NeoX or Llama model, in its old and its new spelling. */
import * as z from 'zod';
import { ExplainedError } from '../explained-error.ts';
import type { Activation, Family } from '../setup/schema.ts';
import { innerWidth } from '../setup/sizes.ts';
import { orRefuse, parseJson } from '../untrusted.ts';
import type { ModelShape } from './specifications.ts';

/** A model that cannot be used; the message says what about it, and what to do. */
export class ModelError extends ExplainedError {
  override name = 'ModelError';
}

/** Most bytes of a model's text file; GPT-NeoX's tokenizer has two megabytes. */
export const MOST_TEXT = 64 * 2 ** 20;

/** What a config.json says of a setup's `model`. */
export type ConfiguredShape = Omit<ModelShape, 'pretrained' | 'weights' | 'vocabulary' | 'initialDeviation'> & {
  vocabulary: number;
  /** Longest sequence that the model was made for, in tokens. */
  positions: number;
};

const positive = z.number().int().min(1);
const flag = z.boolean();

// Fields that say nothing about the computation (token ids, versions, caches) may be there; defaults are Hugging Face's.
const COMMON = {
  vocab_size: positive,
  hidden_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  intermediate_size: positive,
  max_position_embeddings: positive.default(2048),
  tie_word_embeddings: flag.default(false),
  attention_dropout: z.number().default(0),
  rope_scaling: z.unknown().optional(),
  // Since transformers 5; before, its fields stood by themselves.
  rope_parameters: z
    .object({
      rope_type: z.string().default('default'),
      rope_theta: z.number().positive().optional(),
      partial_rotary_factor: z.number().min(0).max(1).optional(),
    })
    .nullish(),
  rope_theta: z.number().positive().optional(),
  partial_rotary_factor: z.number().min(0).max(1).optional(),
};

const gptNeoxSchema = z.object({
  ...COMMON,
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  use_parallel_residual: flag.default(true),
  attention_bias: flag.default(true),
  hidden_dropout: z.number().default(0),
  // Their first names.
  rotary_pct: z.number().min(0).max(1).optional(),
  rotary_emb_base: z.number().positive().optional(),
});

const llamaSchema = z.object({
  ...COMMON,
  hidden_act: z.string().default('silu'),
  num_key_value_heads: positive.nullish(),
  head_dim: positive.nullish(),
  rms_norm_eps: z.number().positive().default(1e-6),
  attention_bias: flag.default(false),
  mlp_bias: flag.default(false),
  rope_interleaved: flag.default(false),
});

/** The nonlinearities that there are here, by Hugging Face's names; the first name of each is the one that is written. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
  silu: 'silu',
  swish: 'silu',
};

/** Throws what is wrong with a file. */
type Refuse = (what: string) => never;

/** What both families say in the same words. */
function commonOf(config: z.infer<z.ZodObject<typeof COMMON>> & { hidden_act: string }, refuse: Refuse) {
  const { hidden_act: name, rope_parameters: rope } = config;
  if (!Object.hasOwn(ACTIVATIONS, name)) {
    refuse(`hidden_act "${name.slice(0, 64)}" is not supported; ${Object.keys(ACTIVATIONS).join(', ')} are`);
  }
  const ropeType = rope?.rope_type ?? 'default';
  if (ropeType !== 'default') {
    refuse(`rope_parameters.rope_type "${ropeType.slice(0, 64)}" is not supported; "default" is`);
  }
  if ((config.rope_scaling ?? null) !== null) refuse('rope_scaling is not supported');
  return {
    hidden: config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    intermediateFactor: config.intermediate_size / config.hidden_size,
    activation: ACTIVATIONS[name],
    tiedEmbeddings: config.tie_word_embeddings,
    vocabulary: config.vocab_size,
    positions: config.max_position_embeddings,
  };
}

/** @throws by `refuse`, where a field has another value than the one that is supported */
function expectAll(
  config: Readonly<Record<string, unknown>>,
  supported: Record<string, unknown>,
  refuse: Refuse,
): void {
  for (const [field, value] of Object.entries(supported)) {
    if (config[field] !== value) refuse(`${field} ${config[field]} is not supported; only ${value} is`);
  }
}

function gptNeoxOf(json: unknown, refuse: Refuse): ConfiguredShape {
  const config = parsed(gptNeoxSchema, json, refuse);
  const { rope_parameters: rope } = config;
  const common = commonOf(config, refuse);
  expectAll(config, { attention_bias: true, attention_dropout: 0, hidden_dropout: 0 }, refuse);
  return {
    ...common,
    family: 'gpt-neox',
    keyValueHeads: null,
    rotaryFraction: rope?.partial_rotary_factor ?? config.partial_rotary_factor ?? config.rotary_pct ?? 0.25,
    rotaryBase: rope?.rope_theta ?? config.rope_theta ?? config.rotary_emb_base ?? 10_000,
    layerNormEpsilon: config.layer_norm_eps,
    parallelResidual: config.use_parallel_residual,
  };
}

function llamaOf(json: unknown, refuse: Refuse): ConfiguredShape {
  const config = parsed(llamaSchema, json, refuse);
  const { rope_parameters: rope, num_key_value_heads: shared, head_dim: width } = config;
  const common = commonOf(config, refuse);
  const { hidden, heads } = common;
  expectAll(config, { attention_bias: false, mlp_bias: false, rope_interleaved: false, attention_dropout: 0 }, refuse);
  const fraction = rope?.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (fraction !== 1) refuse(`partial_rotary_factor ${fraction} is not supported; Llama turns each head as a whole`);
  if ((width ?? hidden / heads) !== hidden / heads) {
    refuse(
      `head_dim ${width} is not supported; it must be hidden_size / num_attention_heads, which is ${hidden / heads}`,
    );
  }
  return {
    ...common,
    family: 'llama',
    keyValueHeads: (shared ?? heads) === heads ? null : (shared as number),
    rotaryFraction: 1,
    rotaryBase: rope?.rope_theta ?? config.rope_theta ?? 10_000,
    layerNormEpsilon: config.rms_norm_eps,
    parallelResidual: false,
  };
}

function parsed<Config>(schema: z.ZodType<Config>, json: unknown, refuse: Refuse): Config {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [{ path, message }] = result.error.issues;
  return refuse(`${path.join('.') || 'the document'}: ${message}`);
}

/** How a config.json is read, by Hugging Face's `model_type`. */
const READERS: Readonly<Record<string, (json: unknown, refuse: Refuse) => ConfiguredShape>> = {
  gpt_neox: gptNeoxOf,
  llama: llamaOf,
};

/** Why models that are nearly Llama cannot be used. */
const NEARLY_LLAMA: Readonly<Record<string, string>> = {
  qwen2: 'its queries, keys and values have biases',
  qwen3: 'it has norms of queries and keys',
  mistral: 'its attention may see a window of positions alone',
};

/**
 * Reads a config.json.
 * @param where names the file in messages
 * @throws ModelError that names the field which is missing, malformed, or not supported here
 */
export function parseConfig(text: string, where: string): ConfiguredShape {
  const refuse = (what: string): never => {
    throw new ModelError(`${where}: ${what}`);
  };
  const json = orRefuse(() => parseJson(text), refuse);
  const { model_type: type } = parsed(z.object({ model_type: z.string() }), json, refuse);
  if (!Object.hasOwn(READERS, type)) {
    const why = Object.hasOwn(NEARLY_LLAMA, type) ? ` (${NEARLY_LLAMA[type]})` : '';
    refuse(
      `model_type is "${type.slice(0, 64)}"${why}; only gpt_neox models (such as Pythia) and llama models (such as SmolLM2) can be used`,
    );
  }
  return READERS[type](json, refuse);
}

/** Hugging Face's name of an activation. */
const nameOf = (activation: Activation): string | undefined =>
  Object.keys(ACTIVATIONS).find((name) => ACTIVATIONS[name] === activation);

/** What each family calls what it has. Both spellings of the rotary fields: every version of transformers reads one. */
const WRITERS: Readonly<Record<Family, (model: ModelShape) => object>> = {
  'gpt-neox': (model) => ({
    architectures: ['GPTNeoXForCausalLM'],
    model_type: 'gpt_neox',
    layer_norm_eps: model.layerNormEpsilon,
    use_parallel_residual: model.parallelResidual,
    rotary_pct: model.rotaryFraction,
    rotary_emb_base: model.rotaryBase,
    rope_parameters: {
      rope_type: 'default',
      rope_theta: model.rotaryBase,
      partial_rotary_factor: model.rotaryFraction,
    },
  }),
  llama: (model) => ({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    num_key_value_heads: model.keyValueHeads ?? model.heads,
    rms_norm_eps: model.layerNormEpsilon,
    rope_theta: model.rotaryBase,
    rope_parameters: { rope_type: 'default', rope_theta: model.rotaryBase },
  }),
};

/** The config.json of a model. */
export const configJson = (model: ModelShape, vocabulary: number): string =>
  `${JSON.stringify(
    {
      ...WRITERS[model.family](model),
      torch_dtype: 'float32',
      vocab_size: vocabulary,
      hidden_size: model.hidden,
      num_hidden_layers: model.layers,
      num_attention_heads: model.heads,
      intermediate_size: innerWidth(model),
      hidden_act: nameOf(model.activation),
      max_position_embeddings: 2048,
      tie_word_embeddings: model.tiedEmbeddings,
    },
    null,
    2,
  )}\n`;
