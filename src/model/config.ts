/** Hugging Face's config.json of a GPT-NeoX model, in its old and its new spelling. */
import * as z from 'zod';
import { ExplainedError } from '../explained-error.ts';
import type { Activation } from '../setup/schema.ts';
import { orRefuse, parseJson } from '../untrusted.ts';
import type { ModelShape } from './gpt-neox.ts';

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

// Fields that say nothing about the computation (token ids, versions, caches) may be there; defaults are Hugging Face's.
const configSchema = z.object({
  model_type: z.string(),
  vocab_size: positive,
  hidden_size: positive,
  num_hidden_layers: positive,
  num_attention_heads: positive,
  intermediate_size: positive,
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-5),
  max_position_embeddings: positive.default(2048),
  use_parallel_residual: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(false),
  attention_bias: z.boolean().default(true),
  attention_dropout: z.number().default(0),
  hidden_dropout: z.number().default(0),
  // Old spelling.
  rotary_pct: z.number().min(0).max(1).optional(),
  rotary_emb_base: z.number().positive().optional(),
  rope_scaling: z.unknown().optional(),
  // New spelling, since transformers 5.
  rope_parameters: z
    .object({
      rope_type: z.string().default('default'),
      rope_theta: z.number().positive().optional(),
      partial_rotary_factor: z.number().min(0).max(1).optional(),
    })
    .nullish(),
  // Between the two.
  rope_theta: z.number().positive().optional(),
  partial_rotary_factor: z.number().min(0).max(1).optional(),
});

/** The nonlinearities that there are here, by Hugging Face's names; the first name of each is the one that is written. */
const ACTIVATIONS: Readonly<Record<string, Activation>> = {
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
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
  const type = (json as { model_type?: unknown } | null)?.model_type;
  if (typeof type === 'string' && type !== 'gpt_neox') {
    refuse(`model_type is "${type.slice(0, 64)}"; only gpt_neox models (such as Pythia) can be used`);
  }
  const result = configSchema.safeParse(json);
  if (!result.success) {
    const [{ path, message }] = result.error.issues;
    return refuse(`${path.join('.') || 'the document'}: ${message}`);
  }
  const config = result.data;
  const { hidden_act: name, rope_parameters: rope } = config;
  if (!Object.hasOwn(ACTIVATIONS, name)) {
    refuse(`hidden_act "${name.slice(0, 64)}" is not supported; ${Object.keys(ACTIVATIONS).join(', ')} are`);
  }
  const ropeType = rope?.rope_type ?? 'default';
  if (ropeType !== 'default') {
    refuse(`rope_parameters.rope_type "${ropeType.slice(0, 64)}" is not supported; "default" is`);
  }
  if ((config.rope_scaling ?? null) !== null) refuse('rope_scaling is not supported');
  if (!config.attention_bias) refuse('attention_bias false is not supported');
  for (const dropout of ['attention_dropout', 'hidden_dropout'] as const) {
    if (config[dropout] !== 0)
      refuse(`${dropout} ${config[dropout]} is not supported; training here drops nothing out`);
  }
  if (config.intermediate_size % config.hidden_size !== 0) {
    refuse(`intermediate_size ${config.intermediate_size} is no multiple of hidden_size ${config.hidden_size}`);
  }
  return {
    hidden: config.hidden_size,
    layers: config.num_hidden_layers,
    heads: config.num_attention_heads,
    intermediateFactor: config.intermediate_size / config.hidden_size,
    rotaryFraction: rope?.partial_rotary_factor ?? config.partial_rotary_factor ?? config.rotary_pct ?? 0.25,
    rotaryBase: rope?.rope_theta ?? config.rope_theta ?? config.rotary_emb_base ?? 10_000,
    layerNormEpsilon: config.layer_norm_eps,
    parallelResidual: config.use_parallel_residual,
    activation: ACTIVATIONS[name],
    tiedEmbeddings: config.tie_word_embeddings,
    vocabulary: config.vocab_size,
    positions: config.max_position_embeddings,
  };
}

/** The config.json of a model, with both spellings of the rotary fields: every version of transformers reads it. */
export const configJson = (model: ModelShape, vocabulary: number): string =>
  `${JSON.stringify(
    {
      architectures: ['GPTNeoXForCausalLM'],
      model_type: 'gpt_neox',
      torch_dtype: 'float32',
      vocab_size: vocabulary,
      hidden_size: model.hidden,
      num_hidden_layers: model.layers,
      num_attention_heads: model.heads,
      intermediate_size: model.hidden * model.intermediateFactor,
      hidden_act: Object.keys(ACTIVATIONS).find((name) => ACTIVATIONS[name] === model.activation),
      layer_norm_eps: model.layerNormEpsilon,
      max_position_embeddings: 2048,
      use_parallel_residual: model.parallelResidual,
      tie_word_embeddings: model.tiedEmbeddings,
      rotary_pct: model.rotaryFraction,
      rotary_emb_base: model.rotaryBase,
      rope_parameters: {
        rope_type: 'default',
        rope_theta: model.rotaryBase,
        partial_rotary_factor: model.rotaryFraction,
      },
    },
    null,
    2,
  )}\n`;
