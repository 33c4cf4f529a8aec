/**
 * Studies: a setup and every run that was made of it and of its arms. A report is made of studies; an archive keeps one
 * in a file small enough to commit.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress } from 'node:zlib';
import { group } from 'd3-array';
import writeFileAtomic from 'write-file-atomic';
import * as z from 'zod';
import { ARMS, type Arm, armSetup, LLAMA, MAIN, NO_DPO, RELEARNED } from '../claims/arms.ts';
import type { Evidence } from '../claims/claim.ts';
import { setupHash } from '../setup/hash.ts';
import { type Setup, SetupError, storedSetupSchema } from '../setup/schema.ts';
import { abridge } from './abridge.ts';
import { isMissing, readBounded, readPacked, readTextIfThere } from './bounded.ts';
import { AT_ONCE, type Execution, executionSchema } from './execution.ts';
import { readJournal, recordDigest } from './journal.ts';
import { arithmeticOf, jsonOf, nameOf, parseAs, parseRunRecord, RecordError, type RunRecord } from './record.ts';
import { StorageError, storing } from './storing.ts';

/** What a job was asked for, so that it can go on without being asked again. */
const askedSchema = z.strictObject({
  /** Ids. */
  claims: z.array(z.string()),
  seeds: z.array(z.number().int().min(0)),
  engine: z.string(),
  /** Runs at once; null where that was left to the program. */
  jobs: z.number().int().min(1).nullable(),
  keepModels: z.boolean(),
});
export type Asked = z.infer<typeof askedSchema>;

/** A run whose record was taken from another job. */
const takenSchema = z.strictObject({
  run: z.string(),
  /** The folder it was trained in. */
  from: z.string(),
});
export type Taken = z.infer<typeof takenSchema>;

