/** The folder of a job: run records, checkpoints, report. Every write is atomic; records are never edited. */
import { mkdir, readdir, rename, rm, statfs, writeFile } from 'node:fs/promises';
import path from 'node:path';
import writeFileAtomic from 'write-file-atomic';
import type { EngineName } from '../engine/engine.ts';
import { writePieces } from '../model/safetensors.ts';
import { isMissing, readTextIfThere } from '../records/bounded.ts';
import { type Execution, executionOf, passesInWords } from '../records/execution.ts';
import { type JournalEntry, readJournal, recordDigest, writeJournal } from '../records/journal.ts';
import { assertOwn, writeOwn } from '../records/own-files.ts';
import { parseRunRecord, RecordError, type RunRecord } from '../records/record.ts';
import { StorageError, storing } from '../records/storing.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import type { TrainerState } from '../training/trainer.ts';
import { checkpointBytes, readCheckpoint } from './checkpoint.ts';
import { lock } from './lock.ts';

/** Room for the checkpoints and records of a job of small models. */
const ROOM_NEEDED = 64 * 2 ** 20;

/** File whose lock a job holds while it runs. */
const LOCK = '.lock';

/** Name of a run: what it is, which seed, and enough of the hash to tell setups apart. */
export const runId = (setup: Setup, engine: EngineName): string =>
  `${setup.name}-seed${setup.seed}-${setupHash(setup).slice(0, 10)}-${engine}`;

/** Which run a checkpoint belongs to. */
export const identity = (setup: Setup, engine: EngineName, execution: Execution): string =>
  `${setupHash(setup)}/${engine}${passesInWords(executionOf(setup, execution.microBatch))}`;

/** What the journal says of a record. */
const entryOf = (record: RunRecord): JournalEntry => ({
  run: runId(record.setup, record.engine.name),
  status: record.status,
  digest: recordDigest(record),
});

export class RunStore {
  readonly folder: string;
  #release: (() => void) | null = null;

  constructor(folder: string) {
    this.folder = path.resolve(folder);
  }

  recordPath(setup: Setup, engine: EngineName): string {
    return path.join(this.folder, 'runs', `${runId(setup, engine)}.json`);
  }

  checkpointPath(setup: Setup, engine: EngineName): string {
    return path.join(this.folder, 'checkpoints', `${runId(setup, engine)}.safetensors`);
  }

  /**
   * Makes the folders, proves that they can be written, and keeps other jobs out until {@link close}.
   * @param reports names of the files that the job will write with {@link writeText}
   * @throws StorageError before anything is trained.
   */
  async open(reports: readonly string[] = []): Promise<void> {
    await assertOwn(this.folder, reports);
    await storing(this.folder, async () => {
      for (const part of ['runs', 'checkpoints']) await mkdir(path.join(this.folder, part), { recursive: true });
      const probe = path.join(this.folder, `.probe-${process.pid}`);
      await writeFile(probe, 'x');
      await rm(probe);
      const { bavail, bsize } = await statfs(this.folder);
      if (bavail * bsize < ROOM_NEEDED) throw Object.assign(new Error(), { code: 'ENOSPC' });
      const locked = lock(path.join(this.folder, LOCK));
      if (typeof locked !== 'function')
        throw new StorageError(
          `${this.folder} is in use by another job (process ${locked.heldBy}): wait for it, or choose another folder with --out`,
        );
      this.#release = locked;
    });
  }

  /** Lets other jobs in. */
  close(): void {
    this.#release?.();
    this.#release = null;
  }

