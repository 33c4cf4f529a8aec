/** A preset with changes: from a configuration file, then from `--set path=value`. */
import { stripComments } from 'jsonc-parser';
import { parse as parseYaml } from 'yaml';
import { readTextFile } from '../files.ts';
import { didYouMean } from '../suggestion.ts';
import { parseJson, UntrustedError } from '../untrusted.ts';
import { PRESETS, type PresetName } from './presets.ts';
import { parseSetup, type Setup, SetupError } from './schema.ts';

type Plain = Record<string, unknown>;

const isPlain = (value: unknown): value is Plain =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

/** Sets `changes` into `target`, field by field. @throws SetupError for a field that no setup has. */
function merge(target: Plain, changes: Plain, where: string, source: string): void {
  for (const [key, value] of Object.entries(changes)) {
    const path = where === '' ? key : `${where}.${key}`;
    if (!Object.hasOwn(target, key)) {
      const here = Object.keys(target);
      throw new SetupError(
        `${source}: there is no field "${path}"${didYouMean(key, here)}; fields here are ${here.join(', ')}`,
      );
    }
    const existing = target[key];
    if (isPlain(existing) && isPlain(value)) merge(existing, value, path, source);
    else target[key] = value;
  }
}

/** Reads `path=value`. A value that is no JSON is plain text. @throws SetupError when there is no "=" */
function parseAssignment(text: string): { keys: string[]; value: unknown } {
  const at = text.indexOf('=');
  if (at < 1) throw new SetupError(`--set: "${text}" must look like path=value, as in --set beta=0.1`);
  const [keys, value] = [text.slice(0, at).split('.'), text.slice(at + 1)];
  try {
    return { keys, value: parseJson(value) };
  } catch {
    return { keys, value };
  }
}

/** The most bytes of a configuration; a setup has about two thousand. */
const MOST_CONFIGURATION = 2 ** 20;

/** Brackets in a YAML file, or columns before a line's content, at most; a setup has three levels. */
const MOST_LEVELS = 256;

/** Reads JSON, in which comments may stand, or YAML where the file's name says so. @throws UntrustedError where it is neither */
function parseConfiguration(file: string, text: string): unknown {
  if (!/\.ya?ml$/i.test(file)) return parseJson(stripComments(text, ' '));
  // The YAML parser calls itself for each level, and a deep one ends the process.
  const opened = text.match(/[[{]/g)?.length ?? 0;
  if (opened > MOST_LEVELS || new RegExp(`^[ \\t?:-]{${MOST_LEVELS}}`, 'm').test(text))
    throw new UntrustedError('is nested too deep');
  let content: unknown;
  try {
    content = parseYaml(text, { prettyErrors: true });
  } catch (error) {
    throw new UntrustedError(`is no YAML (${(error as Error).message.trim().split('\n')[0]})`);
  }
  return parseJson(JSON.stringify(content) ?? 'null'); // dates and the like are nothing that a setup has
}

/** Reads a file as data: JSON, in which comments may stand, or YAML. @throws UntrustedError where it is neither */
export const readStructured = (file: string): unknown =>
  parseConfiguration(file, readTextFile(file, MOST_CONFIGURATION));

/** Changed fields as `path=value`. */
export const assignmentsOf = (changes: Readonly<Record<string, unknown>>): string[] =>
  Object.entries(changes).map(([field, value]) => `${field}=${JSON.stringify(value)}`);

/** Reads an object of fields. @throws SetupError when the file is missing or holds none */
function readConfiguration(file: string): Plain {
  let content: unknown;
  try {
    content = readStructured(file);
  } catch (error) {
    throw new SetupError(`--config: cannot read ${file}: ${(error as Error).message}`);
  }
  if (!isPlain(content)) throw new SetupError(`--config: ${file} must hold an object of setup fields`);
  const { $schema: _editors, ...fields } = content; // tells an editor what may stand in the file
  return fields;
}

interface Overrides {
  preset: string;
  config?: string;
  set?: readonly string[];
}

/**
 * The setup that a command line asks for. A changed preset is called `<preset>-custom` unless the change names it.
 * @throws SetupError naming the option and the field
 */
export function resolveSetup({ preset, config, set = [] }: Overrides): Setup {
  if (!Object.hasOwn(PRESETS, preset)) {
    const names = Object.keys(PRESETS);
    throw new SetupError(
      `--preset: there is no "${preset}"${didYouMean(preset, names)}; presets are ${names.join(', ')}`,
    );
  }
  const setup: Plain = structuredClone(PRESETS[preset as PresetName]);
  if (config !== undefined || set.length > 0) setup.name = `${preset}-custom`;
  if (config !== undefined) merge(setup, readConfiguration(config), '', '--config');
  for (const text of set) {
    const { keys, value } = parseAssignment(text);
    if (keys[0] === 'seed') throw new SetupError('--set: seeds are chosen with --seeds and --seed-list');
    merge(setup, keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Plain, '', '--set');
  }
  return parseSetup(setup);
}
