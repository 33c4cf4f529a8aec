/** Options that several commands have, and what turns their text into values. */
import path from 'node:path';
import { Option } from 'commander';
import { CLAIMS, type Claim } from '../claims/index.ts';
import { ENGINES, type EngineName } from '../engine/names.ts';
import { ExplainedError } from '../explained-error.ts';
import { KNOBS, type Knob } from '../explore/knobs.ts';
import { redact } from '../redact.ts';
import { claimSeeds, PRESETS } from '../setup/presets.ts';
import { didYouMean } from '../suggestion.ts';

/** An option that cannot be understood; the message begins with its name. */
export class UsageError extends ExplainedError {
  override name = 'UsageError';
}

/** Where reports go that are not the reference report. */
export const LOCAL_REPORTS = path.join('reports', 'local');

/** Commands that have a script of their name in package.json. */
const SCRIPTS = ['reproduce', 'report', 'pages', 'verify', 'fuzz'];

/** The command as it is typed in a clone, for documents to say how they were made. */
export function commandLine(command: string): string {
  const given = process.argv.slice(3).map((word) => redact(word));
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
export const dryRunOption = new Option(
  '--dry-run',
  'say which runs there are, which are done, and how long the rest takes on each engine here',
).default(false);
export const jsonOption = new Option(
  '--json',
  'print one JSON document on standard output, and nothing else there',
).default(false);

const MOST_SEEDS = 1000;

/** How many seeds, and which: two options, so that neither is mistaken for the other. */
export const seedsOption = (what: string, standard: number): Option =>
  new Option('--seeds <n>', `how many seeds ${what}, of those that are kept for claims`).default(String(standard));
export const seedListOption = new Option(
  '--seed-list <seeds>',
  'which seeds instead, such as 11 or 11,12,13',
).conflicts('seeds');

/** The seeds that the two options ask for. */
export function parseSeeds({ seeds, seedList }: { seeds: string; seedList?: string }): number[] {
  if (seedList === undefined) {
    if (/^[\d\s]+,[\d,\s]*$/.test(seeds))
      throw new UsageError(
        `--seeds: "${seeds}" is a list, and this is how many; say --seed-list ${seeds.replace(/[\s,]+$/, '')}`,
      );
    return claimSeeds(parseWhole(seeds, '--seeds', 1, MOST_SEEDS));
  }
  const list = seedList.split(',').map((part) => parseWhole(part.trim(), '--seed-list', 0, 0xffffffff));
  if (list.length > MOST_SEEDS) throw new UsageError(`--seed-list: ${list.length} seeds; take at most ${MOST_SEEDS}`);
  if (new Set(list).size < list.length) throw new UsageError(`--seed-list: "${seedList}" names a seed twice`);
  return list;
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
