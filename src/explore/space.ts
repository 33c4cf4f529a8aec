/** Spaces of setups: fields of a setup that a search varies, each within a range or among values. */
import { stream } from '../random/streams.ts';
import { leaves, withValue } from '../setup/fields.ts';
import { parseSetup, type Setup, SetupError } from '../setup/schema.ts';
import { parseJson } from '../untrusted.ts';

/** A field that is varied. */
export type Dimension = { readonly field: string } & (
  | {
      readonly low: number;
      readonly high: number;
      /** Draws are spread evenly over the logarithm: ranges of a factor of ten or more that lie above 0. */
      readonly logarithmic: boolean;
      readonly whole: boolean;
    }
  | { readonly values: readonly unknown[] }
);

/** What decides, by our experience, whether a small model from scratch learns the rule or memorises: the default of a search. */
export const DEFAULT_SPACE: readonly string[] = [
  'optimiser.weightDecay=0.01..2',
  'optimiser.learningRate=0.0003..0.003',
  'model.initialDeviation=0.02..0.1',
  'phases.joint.weights.useful=0.1..1',
];

/** As many as there are bases of the sequence that places are taken from. */
const BASES = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29] as const;
export const MOST_DIMENSIONS = BASES.length;

const pathOf = (field: string): string[] => field.split('.');

/** Whether a field takes whole numbers alone, as the schema of setups says. */
function isWhole(setup: Setup, field: string, value: number): boolean {
  try {
    parseSetup(withValue(setup, pathOf(field), Math.floor(value) + 0.5));
    return false;
  } catch (error) {
    if (error instanceof SetupError) return error.message.includes(`${field}: `) && Number.isInteger(value);
    throw error;
  }
}

/**
 * Reads `field=low..high` or `field=a|b|c`.
 * @throws SetupError where it is neither, or no such field can be varied
 */
export function parseDimension(text: string, setup: Setup): Dimension {
  const refuse = (why: string): never => {
    throw new SetupError(`--vary: "${text}" ${why}`);
  };
  const [, field = '', given = ''] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (field === '') refuse('must look like field=low..high or field=a|b|c, as in optimiser.weightDecay=0.01..2');
  if (!leaves(setup).some(([path]) => path.join('.') === field)) refuse('names no field of a setup');
  if (field === 'seed' || field === 'name') refuse('names a field that is no part of what is searched');
  const range = /^(.+)\.\.(.+)$/.exec(given);
  if (range === null) {
    const values = given.split('|').map((value): unknown => {
      try {
        return parseJson(value);
      } catch {
        return value; // plain text
      }
    });
    if (values.length < 2 || new Set(values).size < values.length) refuse('must have at least two different values');
    return { field, values };
  }
  const [low, high] = [Number(range[1]), Number(range[2])];
  if (!Number.isFinite(low) || !Number.isFinite(high) || low >= high) refuse('must be a range from low to high');
  const whole = isWhole(setup, field, low) && Number.isInteger(high);
  return { field, low, high, logarithmic: low > 0 && high / low >= 10, whole };
}

/** The number whose digits in `base` are those of `index`, mirrored behind the point (van der Corput). */
function mirrored(index: number, base: number): number {
  let [rest, value, share] = [index, 0, 1 / base];
  while (rest > 0) {
    value += (rest % base) * share;
    rest = Math.floor(rest / base);
    share /= base;
  }
  return value;
}

/**
 * Places in the unit cube that fill it evenly however many are taken: the Halton sequence, moved by a random shift
 * (Cranley & Patterson 1976, https://doi.org/10.1137/0713071).
 * @returns `[draws][dimensions]`, each in [0, 1)
 */
export function places(draws: number, dimensions: number, seed: number): number[][] {
  if (dimensions > MOST_DIMENSIONS) throw new RangeError(`at most ${MOST_DIMENSIONS} fields are varied at once`);
  const source = stream(seed, 'search/shift');
  const shifts = BASES.slice(0, dimensions).map(() => source.uniform());
  return Array.from({ length: draws }, (_, draw) =>
    shifts.map((shift, dimension) => (mirrored(draw + 1, BASES[dimension]) + shift) % 1),
  );
}

/** Three digits are enough to tell draws apart, and can be typed again. */
const short = (value: number): number => Number(value.toPrecision(3));

/** The value at a place of a dimension. */
export function drawnValue(dimension: Dimension, place: number): unknown {
  if ('values' in dimension) return dimension.values[Math.floor(place * dimension.values.length)];
  const { low, high, logarithmic, whole } = dimension;
  const end = whole ? high + 1 : high; // each whole number has the same share
  const value = logarithmic ? low * (end / low) ** place : low + (end - low) * place;
  return whole ? Math.min(high, Math.floor(value)) : short(value);
}

/** `setup` with a value in each field that is varied; it may be impossible. */
export const placed = (setup: Setup, space: readonly Dimension[], place: readonly number[]): Setup =>
  space.reduce(
    (draft, dimension, index) => withValue(draft, pathOf(dimension.field), drawnValue(dimension, place[index])),
    setup,
  );
