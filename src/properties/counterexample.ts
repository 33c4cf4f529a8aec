/** Counterexamples: setups of which a property was not true, kept as files that `npm test` tries from then on. */
import { lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import * as z from 'zod';
import { RecordError } from '../records/record.ts';
import { StorageError, storing } from '../records/storing.ts';
import { differences } from '../setup/fields.ts';
import { setupHash } from '../setup/hash.ts';
import { setupSchema } from '../setup/schema.ts';
import { sha256Hex } from '../sha256.ts';
import { SMALLEST } from './arbitraries.ts';
import type { Failure } from './chunk.ts';
import { kindOf, PROPERTIES } from './kinds.ts';

/** Where `npm run fuzz` keeps what it finds, and `npm test` looks. */
const COUNTEREXAMPLES = path.join('fixtures', 'counterexamples');

const schema = z.strictObject({
  property: z.string(),
  /** One paragraph for a reader. */
  explanation: z.string(),
  setup: setupSchema,
  /** What `npm run fuzz` draws the same setup from. */
  replay: z.strictObject({ seed: z.number().int(), path: z.string() }),
});
type Counterexample = z.infer<typeof schema>;

/** A failure in one paragraph: what should be true, for which setup it is not, what happens instead, how to see it. */
export function explain(failure: Failure): string {
  const { property, setup, message, replay } = failure;
  const command = `npm run fuzz -- --property ${property} --seed ${replay.seed} --path ${replay.path}`;
  const statement = PROPERTIES.find(({ id }) => id === property)?.statement ?? property;
  const size = kindOf(property)?.size ?? 'any';
  const fields = differences(setup, SMALLEST[size]).filter((field) => !field.startsWith('name='));
  const base = size === 'any' ? 'the preset pocket' : 'the smallest setup';
  const where = fields.length === 0 ? base : `${base} with ${fields.join(', ')}`;
  return `${statement} This is not true of ${where}: ${message.replace(/\s+/g, ' ').trim()}. To see it: ${command}`;
}

/** Whether a file may be written: there is none, or it is a counterexample and no link. */
async function isReplaceable(file: string): Promise<boolean> {
  const there = await lstat(file).catch(() => null);
  if (there === null) return true;
  if (!there.isFile()) return false;
  try {
    return schema.safeParse(JSON.parse(await readFile(file, 'utf8'))).success;
  } catch {
    return false;
  }
}

/**
 * Saves a failure.
 * @returns the file
 * @throws StorageError that tells the failure, where the file exists and is no counterexample
 */
export async function saveCounterexample(failure: Failure, folder = COUNTEREXAMPLES): Promise<string> {
  const { property, setup, replay } = failure;
  const name = sha256Hex(`${property}/${setupHash(setup)}`).slice(0, 8);
  const file = path.join(folder, `${property.replace('/', '-')}-${name}.json`);
  const content: Counterexample = { property, explanation: explain(failure), setup, replay };
  if (!(await isReplaceable(file))) {
    throw new StorageError(
      `${file} is there already and is no counterexample: nothing was written; move it away. What was found: ${content.explanation}`,
    );
  }
  const write = async () => {
    await mkdir(folder, { recursive: true });
    await writeFileAtomic(file, `${JSON.stringify(content, null, 2)}\n`);
  };
  await storing(file, write, `What was found: ${content.explanation}`);
  return file;
}

/** Reads the counterexamples of a folder, by file. @throws RecordError when one is damaged or of an unknown property. */
export async function readCounterexamples(folder = COUNTEREXAMPLES): Promise<Map<string, Counterexample>> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const found = new Map<string, Counterexample>();
  for (const name of names.filter((entry) => entry.endsWith('.json')).sort()) {
    const file = path.join(folder, name);
    try {
      const counterexample = schema.parse(JSON.parse(await readFile(file, 'utf8')));
      if (kindOf(counterexample.property) === undefined)
        throw new Error(`there is no property ${counterexample.property}`);
      found.set(file, counterexample);
    } catch (error) {
      throw new RecordError(`${file} is no counterexample: ${(error as Error).message}`);
    }
  }
  return found;
}
