import type { Path } from '../../src/setup/fields.ts';

/** The path of every object in a value, the outermost (the empty path) first. */
export function branches(value: unknown, path: Path = []): Path[] {
  if (value === null || typeof value !== 'object') return [];
  return [path, ...Object.entries(value).flatMap(([key, entry]) => branches(entry, [...path, key]))];
}