  /** File names of the records already here. */
  async recordNames(): Promise<string[]> {
    const names = await readdir(path.join(this.folder, 'runs')).catch((error) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return names.filter((name) => name.endsWith('.json')).sort();
  }

  /**
   * The record of a run, or null when there is none.
   * @throws RecordError when it is damaged, is another run's, or was changed since it was written; also when the run failed
   * here before and its record is gone, because a failed run is not tried again
   */
  async readRecord(setup: Setup, engine: EngineName): Promise<RunRecord | null> {
    const file = this.recordPath(setup, engine);
    const entry = (await readJournal(this.folder))?.get(runId(setup, engine));
    const text = readTextIfThere(file);
    if (text === null) {
      if (entry?.status !== 'failed') return null;
      throw new RecordError(
        `${runId(setup, engine)} failed in ${this.folder} before, and its record is gone: a failed run is not tried again; ` +
          'put the record back, or choose another folder with --out',
      );
    }
    const record = parseRunRecord(text, file);
    if (record.setupHash !== setupHash(setup) || record.engine.name !== engine) {
      const { setup: other, engine: on } = record;
      throw new RecordError(
        `${file} is the record of another run (${runId(other, on.name)}); put it where it was, or choose another folder with --out`,
      );
    }
    if (entry !== undefined && entry.digest !== recordDigest(record)) {
      throw new RecordError(
        `${file} was changed since it was written; put it back as it was, or choose another folder with --out`,
      );
    }
    return record;
  }

  /**
   * Saves a record, enters it in the journal, and removes the run's checkpoint, which it supersedes.
   * @throws StorageError where the run ended before in another way: a record is never replaced
   */
  async writeRecord(record: RunRecord): Promise<string> {
    const { setup, engine, status } = record;
    const file = this.recordPath(setup, engine.name);
    const entry = entryOf(record);
    const before = (await readJournal(this.folder))?.get(entry.run) ?? (await this.#entryOf(setup, engine.name));
    if (before !== undefined && (before.status !== status || before.digest !== entry.digest)) {
      throw new StorageError(
        `${entry.run} ended in ${this.folder} before (${before.status}), and now otherwise (${status}): a record is never replaced; ` +
          'choose another folder with --out',
      );
    }
    await storing(file, () => writeFileAtomic(file, `${JSON.stringify(record)}\n`));
    if (before === undefined) await storing(this.folder, () => writeJournal(this.folder, entry));
    await this.#removeCheckpoints(setup, engine.name);
    return file;
  }

  /** The journal's entry for a record that is here, as it would be; undefined where there is none. */
  async #entryOf(setup: Setup, engine: EngineName): Promise<JournalEntry | undefined> {
    const record = await this.readRecord(setup, engine);
    return record === null ? undefined : entryOf(record);
  }

  /** Removes a run's checkpoint, and what a killed process left of one. */
  async #removeCheckpoints(setup: Setup, engine: EngineName): Promise<void> {
    const folder = path.dirname(this.checkpointPath(setup, engine));
    const id = runId(setup, engine);
    const names = await readdir(folder).catch(() => []); // a store that was never opened has no folder yet
    await Promise.all(
      names.filter((name) => name.startsWith(`${id}.`)).map((name) => rm(path.join(folder, name), { force: true })),
    );
  }

  /** The state to go on from, or null when there is none. @throws CheckpointError when it is damaged. */
  async readCheckpoint(setup: Setup, engine: EngineName, execution: Execution): Promise<TrainerState | null> {
    try {
      return readCheckpoint(this.checkpointPath(setup, engine), identity(setup, engine, execution));
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  async writeCheckpoint(setup: Setup, engine: EngineName, state: TrainerState, execution: Execution): Promise<void> {
    const file = this.checkpointPath(setup, engine);
    const beside = `${file}.${process.pid}.part`;
    await storing(file, async () => {
      try {
        writePieces(beside, checkpointBytes(state, identity(setup, engine, execution))); // gigabytes, at the paper's size
        await rename(beside, file);
      } finally {
        await rm(beside, { force: true });
      }
    });
  }

  /** Folder of a run's trained model, where it is kept. */
  modelPath(setup: Setup, engine: EngineName): string {
    return path.join(this.folder, 'models', runId(setup, engine));
  }

  /** Keeps a trained model. @param save writes its files into a folder */
  async writeModel(setup: Setup, engine: EngineName, save: (folder: string) => void): Promise<void> {
    const folder = this.modelPath(setup, engine);
    await storing(folder, async () => save(folder));
  }

  /** Writes a report file. @throws StorageError where a file of that name is not ours */
  async writeText(name: string, text: string): Promise<string> {
    await writeOwn(this.folder, new Map([[name, text]]));
    return path.join(this.folder, name);
  }
}
