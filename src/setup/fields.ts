/** The fields of a plain object, such as a setup, by path. */

export type Path = readonly string[];
type Tree = Record<string, unknown>;

const isTree = (value: unknown): value is Tree => value !== null && typeof value === 'object';

/** Every field that holds no object, with its value. */
export function leaves(value: unknown, path: Path = []): [path: Path, value: unknown][] {
  if (!isTree(value)) return [[path, value]];
  return Object.entries(value).flatMap(([key, entry]) => leaves(entry, [...path, key]));
}

/** The path of every object, the outermost (the empty path) first. */
export function branches(value: unknown, path: Path = []): Path[] {
  if (!isTree(value)) return [];
  return [path, ...Object.entries(value).flatMap(([key, entry]) => branches(entry, [...path, key]))];
}

export function valueAt(tree: unknown, path: Path): unknown {
  return path.reduce((value, key) => (value as Tree)[key], tree);
}

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

/** The fields in which `value` differs from `base`, as `path=value`, the way `--set` takes them. */
export function differences(value: unknown, base: unknown): string[] {
  const before = new Map(leaves(base).map(([path, leaf]) => [path.join('.'), leaf]));
  return leaves(value)
    .map(([path, leaf]) => [path.join('.'), leaf] as const)
    .filter(([path, leaf]) => !Object.is(before.get(path), leaf))
    .map(([path, leaf]) => `${path}=${JSON.stringify(leaf)}`);
}
