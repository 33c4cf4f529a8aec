/** What a trial of a few steps trains: weights that cost nothing to draw. */
import { type ParameterValues, parameterSpecifications } from '../model/specifications.ts';
import { stream } from '../random/streams.ts';
import type { Setup } from '../setup/schema.ts';

/** Numbers like initial weights, made quickly: a few thousand draws over and over. */
export function roughValues(setup: Setup): ParameterValues {
  const source = stream(0, 'trial');
  const draws = Float32Array.from({ length: 4099 }, () => source.normal(setup.model.initialDeviation));
  return new Map(
    parameterSpecifications(setup).map(({ name, shape, initial }) => {
      const data = new Float32Array(shape.reduce((size, side) => size * side, 1));
      if (initial === 'ones') data.fill(1);
      else if (initial === 'normal') {
        for (let at = 0; at < data.length; at += draws.length) data.set(draws.subarray(0, data.length - at), at);
      }
      return [name, data];
    }),
  );
}
