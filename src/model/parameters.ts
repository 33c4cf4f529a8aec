/** The parameters of a GPT-NeoX model on the engine. */
import { tf } from '../engine/engine.ts';
import { type ModelSetup, type ParameterValues, parameterSpecifications } from './specifications.ts';

export * from './specifications.ts';

/** A model's parameters by name. */
export type Parameters = Map<string, tf.Tensor>;

/** Puts parameter values on the engine. */
export function loadParameters(setup: ModelSetup, values: ParameterValues): Parameters {
  return new Map(
    parameterSpecifications(setup).map(({ name, shape }) => {
      const data = values.get(name);
      if (data === undefined) throw new Error(`the parameter ${name} is missing`);
      return [name, tf.tensor(data, [...shape])];
    }),
  );
}

/** Copies the values of parameters off the engine. */
export const valuesOf = (parameters: Parameters, names: Iterable<string> = parameters.keys()): ParameterValues =>
  new Map(
    // The CPU backend gives the array that it computes with: copied.
    [...names].map((name) => [name, (parameters.get(name) as tf.Tensor).dataSync<'float32'>().slice()]),
  );
