/** The parameters of a model: their names, shapes and initial values, and which of them a phase trains. */
import { stream } from '../random/streams.ts';
import type { Family, Setup } from '../setup/schema.ts';
import { innerWidth, vocabulary } from '../setup/sizes.ts';
import { sha256Hex } from '../sha256.ts';

/** Hugging Face's names. Linear weights are kept `[in, out]`, the transpose of Hugging Face's. */
export interface ParameterSpecification {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'normal' | 'zeros' | 'ones';
  /** Trained in a phase that trains only the first half of the layers. */
  readonly firstHalf: boolean;
  /** 0 for the embedding, then a number for each block; the last is that of the final norm and the unembedding. */
  readonly part: number;
}

export type ModelShape = Setup['model'];
export type ModelSetup = Pick<Setup, 'model' | 'passwords'>;

/** The names of a family's two tables of tokens. */
export const TABLES: Readonly<Record<Family, { readonly embedding: string; readonly unembedding: string }>> = {
  'gpt-neox': { embedding: 'gpt_neox.embed_in.weight', unembedding: 'embed_out.weight' },
  llama: { embedding: 'model.embed_tokens.weight', unembedding: 'lm_head.weight' },
};

/** Kinds of parameters, in one part of a model. */
function ofPart(part: number, firstHalf: boolean) {
  const parameter = (
    name: string,
    shape: number[],
    initial: ParameterSpecification['initial'],
  ): ParameterSpecification => ({ name, shape, initial, firstHalf, part });
  const matrix = (name: string, from: number, to: number) => parameter(name, [from, to], 'normal');
  const gain = (name: string, size: number) => parameter(name, [size], 'ones');
  const bias = (name: string, size: number) => parameter(name, [size], 'zeros');
  return {
    matrix,
    gain,
    /** With a bias. */
    linear: (name: string, from: number, to: number) => [matrix(`${name}.weight`, from, to), bias(`${name}.bias`, to)],
    /** With a bias. */
    norm: (name: string, size: number) => [gain(`${name}.weight`, size), bias(`${name}.bias`, size)],
  };
}
type OfPart = ReturnType<typeof ofPart>;

/** What the parameters of a family are, beside its tables. */
interface Layout {
  layer(model: ModelShape, index: number, kinds: OfPart): ParameterSpecification[];
  finalNorm(model: ModelShape, kinds: OfPart): ParameterSpecification[];
}

const LAYOUTS: Readonly<Record<Family, Layout>> = {
  'gpt-neox': {
    layer(model, index, { norm, linear }) {
      const prefix = `gpt_neox.layers.${index}`;
      const [hidden, inner] = [model.hidden, innerWidth(model)];
      return [
        ...norm(`${prefix}.input_layernorm`, hidden),
        ...norm(`${prefix}.post_attention_layernorm`, hidden),
        ...linear(`${prefix}.attention.query_key_value`, hidden, 3 * hidden),
        ...linear(`${prefix}.attention.dense`, hidden, hidden),
        ...linear(`${prefix}.mlp.dense_h_to_4h`, hidden, inner),
        ...linear(`${prefix}.mlp.dense_4h_to_h`, inner, hidden),
      ];
    },
    finalNorm: ({ hidden }, { norm }) => norm('gpt_neox.final_layer_norm', hidden),
  },
  llama: {
    layer(model, index, { gain, matrix }) {
      const prefix = `model.layers.${index}`;
      const [hidden, inner] = [model.hidden, innerWidth(model)];
      const shared = (hidden / model.heads) * (model.keyValueHeads ?? model.heads);
      return [
        gain(`${prefix}.input_layernorm.weight`, hidden),
        matrix(`${prefix}.self_attn.q_proj.weight`, hidden, hidden),
        matrix(`${prefix}.self_attn.k_proj.weight`, hidden, shared),
        matrix(`${prefix}.self_attn.v_proj.weight`, hidden, shared),
        matrix(`${prefix}.self_attn.o_proj.weight`, hidden, hidden),
        gain(`${prefix}.post_attention_layernorm.weight`, hidden),
        matrix(`${prefix}.mlp.gate_proj.weight`, hidden, inner),
        matrix(`${prefix}.mlp.up_proj.weight`, hidden, inner),
        matrix(`${prefix}.mlp.down_proj.weight`, inner, hidden),
      ];
    },
    finalNorm: ({ hidden }, { gain }) => [gain('model.norm.weight', hidden)],
  },
};

/** Every parameter of a setup's model, in a fixed order. */
export function parameterSpecifications(setup: ModelSetup): ParameterSpecification[] {
  const { model } = setup;
  const { hidden, layers, family, tiedEmbeddings } = model;
  const tokens = vocabulary(setup);
  const { layer, finalNorm } = LAYOUTS[family];
  const { embedding, unembedding } = TABLES[family];
  const isInFirstHalf = (index: number) => index < Math.floor(layers / 2);
  return [
    ofPart(0, true).matrix(embedding, tokens, hidden),
    ...Array.from({ length: layers }, (_, index) =>
      layer(model, index, ofPart(index + 1, isInFirstHalf(index))),
    ).flat(),
    ...finalNorm(model, ofPart(layers + 1, true)),
    ...(tiedEmbeddings ? [] : [ofPart(layers + 1, false).matrix(unembedding, hidden, tokens)]),
  ];
}

const sizeOf = ({ shape }: ParameterSpecification): number => shape.reduce((size, side) => size * side, 1);

/** How many numbers the parameters of a setup's model have. */
export const parameterCount = (setup: ModelSetup): number =>
  parameterSpecifications(setup).reduce((sum, specification) => sum + sizeOf(specification), 0);

/** Values of parameters outside the engine, by name. */
export type ParameterValues = Map<string, Float32Array>;

/** Draws initial values, each parameter from a stream of its own name: N(0, initialDeviation^2), biases 0, gains 1. */
export function initialValues(setup: ModelSetup & Pick<Setup, 'seed'>): ParameterValues {
  return new Map(
    parameterSpecifications(setup).map((specification) => {
      const { name, initial } = specification;
      const size = sizeOf(specification);
      if (initial !== 'normal') return [name, new Float32Array(size).fill(initial === 'ones' ? 1 : 0)];
      const source = stream(setup.seed, `weights/${name}`);
      return [name, Float32Array.from({ length: size }, () => source.normal(setup.model.initialDeviation))];
    }),
  );
}

/** SHA-256 of parameters by name: two models have the same digest only if all their bits agree. */
export const parametersDigest = (values: Iterable<readonly [name: string, data: Float32Array]>): string =>
  sha256Hex(...[...values].flat());

/** Names of the parameters that a phase trains; the others are frozen. */
export const trainableNames = (setup: ModelSetup, trainable: 'all' | 'first-half'): string[] =>
  parameterSpecifications(setup)
    .filter(({ firstHalf }) => trainable === 'all' || firstHalf)
    .map(({ name }) => name);
