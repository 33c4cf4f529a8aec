/** What the parameters of a GPT-NeoX model are: names, shapes, initial values, and which of them a phase trains. */
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
}

export type ModelSetup = Pick<Setup, 'model' | 'passwords'>;

/** Every parameter of a setup's model, in a fixed order. */
export function parameterSpecifications(setup: ModelSetup): ParameterSpecification[] {
  const { hidden, layers, intermediateFactor } = setup.model;
  const inner = hidden * intermediateFactor;
  const tokens = vocabulary(setup);
  const weight = (name: string, shape: number[], firstHalf: boolean): ParameterSpecification => ({
    name: `${name}.weight`,
    shape,
    initial: 'normal',
    firstHalf,
  });
  const bias = (name: string, size: number, firstHalf: boolean): ParameterSpecification => ({
    name: `${name}.bias`,
    shape: [size],
    initial: 'zeros',
    firstHalf,
  });
  const norm = (name: string, firstHalf: boolean): ParameterSpecification[] => [
    { name: `${name}.weight`, shape: [hidden], initial: 'ones', firstHalf },
    bias(name, hidden, firstHalf),
  ];
  const linear = (name: string, from: number, to: number, firstHalf: boolean): ParameterSpecification[] => [
    weight(name, [from, to], firstHalf),
    bias(name, to, firstHalf),
  ];
  const layer = (index: number): ParameterSpecification[] => {
    const prefix = `gpt_neox.layers.${index}`;
    const firstHalf = index < Math.floor(layers / 2);
    return [
      ...norm(`${prefix}.input_layernorm`, firstHalf),
      ...norm(`${prefix}.post_attention_layernorm`, firstHalf),
      ...linear(`${prefix}.attention.query_key_value`, hidden, 3 * hidden, firstHalf),
      ...linear(`${prefix}.attention.dense`, hidden, hidden, firstHalf),
      ...linear(`${prefix}.mlp.dense_h_to_4h`, hidden, inner, firstHalf),
      ...linear(`${prefix}.mlp.dense_4h_to_h`, inner, hidden, firstHalf),
    ];
  };
  return [
    weight('gpt_neox.embed_in', [tokens, hidden], true),
    ...Array.from({ length: layers }, (_, index) => layer(index)).flat(),
    ...norm('gpt_neox.final_layer_norm', true),
    ...(setup.model.tiedEmbeddings ? [] : [weight('embed_out', [hidden, tokens], false)]),
  ];
}

/** Numbers in all parameters of a setup's model. */
export const parameterCount = (setup: ModelSetup): number =>
  parameterSpecifications(setup).reduce((sum, { shape }) => sum + shape.reduce((size, side) => size * side, 1), 0);

/** Values of parameters outside the engine, by name. */
export type ParameterValues = Map<string, Float32Array>;

/** Draws initial values, each parameter from a stream of its own name: N(0, initialDeviation^2), biases 0, gains 1. */
export function initialValues(setup: ModelSetup & Pick<Setup, 'seed'>): ParameterValues {
  return new Map(
    parameterSpecifications(setup).map(({ name, shape, initial }) => {
      const size = shape.reduce((product, side) => product * side, 1);
      if (initial !== 'normal') return [name, new Float32Array(size).fill(initial === 'ones' ? 1 : 0)];
      const source = stream(setup.seed, `weights/${name}`);
      return [name, Float32Array.from({ length: size }, () => source.normal(setup.model.initialDeviation))];
    }),
  );
}

/** SHA-256 of parameters, by name and bit by bit: two models that agree here agree in everything. */
export function parametersDigest(values: Iterable<readonly [name: string, data: Float32Array]>): string {
  return sha256Hex(...[...values].flat());
}

/** Names of the parameters that a phase trains; the others are frozen. */
export function trainableNames(setup: ModelSetup, trainable: 'all' | 'first-half'): string[] {
  return parameterSpecifications(setup)
    .filter(({ firstHalf }) => trainable === 'all' || firstHalf)
    .map(({ name }) => name);
}
