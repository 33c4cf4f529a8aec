/** The parameters of a model on the engine. */
import { type Engine, tf } from '../engine/engine.ts';
import type { Graphs } from '../engine/graphs.ts';
import { type ModelSetup, type ModelShape, type ParameterValues, parameterSpecifications } from './specifications.ts';

export * from './specifications.ts';

/** A model's parameters by name. */
export type Parameters = Map<string, tf.Tensor>;

/** Looks a parameter up by its name. @throws Error naming one that is missing */
export function parameter(parameters: Parameters, name: string): tf.Tensor {
  const found = parameters.get(name);
  if (found === undefined) throw new Error(`the model's parameter ${name} is missing`);
  return found;
}

/** A model on an engine. */
export interface LoadedModel {
  readonly engine: Engine;
  readonly parameters: Parameters;
  readonly model: ModelShape;
  /** Where its graphs are kept from call to call; absent to call every operation by itself. */
  readonly graphs?: Graphs;
}

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
export async function valuesOf(
  { engine, parameters }: Pick<LoadedModel, 'engine' | 'parameters'>,
  names: Iterable<string> = parameters.keys(),
): Promise<ParameterValues> {
  const values: ParameterValues = new Map();
  for (const name of names) values.set(name, (await engine.read(parameters.get(name) as tf.Tensor)).slice());
  return values;
}

/** L2 norm of all parameters together, summed in double precision. */
export async function parameterNorm({
  engine,
  parameters,
}: Pick<LoadedModel, 'engine' | 'parameters'>): Promise<number> {
  let squares = 0;
  for (const parameter of parameters.values()) {
    const values = await engine.read(parameter);
    for (let index = 0; index < values.length; index++) squares += values[index] * values[index];
  }
  return Math.sqrt(squares);
}
