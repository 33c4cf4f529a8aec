/**
 * Studies: a setup and every run that was made of it and of its arms. A report is made of studies; an archive keeps one
 * in a file small enough to commit.
 */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, brotliDecompress } from 'node:zlib';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import { ARMS, type Arm, armSetup, MAIN, NO_DPO } from '../claims/arms.ts';
import type { Evidence } from '../claims/claim.ts';
import { setupHash } from '../setup/hash.ts';
import { type Setup, SetupError, setupSchema } from '../setup/schema.ts';
import { type FinishedRun, parseRunRecord, RecordError, type RunRecord } from './record.ts';
import { storing } from './storing.ts';

const headSchema = z.strictObject({
  /** The setup that arms change, with the seed left at 0. */
  setup: setupSchema,
  /** The command lines that made the runs. */
  commands: z.array(z.string()),
});

export interface Study extends z.infer<typeof headSchema> {
  readonly records: readonly RunRecord[];
  /** The file or folder it was read from. */
  readonly source: string;
}

/** Where the archives of the reference report are. */
export const ARCHIVES = path.join('reports', 'records');

/** File of a job's folder that says which study its runs belong to. */
const HEAD = 'study.json';

const missing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

function parseHead(text: string, source: string): z.infer<typeof headSchema> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new RecordError(`${source} is no JSON (${(error as Error).message}); a truncated copy?`);
  }
  const result = headSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new RecordError(`${source} names no study: ${issue.path.join('.') || 'document'}: ${issue.message}`);
}

/** The setup that a job's folder was filled with, or null where none is noted. */
export async function notedSetup(folder: string): Promise<Setup | null> {
  const file = path.join(folder, HEAD);
  const text = await readFile(file, 'utf8').catch((error) => {
    if (missing(error)) return null;
    throw error;
  });
  return text === null ? null : parseHead(text, file).setup;
}

/** Notes in a job's folder which setup its arms change, and adds the command to those that filled it. */
export async function noteStudy(folder: string, setup: Setup, command: string): Promise<void> {
  const file = path.join(folder, HEAD);
  const before = await readFile(file, 'utf8').catch((error) => {
    if (missing(error)) return null;
    throw error;
  });
  const base = { ...setup, seed: 0 };
  const commands = before === null ? [] : parseHead(before, file).commands;
  if (before !== null && setupHash(parseHead(before, file).setup) !== setupHash(base))
    throw new RecordError(
      `${folder} holds runs of another setup (${file} says which); choose another folder with --out`,
    );
  const head = { setup: base, commands: [...new Set([...commands, command])] };
  await storing(file, () => writeFileAtomic(file, `${JSON.stringify(head, null, 2)}\n`));
}

const byNameAndSeed = (a: RunRecord, b: RunRecord): number =>
  a.setup.name === b.setup.name ? a.setup.seed - b.setup.seed : a.setup.name < b.setup.name ? -1 : 1;

async function readFolder(folder: string): Promise<Study> {
  const file = path.join(folder, HEAD);
  const head = parseHead(await readFile(file, 'utf8'), file);
  const names = (await readdir(path.join(folder, 'runs'))).filter((name) => name.endsWith('.json')).sort();
  const records = await Promise.all(
    names.map(async (name) => {
      const record = path.join(folder, 'runs', name);
      return parseRunRecord(await readFile(record, 'utf8'), record);
    }),
  );
  return { ...head, records: records.sort(byNameAndSeed), source: folder };
}

async function readArchive(file: string): Promise<Study> {
  let text: string;
  try {
    text = (await promisify(brotliDecompress)(await readFile(file))).toString('utf8');
  } catch (error) {
    if (missing(error)) throw error;
    throw new RecordError(`${file} is no archive (${(error as Error).message}); a truncated copy?`);
  }
  const [head, ...lines] = text.trimEnd().split('\n');
  const records = lines.map((line, index) => parseRunRecord(line, `${file}, line ${index + 2}`));
  return { ...parseHead(head, file), records, source: file };
}

/**
 * Reads a study from the folder of a job or from an archive.
 * @throws RecordError when there is none, or a record of it is damaged; the message names file and field.
 */
