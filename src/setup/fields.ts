/** The fields of a plain object, such as a setup, by path. */

export type Path = readonly string[];
type Tree = Record<string, unknown>;

/** Every field that holds no object, with its value. */
export function leaves(value: unknown, path: Path = []): [path: Path, value: unknown][] {
  if (value === null || typeof value !== 'object') return [[path, value]];
  return Object.entries(value).flatMap(([key, entry]) => leaves(entry, [...path, key]));
}

/** The value at a path; undefined where there is none. */
export const valueAt = (tree: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, key) => (value as Tree | undefined)?.[key], tree);

/** A copy of `tree` with the field at `path` set, or left out where `value` is undefined. */
export function withValue<T>(tree: T, path: Path, value: unknown): T {
  const copy = structuredClone(tree);
  const parent = valueAt(copy, path.slice(0, -1)) as Tree;
  const key = path[path.length - 1];
  if (value === undefined) delete parent[key];
  // Plain assignment to __proto__ would set the prototype, where JSON.parse makes a field.
  else Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
  return copy;
}

/** The fields in which `value` differs from `base`, as the `path=value` that `--set` takes. */
export function differences(value: unknown, base: unknown): string[] {
  const before = new Map(leaves(base).map(([path, leaf]) => [path.join('.'), leaf]));
  return leaves(value)
    .filter(([path, leaf]) => !Object.is(before.get(path.join('.')), leaf))
    .map(([path, leaf]) => `${path.join('.')}=${JSON.stringify(leaf)}`);
}
