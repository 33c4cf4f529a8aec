/** The parameters of a GPT-NeoX model: their names, shapes and initial values, and which of them a phase trains. */
import { stream } from '../random/streams.ts';
import type { Setup } from '../setup/schema.ts';
import { vocabulary } from '../setup/sizes.ts';
import { sha256Hex } from '../sha256.ts';

/** Hugging Face's names. Linear weights are kept `[in, out]`, the transpose of Hugging Face's. */
export interface ParameterSpecification {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: 'normal' | 'zeros' | 'ones';
  /** Trained in a phase that trains only the first half of the layers. */
  readonly firstHalf: boolean;
  /** 0 for the embedding, then a number for each block; the last is that of the final layer norm and the unembedding. */
  readonly part: number;
}

export type ModelSetup = Pick<Setup, 'model' | 'passwords'>;

/** Every parameter of a setup's model, in a fixed order. */
export function parameterSpecifications(setup: ModelSetup): ParameterSpecification[] {
  const { hidden, layers, intermediateFactor } = setup.model;
  const inner = hidden * intermediateFactor;
  const tokens = vocabulary(setup);
  type Initial = ParameterSpecification['initial'];
  /** The parameters of a part. */
  const ofPart = (part: number, firstHalf: boolean) => {
    const parameter = (name: string, shape: number[], initial: Initial): ParameterSpecification => ({
      name,
      shape,
      initial,
      firstHalf,
      part,
    });
    return {
      table: (name: string, from: number, to: number) => parameter(`${name}.weight`, [from, to], 'normal'),
      norm: (name: string) => [
        parameter(`${name}.weight`, [hidden], 'ones'),
        parameter(`${name}.bias`, [hidden], 'zeros'),
      ],
      linear: (name: string, from: number, to: number) => [
        parameter(`${name}.weight`, [from, to], 'normal'),
        parameter(`${name}.bias`, [to], 'zeros'),
      ],
    };
  };
  const layer = (index: number): ParameterSpecification[] => {
    const prefix = `gpt_neox.layers.${index}`;
    const { norm, linear } = ofPart(index + 1, index < Math.floor(layers / 2));
    return [
      ...norm(`${prefix}.input_layernorm`),
      ...norm(`${prefix}.post_attention_layernorm`),
      ...linear(`${prefix}.attention.query_key_value`, hidden, 3 * hidden),
      ...linear(`${prefix}.attention.dense`, hidden, hidden),
      ...linear(`${prefix}.mlp.dense_h_to_4h`, hidden, inner),
      ...linear(`${prefix}.mlp.dense_4h_to_h`, inner, hidden),
    ];
  };
  return [
    ofPart(0, true).table('gpt_neox.embed_in', tokens, hidden),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ...ofPart(layers + 1, true).norm('gpt_neox.final_layer_norm'),
    ...(setup.model.tiedEmbeddings ? [] : [ofPart(layers + 1, false).table('embed_out', hidden, tokens)]),
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