export async function readStudy(source: string): Promise<Study> {
  try {
    return source.endsWith('.br') ? await readArchive(source) : await readFolder(source);
  } catch (error) {
    if (!missing(error)) throw error;
    throw new RecordError(
      `${source} holds no study: give an archive (.jsonl.br), or a folder that \`npm run reproduce -- --out\` has filled`,
    );
  }
}

/** Records by arm: for every arm of which the study has runs, those runs in the order of their seeds. */
export function evidenceOf({ setup, records }: Pick<Study, 'setup' | 'records'>): Evidence {
  const byHash = new Map(records.map((record) => [record.setupHash, record]));
  const seeds = [...new Set(records.map((record) => record.setup.seed))].sort((a, b) => a - b);
  const runsOf = (arm: Arm): RunRecord[] => {
    try {
      return seeds
        .map((seed) => byHash.get(setupHash(armSetup({ ...setup, seed }, arm))))
        .filter((record) => record !== undefined);
    } catch (error) {
      if (error instanceof SetupError) return []; // an arm that this setup cannot have
      throw error;
    }
  };
  return Object.fromEntries(ARMS.map((arm) => [arm.id, runsOf(arm)] as const).filter(([, runs]) => runs.length > 0));
}

const rounded = (value: number, decimals: number): number => {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor || 0; // no -0, which JSON would turn into 0
};

/** Every number in a value, rounded. */
function roundAll<Value>(value: Value, decimals: number): Value {
  if (typeof value === 'number') return rounded(value, decimals) as Value;
  if (Array.isArray(value)) return value.map((part) => roundAll(part, decimals)) as Value;
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, roundAll(part, decimals)])) as Value;
  return value;
}

type Snapshot = FinishedRun['snapshots'][number];
type Scores = Snapshot['sets']['heldOut'];

/** What {@link abridge} leaves out, in words. */
export const ABRIDGED =
  'Log-probabilities are rounded to 3 decimals and other measures to 4; per-step losses, and the passwords themselves, which the setup ' +
  'draws again, are left out. Of runs that only a grid reads, the last snapshot is kept, with log-probabilities of 2 decimals and no ranks.';

/**
 * A record small enough to commit: the same document with less in it. What identifies the run (setup, seed, engine,
 * machine, digests of parameters and ledger) stays whole.
 * @param cell whether only a grid reads the run: guess rates at its end are then all that is asked of its letters
 */
export function abridge(record: RunRecord, cell: boolean): RunRecord {
  if (record.status === 'failed') return record;
  const none = { total: [], dpo: [], useful: [], random: [], randomReverse: [], gradientNorm: [] };
  const scores = ({ logProbabilities, ranks, lens, calibrated }: Scores): Scores => ({
    passwords: [],
    logProbabilities: roundAll(logProbabilities, cell ? 2 : 3),
    ranks: cell ? [] : ranks,
    lens: roundAll(lens, 4),
    calibrated: roundAll(cell ? { ...calibrated, logLikelihoods: [] } : calibrated, 4),
  });
  const snapshot = ({ sets, ...when }: Snapshot): Snapshot => ({
    ...when,
    sets: { heldOut: scores(sets.heldOut), useful: scores(sets.useful), random: scores(sets.random) },
  });
  const last = record.snapshots.find(({ phase }) => phase === 'joint') as Snapshot;
  return {
    ...record,
    trajectories: { pretrain: none, dpo: none, joint: none },
    evaluations: record.evaluations.map(({ sets, ...when }) => ({ ...when, sets: roundAll(sets, 4) })),
    snapshots: (cell ? [last] : record.snapshots).map(snapshot),
    overlap: roundAll(record.overlap, 4),
  };
}

/**
 * Writes a study as one Brotli-compressed file of JSON lines: the study, then a line for each abridged record. Equal
 * studies give equal bytes. @returns the size of the file, bytes
 */
export async function archiveStudy(study: Study, file: string): Promise<number> {
  const evidence = evidenceOf(study);
  const readWhole = new Set([MAIN, NO_DPO].flatMap(({ id }) => evidence[id] ?? []));
  const lines = [
    { setup: study.setup, commands: study.commands },
    ...study.records.map((record) => abridge(record, !readWhole.has(record))),
  ].map((line) => `${JSON.stringify(line)}\n`);
  const bytes = await promisify(brotliCompress)(lines.join(''));
  const write = async () => {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFileAtomic(file, bytes);
  };
  await storing(file, write, 'The runs are where they were.');
  return bytes.length;
}
