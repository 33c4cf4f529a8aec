/** The content hash of a setup is its identity. */
import { sha256Hex } from '../sha256.ts';
import { type Path, valueAt, withValue } from './fields.ts';
import type { Setup } from './schema.ts';

/** JSON with object keys in code-unit order, so that equal content gives equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, entry]) => `${JSON.stringify(key)}:${canonicalJson(entry)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

/**
 * Does the same work once for arguments of equal content. Many runs of a study differ in a part that the work does not read.
 * @param work depends on its argument alone, which JSON can hold
 */
export function remembering<Argument, Result>(work: (argument: Argument) => Result): (argument: Argument) => Result {
  const results = new Map<string, Result>();
  return (argument) => {
    const key = sha256Hex(canonicalJson(argument));
    const known = results.get(key);
    if (known !== undefined || results.has(key)) return known as Result;
    const result = work(argument);
    results.set(key, result);
    return result;
  };
}

/**
 * Fields that setups did not have from the start, with the value that all runs had before. A field of that value does not
 * enter the hash, so that a setup's identity outlives the addition.
 */
const LATER: readonly [Path, unknown][] = [
  [['microBatch'], null], // in files from before passes became part of the execution
  [['model', 'weights'], null],
  [['model', 'parallelResidual'], true],
  [['model', 'activation'], 'gelu'],
  [['model', 'tiedEmbeddings'], false],
];

/** Those that came after journals began to keep digests of whole records: they enter no digest either. */
const LATEST: typeof LATER = [
  [['passwords', 'standIns'], 'none'],
  [['objective'], 'dpo'],
  [['margin'], 0],
  [['phases', 'dpo', 'stopAtHeldOutGuessRate'], null],
  [['phases', 'joint', 'usefulOrder'], 'shuffled-passes'],
  [['evaluation', 'first'], null],
  [['evaluation', 'dissection'], false],
  [['model', 'family'], 'gpt-neox'],
  [['model', 'keyValueHeads'], null],
];

/** Without the fields that say what was so before there were such fields. */
const without = <Content>(content: Content, fields: typeof LATER): Content =>
  fields.reduce(
    (rest, [path, before]) => (valueAt(rest, path) === before ? withValue(rest, path, undefined) : rest),
    content,
  );

/** A setup as records of before had it, whose digests stand in journals. */
export const asRecorded = (setup: Setup): Setup => without(setup, LATEST);

/** Whether a setup may leave the field out, as old setups do. */
export const hasDefault = (path: Path): boolean =>
  [...LATER, ...LATEST].some(([later]) => later.join('.') === path.join('.'));

/**
 * SHA-256 (hex) of a setup's content without its name, which is a label.
 * @param passes sequences of each kind in a pass. Old setups held them, and old records have the hash with them; now they
 *   are part of the execution.
 */
export function setupHash(setup: Setup, passes: number | null = null): string {
  const { name: _label, ...all } = setup;
  const content = without(passes === null ? all : { ...all, microBatch: passes }, [...LATER, ...LATEST]);
  return sha256Hex(canonicalJson(content));
}