const headSchema = z.strictObject({
  /** The setup that arms change, with the seed left at 0. */
  setup: storedSetupSchema,
  /** How the runs of a folder are carried out, which those to come are to be as well. */
  execution: executionSchema.optional(),
  /** The command lines that made the runs. */
  commands: z.array(z.string()),
  /** What `reproduce` was asked for the last time. */
  asked: askedSchema.optional(),
  /** Runs that were not trained here. */
  taken: z.array(takenSchema).optional(),
  /** How many records an archive holds, and the SHA-256 of their lines; a folder has a journal instead. */
  runs: z.number().int().min(0).optional(),
  digest: z.string().optional(),
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

const parseHead = (text: string, source: string): z.infer<typeof headSchema> =>
  parseAs(headSchema, jsonOf(text, source), `${source} names no study`);

/** What is noted in a job's folder, or null where nothing is. */
function headOf(folder: string): z.infer<typeof headSchema> | null {
  const file = path.join(folder, HEAD);
  const text = readTextIfThere(file);
  return text === null ? null : parseHead(text, file);
}

/** How the runs of a job's folder are carried out, or null where nothing is noted. */
export const notedExecution = (folder: string): Execution | null => headOf(folder)?.execution ?? null;

/**
 * The setup of a job, what it was asked for, and by which command.
 * @throws RecordError where the folder is of no job, or does not say
 */
export function notedJob(folder: string): { readonly setup: Setup; readonly asked: Asked; readonly command: string } {
  const head = headOf(folder);
  if (head === null) throw new RecordError(`${folder} is the folder of no job: there is no ${HEAD} in it`);
  if (head.asked === undefined)
    throw new RecordError(
      `${folder} does not say which claims and seeds it is for; give the command that filled it again, with --resume`,
    );
  return { setup: head.setup, asked: head.asked, command: head.commands.at(-1) ?? 'unknown' };
}

/** Which of some runs in a job's folder were taken from elsewhere, now or before. */
export const notedTaken = (folder: string, runs: readonly string[]): Taken[] =>
  (headOf(folder)?.taken ?? []).filter(({ run }) => runs.includes(run));

/** Notes in a job's folder which of its runs were taken from elsewhere. */
export async function noteTaken(folder: string, taken: readonly Taken[]): Promise<void> {
  const head = headOf(folder);
  if (head === null || taken.length === 0) return;
  const all = [...(head.taken ?? []), ...taken];
  const file = path.join(folder, HEAD);
  await storing(file, () => writeFileAtomic(file, `${JSON.stringify({ ...head, taken: all }, null, 2)}\n`));
}

/**
 * Notes in a job's folder which setup its arms change, how runs are carried out and what is asked for, and adds the command
 * to those that filled it.
 * @throws RecordError where the folder holds runs of another setup, or of other passes
 */
export async function noteStudy(
  folder: string,
  setup: Setup,
  command: string,
  execution: Execution = AT_ONCE,
  asked?: Asked,
): Promise<void> {
  const file = path.join(folder, HEAD);
  const before = headOf(folder);
  const base = { ...setup, seed: 0 };
  const refuse = (what: string): never => {
    throw new RecordError(`${folder} holds runs ${what} (${file} says which); choose another folder with --out`);
  };
  if (before !== null && setupHash(before.setup) !== setupHash(base)) refuse('of another setup');
  if (before?.execution !== undefined && before.execution.microBatch !== execution.microBatch)
    refuse('of other passes');
  const commands = [...new Set([...(before?.commands ?? []), command])];
  const head = { setup: base, execution, commands, asked: asked ?? before?.asked, taken: before?.taken };
  await storing(file, () => writeFileAtomic(file, `${JSON.stringify(head, null, 2)}\n`));
}

const byNameAndSeed = (a: RunRecord, b: RunRecord): number =>
  a.setup.name === b.setup.name ? a.setup.seed - b.setup.seed : a.setup.name < b.setup.name ? -1 : 1;

/** @throws RecordError where the journal has an entry whose record is gone or was changed */
async function assertWhole(folder: string, records: ReadonlyMap<string, RunRecord>): Promise<void> {
  const journal = await readJournal(folder);
  if (journal === null) return;
  const gone = [...journal.values()].filter(({ run }) => !records.has(run));
  if (gone.length > 0) {
    throw new RecordError(
      `${folder} lacks records of runs that ended there, as its journal says: ${gone.map(({ run, status }) => `${run} (${status})`).join(', ')}; ` +
        'put them back: a verdict rests on every run',
    );
  }
  for (const [run, record] of records) {
    const entry = journal.get(run);
    if (entry !== undefined && entry.digest !== recordDigest(record))
      throw new RecordError(`${folder}: the record ${run} was changed since it was written; put it back as it was`);
  }
}

async function readFolder(folder: string): Promise<Study> {
  const textOf = (file: string) => readBounded(file).toString('utf8');
  const headFile = path.join(folder, HEAD);
  const head = parseHead(textOf(headFile), headFile);
  const names = (await readdir(path.join(folder, 'runs'))).filter((name) => name.endsWith('.json')).sort();
  const records = new Map<string, RunRecord>();
  for (const name of names) {
    const file = path.join(folder, 'runs', name);
    records.set(path.parse(name).name, parseRunRecord(textOf(file), file));
  }
  await assertWhole(folder, records);
  return { ...head, records: [...records.values()].sort(byNameAndSeed), source: folder };
}

/** Whether a source is one file: packed, as `archive` writes it, or plain, as the page that trains saves it. */
export const isArchive = (source: string): boolean => /\.(jsonl|br)$/.test(source);

const linesDigest = (lines: readonly string[]): string => createHash('sha256').update(lines.join('\n')).digest('hex');

async function readArchive(file: string): Promise<Study> {
  const text = file.endsWith('.br') ? await readPacked(file) : readBounded(file).toString('utf8');
  const [first, ...lines] = text.trimEnd().split('\n');
  const { runs, digest, ...head } = parseHead(first, file);
  const records = lines.map((line, index) => parseRunRecord(line, `${file}, line ${index + 2}`));
  if (runs !== undefined && runs !== records.length)
    throw new RecordError(`${file} holds ${records.length} records and was written with ${runs}; get it again`);
  if (digest !== undefined && digest !== linesDigest(lines))
    throw new RecordError(`${file} was changed since it was written: its records have another digest; get it again`);
  return { ...head, records, source: file };
}

/**
 * Reads a study from the folder of a job or from an archive.
 * @throws RecordError when there is none, or a record of it is damaged; the message names file and field.
 */
export async function readStudy(source: string): Promise<Study> {
  try {
    return isArchive(source) ? await readArchive(source) : await readFolder(source);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw new RecordError(
      `${source} holds no study: give an archive (.jsonl.br, or .jsonl of the page that trains), or a folder that \`npm run reproduce -- --out\` has filled`,
    );
  }
}

/** A study whose runs are all of one arithmetic, and may come from several places. */
export interface PooledStudy extends Study {
  /** The setup's name; with the engine where several studies are of that setup. */
  readonly name: string;
  /** As {@link arithmeticOf}. */
  readonly arithmetic: string;
  /** Records that were given more than once, and are counted once. */
  readonly repeated: number;
}

/** Whether two records are of the same run and say the same of it. */
function alike(a: RunRecord, b: RunRecord): boolean {
  if (a.status === 'failed' || b.status === 'failed') return a.status === b.status;
  return a.parametersDigest === b.parametersDigest && a.ledger.digest === b.ledger.digest;
}

/** @throws RecordError where two records of one run contradict each other */
function distinctRuns(records: readonly RunRecord[], source: string): RunRecord[] {
  /** Of two records that agree, the one that is not abridged. */
  const fuller = (before: RunRecord, record: RunRecord): RunRecord => {
    if (alike(before, record)) return before.status === 'finished' && before.abridged !== undefined ? record : before;
    throw new RecordError(
      `${source}: two records of ${nameOf(record)} contradict each other (${before.status}, ${record.status}); ` +
        'one run has one record: find out which is right, and leave the other out',
    );
  };
  const ofOneRun = group(records, (record) => record.setupHash).values();
  return [...ofOneRun].map((same) => same.reduce(fuller)).sort(byNameAndSeed);
}

/**
 * Reads studies and pools them: records of one setup are one study, wherever they lie. Records whose arithmetic differs are
 * different studies, because they cannot be checked together bit by bit.
 * @returns in the order in which each first occurs in the sources
 * @throws RecordError as {@link readStudy}, and where two records of one run contradict each other
 */
export async function readStudies(sources: readonly string[]): Promise<PooledStudy[]> {
  const found: (Study & { arithmetic: string })[] = [];
  for (const source of sources) {
    const study = await readStudy(source);
    if (study.records.length === 0) throw new RecordError(`${source} holds no run record yet`);
    for (const [arithmetic, records] of group(study.records, arithmeticOf))
      found.push({ ...study, records, arithmetic });
  }
  const pooled = group(found, ({ setup, arithmetic }) => `${setupHash(setup)} ${arithmetic}`);
  const studies = [...pooled.values()].map((parts): PooledStudy => {
    const source = [...new Set(parts.map((part) => part.source))].join(' + ');
    const given = parts.flatMap(({ records }) => records);
    const records = distinctRuns(given, source);
    const commands = [...new Set(parts.flatMap((part) => part.commands))];
    const taken = parts.flatMap((part) => part.taken ?? []);
    const [{ setup, arithmetic }] = parts;
    const repeated = given.length - records.length;
    return { setup, commands, taken, records, source, name: setup.name, arithmetic, repeated };
  });
  const taken = new Set<string>();
  return studies.map((study) => {
    const alone = studies.filter(({ name }) => name === study.name).length === 1;
    const [engine] = study.arithmetic.split(' ');
    const base = alone ? study.name : `${study.name}-${engine}`;
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}-${number}`;
    taken.add(name);
    return { ...study, name };
  });
}

/**
 * Records by arm: for every arm of which the study has runs, those runs in the order of their seeds.
 * @throws RecordError where two records are of one setup, as of two engines: neither may be left out in silence
 */
export function evidenceOf({ setup, records }: Pick<Study, 'setup' | 'records'>): Evidence {
  const byHash = new Map<string, RunRecord>();
  for (const record of records) {
    const before = byHash.get(record.setupHash);
    if (before !== undefined) {
      throw new RecordError(
        `${record.setup.name}, seed ${record.setup.seed} has two records (${arithmeticOf(before)}; ${arithmeticOf(record)}), and a study counts a run once`,
      );
    }
    byHash.set(record.setupHash, record);
  }
  const seeds = [...new Set(records.map((record) => record.setup.seed))].sort((a, b) => a - b);
  const runsOf = (arm: Arm): RunRecord[] => {
    try {
      const hashes = seeds.map((seed) => setupHash(armSetup({ ...setup, seed }, arm)));
      return hashes.map((hash) => byHash.get(hash)).filter((record) => record !== undefined);
    } catch (error) {
      if (error instanceof SetupError) return []; // an arm that this setup cannot have
      throw error;
    }
  };
  return Object.fromEntries(ARMS.map((arm) => [arm.id, runsOf(arm)] as const).filter(([, runs]) => runs.length > 0));
}

/** @throws StorageError where the file is there and is no archive of the same study: it may be someone's */
async function assertReplaceable(file: string, setup: Setup): Promise<void> {
  const refuse = (why: string): never => {
    throw new StorageError(`${file} is there already and ${why}: nothing was written; choose another name`);
  };
  try {
    const before = await readArchive(file);
    if (setupHash(before.setup) !== setupHash(setup)) refuse(`is the archive of another study (${before.setup.name})`);
  } catch (error) {
    if (isMissing(error)) return;
    if (!(error instanceof RecordError)) throw error;
    refuse('is no archive of ours');
  }
}

/** Arms of whose runs claims read more than how they end: their last letters' ranks, or the end of phase 2. */
export const READ_WHOLE: readonly Arm[] = [MAIN, NO_DPO, LLAMA, RELEARNED];

/**
 * Writes a study as one Brotli-compressed file of JSON lines: the study, then a line for each abridged record. Equal
 * studies give equal bytes. @returns the size of the file, bytes
 */
export async function archiveStudy(study: Study, file: string): Promise<number> {
  const evidence = evidenceOf(study);
  const readWhole = new Set(READ_WHOLE.flatMap(({ id }) => evidence[id] ?? []));
  const lines = study.records.map((record) => JSON.stringify(abridge(record, !readWhole.has(record))));
  const { setup, commands, taken } = study;
  const head = JSON.stringify({ setup, commands, taken, runs: lines.length, digest: linesDigest(lines) });
  await assertReplaceable(file, setup);
  const bytes = await promisify(brotliCompress)(`${[head, ...lines].join('\n')}\n`);
  const write = async () => {
    await mkdir(path.dirname(file), { recursive: true });
    await writeFileAtomic(file, bytes);
  };
  await storing(file, write, 'The runs are where they were.');
  return bytes.length;
}
