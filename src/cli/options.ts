/** Options that several commands have, and what turns their text into values. */
import path from 'node:path';
import { Option } from 'commander';
import { CLAIMS, type Claim } from '../claims/index.ts';
import { ENGINES, type EngineName } from '../engine/engine.ts';
import { KNOBS, type Knob } from '../explore/knobs.ts';
import { claimSeeds, PRESETS } from '../setup/presets.ts';
import { didYouMean } from '../suggestion.ts';

/** An option that cannot be understood; the message begins with its name. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Where reports go that are not the reference report. */
export const LOCAL_REPORTS = path.join('reports', 'local');

/** Commands that have a script of their name in package.json. */
const SCRIPTS = ['reproduce', 'report', 'verify', 'fuzz'];

/** The command as it is typed in a clone, for documents to say how they were made. */
export function commandLine(command: string): string {
  const given = process.argv.slice(3);
  if (!SCRIPTS.includes(command)) return ['npx negative-knowledge', command, ...given].join(' ');
  return [`npm run ${command}`, ...(given.length > 0 ? ['--'] : []), ...given].join(' ');
}

/** Collects the values of an option that may be given several times. */
export const repeated = (value: string, earlier: readonly string[]): string[] => [...earlier, value];

export const presetOption = new Option('--preset <name>', `which setup: ${Object.keys(PRESETS).join(', ')}`).default(
  'pocket',
);
export const configOption = new Option(
  '--config <file>',
  'a file of setup fields to change: JSON, which may have comments, or YAML',
);
export const jobsOption = new Option('--jobs <n>', 'runs at once (default: one a core; 1 for large models)').argParser(
  (text) => parseWhole(text, '--jobs', 1, 1024),
);
export const jsonOption = new Option(
  '--json',
  'print one JSON document on standard output, and nothing else there',
).default(false);

/** `8` is how many of the preset's own seeds, `11,12,13` (or `11,` for one) which. */
export function parseSeeds(text: string): number[] {
  const number = (part: string): number => {
    const value = Number(part);
    if (!/^\d+$/.test(part.trim()) || value > 0xffffffff) {
      throw new UsageError(`--seeds: "${text}" must be a count such as 8, or seeds such as 11,12,13`);
    }
    return value;
  };
  if (text.includes(',')) {
    const seeds = text.replace(/,$/, '').split(',').map(number);
    if (new Set(seeds).size < seeds.length) throw new UsageError(`--seeds: "${text}" names a seed twice`);
    return seeds;
  }
  const count = number(text);
  if (count < 1 || count > 1000) throw new UsageError(`--seeds: ${count} seeds; take 1 to 1000`);
  return claimSeeds(count);
}

/** What `text` names, by their ids, each once; blanks around commas are no part of them. */
function parseIds<Known extends { readonly id: string }>(
  text: string,
  known: readonly Known[],
  refusal: (given: string, ids: string) => string,
): Known[] {
  const ids = known.map((one) => one.id);
  return [...new Set(text.split(',').map((id) => id.trim()))].map((id) => {
    const found = known.find((one) => one.id === id);
    if (found === undefined) throw new UsageError(refusal(`"${id}"${didYouMean(id, ids)}`, ids.join(', ')));
    return found;
  });
}

/** `all`, or claims by their ids. */
export const parseClaims = (text: string): Claim[] =>
  text === 'all'
    ? [...CLAIMS]
    : parseIds(text, CLAIMS, (given, ids) => `--claims: there is no ${given}; claims are all, ${ids}`);

/** An engine by its name. */
export function engineNamed(text: string): EngineName {
  const engine = ENGINES.find((name) => name === text);
  if (engine !== undefined) return engine;
  throw new UsageError(
    `--engine: there is no "${text}"${didYouMean(text, ENGINES)}; engines are ${ENGINES.join(', ')}`,
  );
}

/** Knobs by their ids. */
export const parseKnobs = (text: string, option: string): Knob[] =>
  parseIds(text, KNOBS, (given, ids) => `${option}: there is no ${given}; knobs are ${ids}`);

const UNITS = { s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `90s`, `10m` or `2h` in milliseconds. */
export function parseDuration(text: string, option: string): number {
  const [, amount, unit] = /^(\d{1,6})([smh])$/.exec(text) ?? [];
  if (amount === undefined) throw new UsageError(`${option}: "${text}" must be a time such as 90s, 10m or 2h`);
  return Number(amount) * UNITS[unit as keyof typeof UNITS];
}

/** A whole number in `[min, max]`, in decimal digits: `0x10` and `1e3` are more likely slips than meant. */
export function parseWhole(text: string, option: string, min: number, max: number): number {
  const value = /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new UsageError(`${option}: "${text}" must be a whole number from ${min} to ${max}`);
  return value;
}
